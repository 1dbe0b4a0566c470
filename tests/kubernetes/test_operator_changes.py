"""Edits of a KeywayCluster, each while clients write and read: what is planned loses no write."""

import pytest
from definition import KIND
from generated import ROLE, SLOW_S
from kubectl import is_ready
from operated import NAME, Operated, install_operator, kill_operators, told

from checker import Checker


@pytest.fixture(name="operator", autouse=True)
def installed(cluster, kubectl):
    install_operator(kubectl, cluster.images["keyway"])


@pytest.fixture(name="sharded")
def made_sharded(cluster, kubectl):
    made = Operated(kubectl, cluster.images, "sharded")
    made.wait_settled(6)
    return made


@pytest.fixture(name="replicated")
def made_replicated(cluster, kubectl):
    made = Operated(kubectl, cluster.images, "replicated")
    made.wait_settled(2)
    return made


def test_shards_become_five_and_three_again(sharded, kubectl):
    with Checker(sharded.pods()) as checker:
        kubectl.run("scale", f"{KIND}/{NAME}", "--replicas=5")
        sharded.wait_settled(10)
        assert len(sharded.pods().primaries()) == 5
        kubectl.run("scale", f"{KIND}/{NAME}", "--replicas=3")
        sharded.wait_settled(6)
    told("3, 5, 3 shards", checker)
    checker.verify()


def slots_by_shard(sharded):
    """What each shard's primary says that it owns, in pairs of ends."""
    cluster = sharded.pods()
    found = {}
    for pod in sharded.server_pods():
        for node in cluster.admin(pod["status"]["podIP"]).cluster("nodes").values():
            if "myself" in node["flags"] and node["slots"]:
                found[pod["metadata"]["labels"]["partition"]] = [(int(ends[0]), int(ends[-1])) for ends in node["slots"]]
    return found


def test_shards_that_name_their_slots_and_replicas(sharded, kubectl):
    with Checker(sharded.pods()) as checker:
        sharded.edit(shards=None, namedShards=[{"name": "p1", "slots": ["0-999", "16383"]}, {"name": "p2", "slots": ["1000-16000"], "replicas": 2},
                             {"name": "p3", "slots": ["16001-16382"]}])
        wanted = {"p1": [(0, 999), (16383, 16383)], "p2": [(1000, 16000)], "p3": [(16001, 16382)]}
        kubectl.wait(lambda: slots_by_shard(sharded) == wanted, "the slots to be where they are named", SLOW_S)
        sharded.wait_settled(7)
        sharded.edit(shards=3, namedShards=None)
        kubectl.wait(lambda: {name: sum(last - first + 1 for first, last in ranges) for name, ranges in slots_by_shard(sharded).items()}
                     in ({"p1": 5461, "p2": 5462, "p3": 5461}, {"p1": 5462, "p2": 5461, "p3": 5461}, {"p1": 5461, "p2": 5461, "p3": 5462}),
                     "the slots to be even again", SLOW_S)
        sharded.wait_settled(6)
    told("slots that are named", checker)
    checker.verify()


def test_replicas_become_two_and_one_again(replicated):
    with Checker(replicated.pods()) as checker:
        replicated.edit(replicas=2)
        replicated.wait_settled(3)
        replicated.edit(replicas=1)
        replicated.wait_settled(2)
    told("1, 2, 1 replicas", checker)
    checker.verify()


def uids(pods):
    return {pod["metadata"]["uid"] for pod in pods}


@pytest.mark.parametrize("what", ["config", "image"])
def test_pods_are_replaced_one_after_the_other(sharded, what):
    before = uids(sharded.server_pods())
    images = sharded.images
    edit = {"config": {"config": {"databases": 1, "io-threads": 2}}, "image": {"engine": {"kind": "redis", "image": images["redis-next"]}}}[what]
    with Checker(sharded.pods()) as checker:
        sharded.edit(**edit)
        sharded.kubectl.wait(lambda: not before & uids(sharded.server_pods()), "all pods to be others", SLOW_S)
        sharded.wait_settled(6)
    told(f"another {what}", checker)
    checker.verify()
    if what == "config":
        assert sharded.server_config("io-threads") == {"2"}


def waiting_reasons(pods):
    states = [state for pod in pods for state in pod.get("status", {}).get("containerStatuses", [])]
    return {state["state"]["waiting"]["reason"] for state in states if "waiting" in state["state"]}


def test_a_wrong_image_stops_at_the_first_pod(sharded, kubectl):
    right = sharded.spec["engine"]
    with Checker(sharded.pods()) as checker:
        sharded.edit(engine={"kind": "redis", "image": "keyway.test/none:1"})
        kubectl.wait(lambda: waiting_reasons(sharded.server_pods()) & {"ErrImagePull", "ImagePullBackOff"}, "the image to be missed")
        kubectl.wait(lambda: sharded.conditions()["Degraded"][0] == "True", "the status to say so")
        status, reason, message = sharded.conditions()["Degraded"]
        assert status == "True" and reason in ("ErrImagePull", "ImagePullBackOff") and "keyway.test/none:1" in message
        assert sum(not is_ready(pod) for pod in sharded.server_pods()) == 1
        sharded.edit(engine=right)
        sharded.wait_settled(6)
    told("a wrong image", checker)
    checker.verify()


def test_users_change(sharded, kubectl):
    before = sharded.users()
    pods = uids(sharded.server_pods())
    with Checker(sharded.pods()) as checker:
        sharded.edit(users=[{"name": "workload", "rules": "+@all ~*"}, {"name": "reports", "rules": "+@read +ping ~*"}])
        users = kubectl.wait(lambda: "reports" in sharded.users() and sharded.users(), "the Secret to have the new user")
        assert {name: users[name] for name in before} == before

        def known():
            cluster = sharded.pods()
            hosts = [host for host, _ in cluster.addresses()]
            return all("reports" in cluster.admin(host).acl_users() for host in hosts)
        kubectl.wait(known, "all servers to know the new user", SLOW_S)
        sharded.wait_settled(6)
    checker.verify()
    assert uids(sharded.server_pods()) == pods, "no pod was replaced for that"


def test_operators_are_killed_while_shards_are_added_and_removed(sharded, kubectl):
    """At every step that can be told from outside."""
    def shards():
        return {pod["metadata"]["labels"]["partition"] for pod in sharded.server_pods()}

    def set_names():
        return {one["metadata"]["name"] for one in kubectl.get("statefulsets", selector=ROLE)}
    new = f"redis-partition-p4-{NAME}"
    with Checker(sharded.pods()) as checker:
        kill_operators(kubectl)
        kubectl.run("scale", f"{KIND}/{NAME}", "--replicas=4")
        kubectl.wait(lambda: new in set_names(), "the new shard's StatefulSet")
        kill_operators(kubectl)
        kubectl.wait(lambda: "p4" in shards(), "its pods")
        kill_operators(kubectl)
        kubectl.wait(lambda: len(sharded.pods().primaries()) == 4, "the new shard to own slots", SLOW_S)
        kill_operators(kubectl)
        sharded.wait_settled(8)
        kubectl.run("scale", f"{KIND}/{NAME}", "--replicas=3")
        kill_operators(kubectl)
        kubectl.wait(lambda: new not in set_names(), "the StatefulSet to be gone", SLOW_S)
        kill_operators(kubectl)
        sharded.wait_settled(6)
    told("operators killed", checker)
    checker.verify()
