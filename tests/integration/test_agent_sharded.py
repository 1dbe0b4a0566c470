"""The agents of a sharded cluster without an operator: they make it, and mend it, pods with new addresses and lost data included."""

import itertools
import shutil
import time

import pytest
import redis

from agents import CLUSTER, Pods
from waiting import wait_for

KEYS = 200
SHARDS = ("p1", "p2", "p3")


@pytest.fixture(name="pods")
def sharded_pods(engine, base_folder, ports):
    pods = Pods(engine, base_folder / f"b{ports.next}", ports, "sharded", SHARDS, replicas=1)
    pods.start()
    yield pods
    pods.end()
    shutil.rmtree(pods.folder, ignore_errors=True)


def cluster_client(pods):
    pod = next(pod for pod in pods.all if pod.ready())
    return redis.RedisCluster(host=pod.address, port=pod.port, password="secret", decode_responses=True)


def fill(pods):
    with cluster_client(pods) as client:
        for number in range(KEYS):
            client.set(f"k{number}", number)


def all_there(pods):
    try:
        with cluster_client(pods) as client:
            return all(client.get(f"k{number}") == str(number) for number in range(KEYS))
    except (redis.RedisError, StopIteration):
        return False


def primary_of(pods, shard):
    return wait_for(lambda: next((pod for pod in pods.all if pod.shard == shard and pod.mark() == "primary" and pod.is_primary()), None),
                    "the shard's primary")


def hand_over_to(pod):
    """By hand. A server gives an order up after 5 s if its primary or the voters did not go along, and says so to nobody."""
    asked_s = [float("-inf")]

    def is_primary():
        if pod.is_primary():
            return True
        if time.monotonic() - asked_s[0] > 6:
            asked_s[0] = time.monotonic()
            pod.client().execute_command("CLUSTER", "FAILOVER")
        return False
    wait_for(is_primary, f"{pod.name} to be the primary", 60)


LEASE = f"redis-{CLUSTER}"


def wait_reported(pods, generation, what, holds):
    def reported():
        report = pods.report(LEASE)
        return report if report.get("generation") == generation and holds(report) else None
    try:
        return wait_for(reported, what, 240)  # thousands of slots move, on a machine that may be busy
    except AssertionError as error:
        raise AssertionError(f"{error}; the report says {pods.report(LEASE)}") from error


def well(report):
    return report["formed"] and report["slots_served"] == 16384 and not report["problems"]


def test_they_do_what_the_operator_wants_and_report(pods):
    pods.want(LEASE, generation=1, partitions=["p1", "p2"], replicas=1)
    report = wait_reported(pods, 1, "a cluster of two shards", well)
    assert sorted(report["shards"]) == ["p1", "p2"] and report["drained"] == ["p3"]
    assert all(shard["slots"] == 8192 and shard["replicas_in_sync"] == 1 for shard in report["shards"].values())
    fill(pods)
    # One more shard.
    pods.want(LEASE, generation=2, partitions=["p1", "p2", "p3"], replicas=1)
    report = wait_reported(pods, 2, "slots for all three", lambda report: well(report) and len(report["shards"]) == 3 and all(
        shard["slots"] in (5461, 5462) for shard in report["shards"].values()))
    assert any(outcome["ok"] and "slots" in outcome["what"] for outcome in report["outcomes"])
    # Another primary, data first; once, though the wish stands.
    first = primary_of(pods, "p1")
    second = next(pod for pod in pods.all if pod.shard == "p1" and pod is not first)
    switchover = {"generation": 3, "partitions": ["p1", "p2", "p3"], "replicas": 1, "switchover": {"p1": second.name}}
    pods.want(LEASE, **switchover)
    report = wait_reported(pods, 3, "the other primary", lambda report: well(report) and report["shards"]["p1"]["primary"] == second.name)
    last = max(outcome["n"] for outcome in report["outcomes"])
    wait_for(lambda: f"d:p1={second.name}" in pods.lease(LEASE)["note"], "the wish to be known as met")
    # Another steward goes on counting and does not do it again.
    steward = next(pod for pod in pods.all if pod.role()["holds_lease"])
    steward.terminate()
    steward.start()
    pods.wait_ready(60)
    hand_over_to(first)
    pods.want(LEASE, **{**switchover, "generation": 4})
    report = wait_reported(pods, 4, "the first one to be left the primary",
                           lambda report: well(report) and report["shards"]["p1"]["primary"] == first.name)
    assert all(later > earlier for earlier, later in itertools.pairwise(outcome["n"] for outcome in report["outcomes"]))
    assert max(outcome["n"] for outcome in report["outcomes"]) >= last
    # One shard less.
    pods.want(LEASE, generation=5, partitions=["p1", "p2"], replicas=1)
    report = wait_reported(pods, 5, "p3 to be drained", lambda report: well(report) and report["drained"] == ["p3"])
    assert all_there(pods)
    # What cannot be read changes nothing.
    pods.patch(LEASE, wanted='{"partitions":"p1"}')
    wait_for(lambda: any(problem["code"] == "wanted_unreadable" for problem in pods.report(LEASE)["problems"]), "the problem to be told")
    assert pods.report(LEASE)["drained"] == ["p3"]


def test_they_make_a_cluster_and_keep_it(pods):
    pods.wait_ready(60)
    fill(pods)
    assert all(primary_of(pods, shard) for shard in SHARDS)
    assert len([pod for pod in pods.all if pod.role()["holds_lease"]]) == 1
    # A server that dies comes back as the replica of the one that took over.
    first = primary_of(pods, "p1")
    wait_for(lambda: first.client().info("replication")["connected_slaves"] == 1, "its replica")
    first.client().wait(1, 1000)
    first.kill_server()
    wait_for(lambda: primary_of(pods, "p1") is not first, "its replica to take over")
    pods.wait_ready(60)
    wait_for(lambda: all_there(pods), "all keys to be served")
    # Told to end, it hands over first.
    second = primary_of(pods, "p1")
    assert second.terminate() == 0
    assert "a replica has taken over" in second.log.read_text()
    second.start()
    pods.wait_ready(60)
    wait_for(lambda: all_there(pods), "all keys to be served")


def test_all_pods_come_back_at_once_with_other_addresses(pods):
    pods.wait_ready(60)
    fill(pods)
    for pod in pods.all:
        pod.client().save()
    for pod in pods.all:
        pod.kill()
    # Each where another one was, among other places: who is who is not told by addresses.
    addresses = [pod.address for pod in pods.all]
    for pod, address in zip(pods.all, [*addresses[1:4], *(f"127.0.2.{number}" for number in range(1, len(addresses) - 2))]):
        pod.address = address
    pods.start()
    pods.wait_ready(30)
    wait_for(lambda: all_there(pods), "all keys to be served")


def test_an_emptied_primary_does_not_come_back_over_its_replica(pods):
    pods.wait_ready(60)
    fill(pods)
    first = primary_of(pods, "p2")
    first.client().wait(1, 1000)
    first.kill()
    for file in first.data.glob("dump.rdb"):
        file.unlink()
    first.start()
    pods.wait_ready(60)
    assert primary_of(pods, "p2") is not first
    wait_for(lambda: all_there(pods), "all keys to be served")


def test_a_primary_whose_files_go_while_it_runs_does_not_empty_its_replica(pods):
    """It starts again at the address where its replica looks for it."""
    pods.wait_ready(60)
    fill(pods)
    first = primary_of(pods, "p2")
    first.client().wait(1, 1000)
    for file in ("nodes.conf", "dump.rdb"):
        (first.data / file).unlink(missing_ok=True)
    first.kill_server()
    wait_for(lambda: primary_of(pods, "p2") is not first, "the replica to take over", 60)
    pods.wait_ready(60)
    wait_for(lambda: all_there(pods), "all keys to be served")
