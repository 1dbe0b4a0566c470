"""One object instead of two pages of commands: clusters that an operator makes, shows, and takes away again."""

import json
import time

import pytest
from definition import KIND
from generated import ROLE, SLOW_S
from kubectl import is_ready
from operated import CONDITIONS, KEYS, NAME, OPERATORS, Operated, install_operator, kill_operators, leaders

# How much longer than its pods a cluster may take to start: a few seconds on an idle machine, and this on a busy one.
BUSY_START_S = 15
LAST_LOOK_S = 2
IDLE_S = 60


@pytest.fixture(name="operator", autouse=True)
def installed(cluster, kubectl):
    install_operator(kubectl, cluster.images["keyway"])


@pytest.mark.parametrize("mode, count, ready", [("sharded", 6, "3/3"), ("replicated", 2, "1/1")])
def test_a_cluster_is_made_shown_and_deleted(cluster, kubectl, mode, count, ready):
    made = Operated(kubectl, cluster.images, mode)
    writes_at = made.wait_writes()
    pods = made.wait_settled(count)
    longer_s = writes_at - max(made.started_at(), made.applied_at)
    print(f"{mode}: every shard took writes {writes_at - made.applied_at:.1f} s after the apply, {longer_s:.1f} s after its last pod had started")
    assert longer_s < BUSY_START_S

    head, row = (line.split() for line in kubectl.run("get", "keywayclusters").stdout.splitlines())
    shown = dict(zip(head, row))
    version = cluster.images["redis"].rpartition(":")[2]
    assert shown == {"NAME": NAME, "MODE": mode, "SHARDS": ready[0], "READY": ready, "STATE": "ready", "VERSION": version, "AGE": shown["AGE"]}
    conditions = made.conditions()
    assert set(conditions) == CONDITIONS
    assert {kind for kind, (status, *_) in conditions.items() if status == "True"} == CONDITIONS - {"Progressing", "Degraded"}
    assert made.object()["status"]["observedGeneration"] == made.object()["metadata"]["generation"]
    assert any(line.startswith("UsersCreated") for line in made.events())
    places = {(pod["metadata"]["labels"]["partition"], pod["spec"]["nodeName"]) for pod in pods}
    assert len(places) == count, "no two pods of a shard are on one node"

    # All but the volumes goes, and who applies it again finds the data.
    kubectl.run("delete", KIND, NAME)
    kubectl.wait(lambda: not kubectl.get("statefulsets,pods", selector=ROLE) and kubectl.get("service", f"redis-{NAME}") is None,
                 "all to be taken away", SLOW_S)
    claims = kubectl.get("pvc")
    assert len(claims) == count and not any("deletionTimestamp" in claim["metadata"] for claim in claims)
    again = Operated(kubectl, cluster.images, mode)
    again.wait_settled(count)
    client = again.pods().client()
    assert [client.execute(key, "GET", key, deadline_s=SLOW_S) for key in KEYS] == ["1"] * len(KEYS)
    client.close()


def asked(testbed, namespace, since):
    """(who, verb, what) of each request of the namespace's pods since then."""
    found = []
    for line in (testbed.home / "log" / "audit.log").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["user"]["username"].startswith(f"system:serviceaccount:{namespace}:") and entry["requestReceivedTimestamp"] > since:
            found.append((entry["user"]["username"].rpartition(":")[2], entry["verb"], entry["objectRef"]["resource"]))
    return found


def test_nothing_is_written_while_nothing_is_to_be_done(cluster, testbed, kubectl):
    made = Operated(kubectl, cluster.images, "sharded")
    made.wait_settled(6)
    before = made.object()["metadata"]["resourceVersion"]
    # After what was done last there is one more look.
    since = time.time() + LAST_LOOK_S
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since))
    kubectl.wait(lambda: time.time() - since > IDLE_S, "a minute to pass")
    requests = asked(testbed, kubectl.namespace, stamp)
    assert any(resource == "leases" for _, _, resource in requests), "nothing was heard of the Leases: this proves nothing"
    writes = [one for one in requests if one[1] not in ("get", "list", "watch") and one[2] != "leases"]
    assert writes == []
    reads = [one for one in requests if one[0] == "keyway-operator" and one[1] != "watch" and one[2] != "leases"]
    assert reads == [], "the operator reads by watches only"
    assert made.object()["metadata"]["resourceVersion"] == before
    print(f"in {IDLE_S} s: {len(requests)} requests, all of them renewals of Leases or reads by agents: "
          f"{sum(verb not in ('get', 'list', 'watch') for _, verb, _ in requests)} writes")


def test_of_two_operators_one_leads_and_the_other_takes_over(cluster, kubectl):
    made = Operated(kubectl, cluster.images, "replicated")
    made.wait_settled(2)
    leader, = kubectl.wait(lambda: leaders(kubectl), "an operator to lead")
    assert len(kubectl.get("pods", selector=OPERATORS)) == 2
    kubectl.run("delete", "pod", leader["metadata"]["name"], "--force", "--grace-period=0", "--wait=false")
    made.edit(replicas=2)
    made.wait_settled(3)
    after = kubectl.wait(lambda: leaders(kubectl), "another operator to lead")
    assert len(after) == 1 and after[0]["metadata"]["uid"] != leader["metadata"]["uid"]


def test_a_cluster_works_on_without_its_operator(cluster, kubectl):
    """And what is asked of it meanwhile is done when there is one again."""
    made = Operated(kubectl, cluster.images, "sharded")
    made.wait_settled(6)
    kubectl.run("scale", "deployment/keyway-operator", "--replicas=0")
    kubectl.wait(lambda: not kubectl.get("pods", selector=OPERATORS), "the operators to end")
    kubectl.run("delete", "pod", f"redis-partition-p1-{NAME}-0", "--wait=false")
    made.wait_writes()
    made.edit(shards=4)
    kubectl.run("scale", "deployment/keyway-operator", "--replicas=2")
    made.wait_settled(8)
    kill_operators(kubectl)
    kubectl.wait(lambda: sum(map(is_ready, kubectl.get("pods", selector=OPERATORS))) == 2, "two operators")


def test_a_namespace_is_deleted_midway(cluster, kubectl):
    Operated(kubectl, cluster.images, "sharded")
    kubectl.wait(lambda: kubectl.get("pods", selector=ROLE), "the first pods")
    kubectl.run("delete", "namespace", kubectl.namespace, "--wait=false")
    kubectl.wait(lambda: kubectl.get("namespace", kubectl.namespace) is None, "the namespace to be gone", SLOW_S)
