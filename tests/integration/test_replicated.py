"""One primary with all keys and its replicas: who is primary is written down, and survives."""

import re
import signal

import pytest
import redis

import processes
from checker import BRIEF_S, Checker, Fill
from waiting import wait_for


def follows_on_disk(cluster, node):
    """Whom the node's configuration file says it follows: the port, or None for a primary."""
    text = (cluster.data(node) / "redis.conf").read_text()
    found = re.search(r"^replicaof \S+ (\d+)$", text, re.MULTILINE)
    return int(found.group(1)) if found else None


def check_disk_says_what_runs(cluster):
    primary = cluster.primary()["name"]
    assert follows_on_disk(cluster, primary) is None
    port = cluster.address(primary)[1]
    for node in cluster.replicas():
        assert follows_on_disk(cluster, node["name"]) == port
        replication = cluster.admin(node["name"]).info("replication")
        assert (replication["role"], replication["master_port"]) == ("slave", port)
        assert replication["master_link_status"] == "up"
    for node in cluster.nodes():
        text = (cluster.data(node) / "redis.conf").read_text()
        assert re.search(r"^masteruser admin$", text, re.MULTILINE) and re.search(r"^masterauth \S{22,}$", text, re.MULTILINE)


def test_disk_says_what_runs_after_a_failover(replicated):
    old = replicated.primary()["name"]
    replicated.kill(old)
    replicated.wait_for(lambda status: status["state"] == "ready" and status["shards"][0]["primary"]["name"] != old,
                        "another primary")
    check_disk_says_what_runs(replicated)


def test_disk_says_what_runs_after_a_handover(replicated):
    old = replicated.primary()["name"]
    with Checker(replicated) as checker:
        replicated.run("failover", "p1")
    checker.verify()
    assert replicated.primary()["name"] != old
    check_disk_says_what_runs(replicated)


def test_who_is_primary_survives_the_end_of_each_process(replicated):
    """Of the supervisor, of each replica, and of all at once."""
    fill = Fill(replicated)
    wanted = replicated.replicas()[0]["name"]
    replicated.run("failover", "p1", "--to", wanted)
    replicated.kill_supervisor()
    replicated.up()
    assert replicated.primary()["name"] == wanted
    for node in replicated.replicas():
        replicated.kill(node["name"])
        replicated.wait_for(lambda status, pid=node["pid"]: status["state"] == "ready" and
                            pid not in [other["pid"] for other in status["shards"][0]["replicas"]], "the replica's return")
        assert replicated.primary()["name"] == wanted
    wait_for(lambda: not replicated.admin(wanted).info("persistence")["rdb_bgsave_in_progress"], "the copies for the replicas")
    replicated.admin(wanted).save()
    replicated.kill_all()
    replicated.up()
    assert replicated.primary()["name"] == wanted
    check_disk_says_what_runs(replicated)
    replicated.down()
    replicated.up()
    assert replicated.primary()["name"] == wanted
    check_disk_says_what_runs(replicated)
    fill.verify()


def test_replicas_serve_reads_and_refuse_writes(replicated):
    client = replicated.client()
    client.execute("key", "SET", "key", "value")
    for node in replicated.replicas():
        host, port = replicated.address(node["name"])
        replica = redis.Redis(host=host, port=port, username="workload", password=replicated.password("workload"),
                              decode_responses=True)
        assert wait_for(lambda r=replica: r.get("key") == "value", "the value on a replica")
        with pytest.raises(redis.exceptions.ReadOnlyError):
            replica.set("key", "other")


def test_the_freshest_replica_takes_over(replicated):
    """One replica was cut off and is behind: the other one becomes the primary, and no acknowledged write is lost."""
    stale = replicated.replicas()[0]
    paused = processes.process(stale["pid"])
    old = replicated.primary()["name"]
    try:
        processes.send(paused, signal.SIGSTOP)
        fill = Fill(replicated, 200)
        fresh = [node["name"] for node in replicated.replicas() if node["name"] != stale["name"]][0]
        wait_for(lambda: replicated.admin(fresh).dbsize() == replicated.admin(old).dbsize(), "the other replica to have all")
        replicated.kill(old)
        processes.send(paused, signal.SIGCONT)
        replicated.wait_for(lambda status: status["state"] == "ready", "readiness", 60)
    finally:
        processes.send(paused, signal.SIGCONT)
    fill.verify()


def test_replicas_come_and_go(replicated):
    fill = Fill(replicated)
    with Checker(replicated) as checker:
        replicated.run("scale", "--replicas", 3)
        assert len(replicated.replicas()) == 3
        replicated.run("scale", "--replicas", 1)
        assert len(replicated.replicas()) == 1
        replicated.run("scale", "--replicas", 0)
        replicated.run("scale", "--replicas", 2)
    checker.verify()
    fill.verify()
    check_disk_says_what_runs(replicated)


def test_a_rolling_restart_of_a_replicated_server(replicated):
    before = replicated.pids()
    with Checker(replicated) as checker:
        replicated.run("restart", "--rolling")
    checker.verify()
    assert not set(before.values()) & set(replicated.pids().values())
    assert checker.longest_gap_s < BRIEF_S
    check_disk_says_what_runs(replicated)
