"""Processes die, one or many, and the cluster stays whole without anybody's help."""

import signal
import time

import processes
from checker import BRIEF_S, Checker, Fill
from waiting import wait_for


def owner(status, shard):
    """The name of the shard's primary, if it has one."""
    found = next(entry for entry in status["shards"] if entry["name"] == shard)
    return found["primary"] and found["primary"]["name"]


def test_writes_go_on_soon_after_a_primary_is_killed(sharded):
    """The figure itself is the benchmark's; this bound is a loose one."""
    client = sharded.client(timeout_s=0.2)
    gaps = []
    for _ in range(5):
        client.execute("AAA", "SET", "AAA", "before")
        sharded.kill(sharded.primary("p1")["name"])
        begin = time.monotonic()
        client.execute("AAA", "SET", "AAA", "after")
        gaps.append(time.monotonic() - begin)
        sharded.wait_ready()
    assert sorted(gaps)[2] < 2, gaps


def test_a_killed_replica_comes_back(sharded):
    replica = sharded.replicas("p2")[0]
    with Checker(sharded) as checker:
        sharded.kill(replica["name"])
        sharded.wait_for(lambda status: status["shards"][1]["replicas"][0]["pid"] not in (0, replica["pid"]) and
                         status["state"] == "ready", "another server")
    checker.verify()
    assert sharded.replicas("p2")[0]["name"] == replica["name"]
    assert checker.longest_gap_s < BRIEF_S


def test_all_primaries_die_at_once(sharded):
    fill = Fill(sharded)
    before = sharded.shards()
    sharded.kill(*[shard["primary"]["name"] for shard in before.values()])
    sharded.wait_for(lambda status: status["state"] == "ready" and
                     all(owner(status, name) not in (None, shard["primary"]["name"]) for name, shard in before.items()),
                     "three other primaries")
    fill.verify()


def test_servers_serve_on_without_a_supervisor_and_are_adopted(sharded):
    before = sharded.pids()
    with Checker(sharded) as checker:
        sharded.kill_supervisor()
        assert sharded.status()["supervisor_pid"] == 0
        assert sharded.status()["state"] == "ready"
        sharded.up()
    checker.verify()
    assert not checker.errors
    assert sharded.pids() == before
    assert "it adopts 6 running servers" in sharded.log()


def test_what_died_without_a_supervisor_is_mended_by_the_next(sharded):
    fill = Fill(sharded)
    old = sharded.primary("p1")["name"]
    others = {name: pid for name, pid in sharded.pids().items() if name != old}
    sharded.kill_supervisor()
    sharded.kill(old)
    sharded.up()
    assert owner(sharded.status(), "p1") != old
    after = sharded.pids()
    assert {name: after[name] for name in others} == others
    fill.verify()


def test_sigterm_to_the_supervisor_stops_everything_in_order(sharded):
    with Checker(sharded) as checker:
        wait_for(lambda: checker.written > 300, "some writes")
    sharded.end_supervisor(signal.SIGTERM)
    assert not sharded.home.processes()
    sharded.up()
    checker.verify()


def test_everything_dies_at_once_and_comes_back_with_its_data(sharded):
    fill = Fill(sharded)
    for name, shard in sharded.shards().items():
        assert sharded.admin(shard["primary"]["name"]).save(), name
    before = {name: owner(sharded.status(), name) for name in ("p1", "p2", "p3")}
    sharded.kill_all()
    assert not sharded.home.processes()
    sharded.up()
    assert {name: owner(sharded.status(), name) for name in before} == before
    fill.verify()


def test_everything_dies_at_once_with_an_append_only_file(home):
    cluster = home.up("aof", "-f", "-", port=0, text=home.document(
        "aof", shards=2, replicas=1, config={"appendonly": "yes", "appendfsync": "always", "save": ""},
        local={"port": home.ports.take()}))
    with Checker(cluster) as checker:
        wait_for(lambda: checker.written > 300, "some writes")
        for worker in checker.workers:
            worker.ending.set()
    for _ in range(2):
        cluster.kill_all()
        cluster.up()
    checker.verify()


def test_a_node_that_hangs_is_replaced(sharded):
    old = sharded.primary("p3")
    stopped = processes.process(old["pid"])
    fill = Fill(sharded, 100)
    try:
        processes.send(stopped, signal.SIGSTOP)
        sharded.wait_for(lambda status: owner(status, "p3") not in (None, old["name"]), "another primary", 60)
        fill.verify()
    finally:
        processes.send(stopped, signal.SIGCONT)
    sharded.wait_ready(60)
    fill.verify()


def test_a_supervisor_that_is_killed_again_and_again_does_no_harm(sharded):
    before = sharded.pids()
    with Checker(sharded) as checker:
        for _ in range(5):
            sharded.kill_supervisor()
            sharded.up()
    checker.verify()
    assert not checker.errors
    assert sharded.pids() == before
