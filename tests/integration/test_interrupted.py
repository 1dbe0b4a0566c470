"""The supervisor is killed at moments that a seed chooses, in the middle of everything; run again, it finishes what was begun.

KEYWAY_TEST_SEED repeats a run's moments.
"""

import os
import random
import subprocess
import time

import pytest

import processes
from checker import Checker, Fill
from keyway_home import PROGRAM
from waiting import wait_for

SEED = int(os.environ.get("KEYWAY_TEST_SEED") or random.randrange(10**6))


@pytest.fixture
def moments(request):
    """Random numbers, by the seed and the test's name."""
    print(f"KEYWAY_TEST_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


def killed_in(cluster, arguments, after_s):
    """Starts a command, and kills the supervisor that carries it out when `after_s` has passed, or the command has ended."""
    command = subprocess.Popen([PROGRAM, *map(str, arguments)], env=cluster.home.environment(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begin = time.monotonic()
    wait_for(lambda: command.poll() is not None or time.monotonic() - begin > after_s, "the moment to come", 60)
    cluster.kill_supervisor()
    command.wait(timeout=60)


def test_creation_is_interrupted(home, moments):
    for number in range(4):
        cluster, port = home.cluster(f"c{number}"), home.ports.take()
        arguments = ["up", cluster.name, "--detach", "--engine", home.engine.program, "--shards", 2, "--replicas", 1,
                     "--port", port]
        command = subprocess.Popen([PROGRAM, *map(str, arguments)], env=home.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begin, after_s = time.monotonic(), moments.uniform(0, 0.6)
        wait_for(lambda: time.monotonic() - begin > after_s, "the moment to come")
        # Everybody who may be at work: `up` itself, before and after it has left a supervisor behind.
        processes.kill(*[one for one in home.processes() if b"keyway" in processes.command_line(one.pid).split(b"\\0")[0]])
        command.wait(timeout=20)
        home.run(*arguments)
        status = cluster.wait_ready()
        assert sum(1 + len(shard["replicas"]) for shard in status["shards"]) == 4
        Fill(cluster, 50).verify()
        cluster.down("--purge")
        assert not home.processes()


def test_scaling_is_interrupted(home, moments):
    cluster = home.up("scaled", "--shards", 2, "--replicas", 0)
    fill = Fill(cluster)
    with Checker(cluster) as checker:
        for shards in (3, 2):
            for _ in range(3):
                killed_in(cluster, ["scale", cluster.name, "--shards", shards], moments.uniform(0.05, 2.5))
                cluster.up()
            cluster.run("scale", "--shards", shards)
    checker.verify()
    fill.verify()
    status = cluster.wait_ready()
    assert [shard["name"] for shard in status["shards"]] == ["p1", "p2"]
    assert len(home.processes()) == 3


def test_a_rolling_restart_is_interrupted(sharded, moments):
    before = sharded.pids()
    with Checker(sharded) as checker:
        for _ in range(4):
            killed_in(sharded, ["restart", sharded.name, "--rolling"], moments.uniform(0.02, 0.8))
            sharded.up()
    checker.verify()
    assert not set(before.values()) & set(sharded.pids().values())


def test_a_failover_is_interrupted(replicated, moments):
    with Checker(replicated) as checker:
        for _ in range(5):
            killed_in(replicated, ["failover", replicated.name, "p1"], moments.uniform(0, 0.3))
            replicated.up()
    checker.verify()
    assert replicated.wait_ready()["shards"][0]["primary"]


def test_stopping_is_interrupted(sharded, moments):
    fill = Fill(sharded)
    for _ in range(3):
        command = subprocess.Popen([PROGRAM, "down", sharded.name, "--yes"], env=sharded.home.environment(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begin, after_s = time.monotonic(), moments.uniform(0, 0.4)
        wait_for(lambda: time.monotonic() - begin > after_s, "the moment to come")
        supervisor = sharded.supervisor_pid()
        processes.kill_pid(*([supervisor] if supervisor else []), command.pid)
        command.wait(timeout=20)
        sharded.up()
        fill.verify()


def test_primaries_and_the_supervisor_die_in_the_middle_of_a_scaling(home, moments):
    def shards(*some):
        return [{"name": name, "replicas": 1, "slots": slots} for name, slots in some]

    cluster = home.up("storm", "-f", "-", port=0, text=home.document("storm", local={"port": home.ports.take()}, shards=shards(
        ("a", ["0-8191"]), ("b", ["8192-16383"]))))
    fill = Fill(cluster)
    with Checker(cluster, durable=True) as checker:
        cluster.apply("--no-wait", shards=shards(("a", ["0-7891"]), ("b", ["8492-16383"]), ("c", ["7892-8491"])))
        for _ in range(3):
            begin, after_s = time.monotonic(), moments.uniform(0.3, 2.5)
            wait_for(lambda: time.monotonic() - begin > after_s, "the moment to come")
            victims = [node["name"] for node in cluster.nodes().values() if node["role"] == "primary" and node["pid"]]
            cluster.kill_supervisor()
            cluster.kill(moments.choice(sorted(victims)))
            cluster.up("--timeout", 120)
    checker.verify()
    fill.verify()
    assert [shard["slots"] for shard in cluster.wait_ready(60)["shards"]] == [[[0, 7891]], [[8492, 16383]], [[7892, 8491]]]
