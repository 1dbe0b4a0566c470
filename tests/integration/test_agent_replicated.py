"""The agents of a replicated server: one primary by its Lease, whatever ends, hangs or comes back empty."""

import os
import shutil
import signal
import time

import pytest
import redis

from agents import CLUSTER, Pods, Writer
from waiting import wait_for

LEASE_S = 5
LEASE = f"redis-partition-s-{CLUSTER}"


@pytest.fixture(name="make_pods")
def pods_maker(engine, base_folder, ports):
    made = []

    def make(**options):
        made.append(Pods(engine, base_folder / f"a{ports.next}", ports, "replicated", **options))
        made[-1].start()
        made[-1].wait_ready()
        return made[-1]

    yield make
    for pods in made:
        pods.end()
        shutil.rmtree(pods.folder, ignore_errors=True)


def marked(pods):
    return [pod for pod in pods.all if pod.mark() == "primary"]


def wait_marked(pods, primary):
    wait_for(lambda: marked(pods) == [primary], "the label to be on the primary alone")


def test_a_new_shard_gets_one_primary(make_pods):
    pods = make_pods()
    primary = pods.primary()
    wait_marked(pods, primary)
    primary.client().set("k", "v")
    for other in pods.others(primary):
        wait_for(lambda pod=other: pod.client().get("k") == "v", "the replica to have it")
        role = other.role()
        assert role["role"] == "replica" and role["link_up"] and role["replication_id"] == primary.role()["replication_id"]
    status, metrics = primary.get("/metrics")
    assert status == 200 and "redis_up 1\n" in metrics and "keyway_agent_primary 1\n" in metrics
    assert primary.get("/livez")[0] == 200 and primary.get("/nowhere")[0] == 404


def test_a_dead_server_is_replaced_at_once_and_comes_back_as_a_replica(make_pods):
    pods = make_pods()
    first = pods.primary()
    writer = Writer(pods)
    writer.start()
    writer.wait_for_writes(100)
    first.kill_server()
    writer.wait_for_writes(100)
    writer.stop()
    assert writer.longest_pause_s < LEASE_S, "the Lease was given up and not waited for"
    second = pods.primary()
    assert second is not first
    pods.wait_ready()
    wait_marked(pods, second)
    assert first.role()["role"] == "replica"


def test_told_to_end_it_hands_over_and_loses_nothing(make_pods):
    pods = make_pods()
    first = pods.primary()
    writer = Writer(pods)
    writer.start()
    for _ in range(2):
        first = pods.primary()
        writer.wait_for_writes(200)
        assert first.terminate() == 0
        writer.wait_for_writes(200)
        second = pods.primary()
        assert second is not first
        first.start()
        pods.wait_ready()
    writer.stop()
    primary = pods.primary()
    assert not writer.lost(primary.client())
    wait_marked(pods, primary)
    assert writer.longest_pause_s < 5  # a loose bound: others may be at work here


def test_a_node_that_is_gone_is_replaced_when_its_lease_ends(make_pods):
    pods = make_pods()
    first = pods.primary()
    first.client().set("k", "v")
    first.client().wait(2, 1000)
    first.kill()
    began = time.monotonic()
    second = pods.primary()
    assert second is not first and second.client().get("k") == "v"
    assert time.monotonic() - began < LEASE_S + 4
    first.start()
    pods.wait_ready()
    assert first.client().get("k") == "v"


def test_a_primary_that_lost_its_data_does_not_come_back_over_the_copies(make_pods):
    pods = make_pods()
    first = pods.primary()
    first.client().set("k", "v")
    first.client().wait(2, 1000)
    for pod in pods.others(first):
        assert pod.terminate() == 0
    first.kill()
    shutil.rmtree(first.data)
    first.start()
    wait_for(lambda: "may be better" in first.role().get("why", ""), "it to wait for the others")
    assert not first.is_primary()
    for pod in pods.others(first):
        pod.start()
    assert pods.primary() is not first
    pods.wait_ready()
    assert all(pod.client().get("k") == "v" for pod in pods.all)


def test_all_at_once_come_back_with_their_data(make_pods):
    pods = make_pods(lines=["appendonly yes"])
    first = pods.primary()
    for number in range(100):
        first.client().set(f"k{number}", number)
    first.client().wait(2, 1000)
    for pod in pods.all:
        pod.kill()
    for pod in reversed(pods.all):
        pod.start()
    pods.wait_ready()
    primary = pods.primary()
    assert primary.client().dbsize() == 100
    wait_marked(pods, primary)


def test_an_agent_that_is_killed_alone_finds_its_server_again(make_pods):
    pods = make_pods()
    first = pods.primary()
    server = first.server_pid()
    first.agent.kill()
    first.agent.wait()
    first.start(same_uid=True)
    wait_for(first.ready, "the agent to be back")
    assert first.server_pid() == server and pods.primary() is first


def accepts_writes(pod):
    try:
        return bool(pod.client(socket_timeout=0.5).set("probe", pod.name))
    except redis.RedisError:
        return False


def test_without_the_api_server_writes_end_before_the_lease_does(make_pods):
    pods = make_pods()
    first = pods.primary()
    away = pods.folder / "away"
    began = time.monotonic()
    os.rename(pods.registry, away)
    wait_for(lambda: not accepts_writes(first), "the server to refuse writes")
    assert time.monotonic() - began < LEASE_S
    assert not any(accepts_writes(pod) for pod in pods.all)
    os.rename(away, pods.registry)
    pods.wait_ready()
    assert accepts_writes(pods.primary())


def test_a_stopped_agent_loses_the_lease_and_its_server_the_place(make_pods):
    pods = make_pods()
    first = pods.primary()
    first.agent.send_signal(signal.SIGSTOP)
    try:
        wait_for(lambda: any(pod.is_primary() for pod in pods.others(first)), "another to take over")
        wait_for(lambda: not first.is_primary(), "the old one to follow")
    finally:
        first.agent.send_signal(signal.SIGCONT)
    pods.wait_ready()
    assert pods.primary() is not first


def test_a_server_that_hangs_is_replaced(make_pods):
    pods = make_pods()
    first = pods.primary()
    writer = Writer(pods)
    writer.start()
    writer.wait_for_writes(100)
    hung = first.server_pid()
    os.kill(hung, signal.SIGSTOP)
    wait_for(lambda: any(pod.is_primary() for pod in pods.others(first)), "another to take over", 60)
    wait_for(lambda: first.server_pid() not in (0, hung), "the hung one to be started anew")
    writer.wait_for_writes(100)
    writer.stop()
    pods.wait_ready()
    assert pods.primary() is not first and first.role()["role"] == "replica"


def test_an_agent_and_its_server_that_stood_still_come_back_as_a_replica(make_pods):
    pods = make_pods()
    first = pods.primary()
    first.client().set("k", "before")
    both = [first.server_pid(), first.agent.pid]
    for pid in both:
        os.kill(pid, signal.SIGSTOP)
    second = wait_for(lambda: next((pod for pod in pods.others(first) if pod.is_primary()), None), "another to take over", 40)
    second.client().set("k", "after")
    for pid in both:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: first.role().get("role") == "replica", "the old one to follow", 20)
    assert "the agent was stopped" in first.log.read_text()
    pods.wait_ready()
    assert pods.primary() is second
    wait_for(lambda: first.client().get("k") == "after", "the old one to have what was written since")


def test_a_server_that_comes_back_without_its_agent_is_demoted(make_pods):
    pods = make_pods()
    first = pods.primary()
    server = first.server_pid()
    for pid in (server, first.agent.pid):
        os.kill(pid, signal.SIGSTOP)
    try:
        second = wait_for(lambda: next((pod for pod in pods.others(first) if pod.is_primary()), None), "another to take over", 40)
        os.kill(server, signal.SIGCONT)
        wait_for(lambda: not first.is_primary(), "the old one to be told to follow", 20)
    finally:
        first.agent.send_signal(signal.SIGCONT)
    pods.wait_ready()
    assert pods.primary() is second


def wait_reported(pods, primary, holds):
    def reported():
        report = pods.report(LEASE)
        return report if report.get("shards", {}).get("s", {}).get("primary") == primary.name and holds(report) else None
    try:
        return wait_for(reported, f"the report of {primary.name}", 40)
    except AssertionError as error:
        raise AssertionError(f"{error}; the Lease is {pods.lease(LEASE)}") from error


def test_it_hands_over_when_the_operator_asks_and_reports(make_pods):
    pods = make_pods()
    first = pods.primary()
    report = wait_reported(pods, first, lambda report: report["shards"]["s"]["replicas_in_sync"] == 2)
    assert report["formed"] and not report["problems"]
    writer = Writer(pods)
    writer.start()
    writer.wait_for_writes(100)
    second, third = pods.others(first)
    pods.want(LEASE, generation=4, switchover={"s": second.name})
    report = wait_reported(pods, second, lambda report: report["generation"] == 4)
    assert report["outcomes"][-1]["ok"] and second.name in report["outcomes"][-1]["what"]
    writer.wait_for_writes(100)
    pods.wait_ready()
    assert first.agent.poll() is None and first.role()["role"] == "replica", "nobody was restarted"
    # Once, though the wish stands.
    wait_for(lambda: f"met={second.name}" in pods.lease(LEASE)["note"], "the wish to be known as met")
    second.kill_server()
    pods.wait_ready()
    fourth = pods.primary()
    assert fourth is not second
    wait_reported(pods, fourth, lambda report: report["shards"]["s"]["replicas_in_sync"] == 2)
    # What cannot be done is told, once, and harms nobody.
    pods.want(LEASE, generation=5, switchover={"s": "nobody"})
    report = wait_reported(pods, fourth, lambda report: report["generation"] == 5 and not report["outcomes"][-1]["ok"])
    assert "nobody" in report["outcomes"][-1]["what"]
    writer.wait_for_writes(100)
    writer.stop()
    assert pods.primary() is fourth and not writer.lost(fourth.client())
    assert third.agent.poll() is None


def test_patches_of_its_lease_cost_a_primary_nothing(make_pods):
    pods = make_pods()
    primary = pods.primary()
    before = pods.lease(LEASE)
    for number in range(200):
        pods.patch(LEASE, other=str(number))
        pods.want(LEASE, generation=number + 1)
    wait_reported(pods, primary, lambda report: report["generation"] == 200)
    assert pods.lease(LEASE)["transitions"] == before["transitions"] and pods.lease(LEASE)["other"] == "199"
    assert "keyway_agent_fences_total 0\n" in primary.get("/metrics")[1]
    assert pods.primary() is primary
