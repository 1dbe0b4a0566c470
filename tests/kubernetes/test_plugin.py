"""kubectl keyway: a cluster as somebody reaches it who is outside."""

import json
import os
import re
import subprocess

import pytest
import redis
from generated import NAME, SLOW_S, Generated
from kubectl import is_ready
from operated import Operated, install_operator
from plugin import Plugin
from redis.crc import key_slot

from checker import Checker
from engines import find_engines
from waiting import wait_for

SLOTS = 16384
PORT = 13400


@pytest.fixture(name="made")
def whole_cluster(cluster, kubectl, tmp_path):
    made = Generated(kubectl, cluster.images, tmp_path / "app", "cluster")
    made.wait_whole(6)
    return made


@pytest.fixture(name="plugin")
def in_path(kubectl, tmp_path):
    (tmp_path / "bin").mkdir()
    return Plugin(kubectl, tmp_path / "bin")


def key_of_each_slot():
    """In the order of slots, so that a client changes servers seldom."""
    keys, number = {}, 0
    while len(keys) < SLOTS:
        key = f"k{number}"
        keys.setdefault(key_slot(key.encode()), key)
        number += 1
    return [keys[slot] for slot in range(SLOTS)]


def by_cli(password, commands):
    """What redis-cli -c says to each of the commands."""
    program = find_engines()[0].program.replace("-server", "-cli")
    done = subprocess.run([program, "-c", "-p", str(PORT), "--user", "workload"], input="\n".join(commands) + "\n", capture_output=True,
                          text=True, check=False, timeout=SLOW_S, env={**os.environ, "REDISCLI_AUTH": password})
    assert done.returncode == 0, done.stderr
    # It tells when it goes to another server.
    return [line for line in done.stdout.splitlines() if line and not line.startswith("-> Redirected")]


def test_a_cluster_from_outside(made, plugin, kubectl):
    told = json.loads(plugin.run("status", "--json"))
    assert told["name"] == NAME and told["mode"] == "sharded" and len(told["shards"]) == 3
    assert all(pod["health"] == "ok" for shard in told["shards"] for pod in shard["pods"])
    password = plugin.run("password", "workload").strip()
    assert password == made.passwords["workload"]
    keys = key_of_each_slot()
    with plugin.connected("--port", PORT) as said:
        assert len(re.findall(r"^127\.0\.0\.1:\d+ +(primary|replica) +redis-partition-", said, re.MULTILINE)) == 6
        assert by_cli(password, [f"SET {key} v{key}" for key in keys]) == ["OK"] * SLOTS
        assert by_cli(password, [f"GET {key}" for key in keys]) == [f"v{key}" for key in keys]

        # A pod that is another one now is reached by the port that it had.
        pod = kubectl.get("pod", f"redis-partition-p1-{NAME}-0")
        kubectl.run("delete", "pod", pod["metadata"]["name"], "--wait=false")
        kubectl.wait(lambda: is_another(kubectl.get("pod", pod["metadata"]["name"]), pod), "the pod to be another and ready", SLOW_S)
        made.wait_whole(6)
        wait_for(lambda: reads_all(password, keys[::100]), "all to be read again", SLOW_S)
    with plugin.connected("--proxy", "--port", PORT), redis.Redis(port=PORT, username="workload", password=password,
                                                                  decode_responses=True) as client:
        assert client.mget(keys[::100]) == [f"v{key}" for key in keys[::100]]


def is_another(pod, before):
    return pod is not None and pod["metadata"]["uid"] != before["metadata"]["uid"] and is_ready(pod)


def reads_all(password, keys):
    try:
        with redis.RedisCluster(host="127.0.0.1", port=PORT, username="workload", password=password, decode_responses=True) as client:
            return [client.get(key) for key in keys] == [f"v{key}" for key in keys]
    except (redis.RedisError, redis.exceptions.RedisClusterException):
        return False


def test_a_replica_becomes_the_primary_when_asked(made, plugin):
    """It is when the command ends, and takes writes."""
    before = primary_of(plugin, "p2")
    plugin.run("failover", "p2")
    after = primary_of(plugin, "p2")
    assert after not in ("", before)
    pod = made.kubectl.get("pod", after)
    server = made.pods.admin(pod["status"]["podIP"])
    assert server.info("replication")["role"] == "master"
    assert any(set_in(server, f"k{number}") for number in range(100))
    assert "already" in plugin.command_output("failover", "p2", "--to", after)


def set_in(server, key):
    """False: the key is of another shard."""
    try:
        return server.set(key, "1")
    except redis.ResponseError as error:
        assert str(error).startswith("MOVED"), error
        return False


@pytest.fixture(name="operated")
def made_by_an_operator(cluster, kubectl):
    install_operator(kubectl, cluster.images["keyway"])
    made = Operated(kubectl, cluster.images, "sharded")
    made.wait_settled(6)
    return made


def test_what_is_asked_of_an_operator_is_done_without_the_plugin(operated, plugin, kubectl):
    before = {pod["metadata"]["uid"] for pod in operated.server_pods()}
    with Checker(operated.pods()) as checker:
        was = primary_of(plugin, "p2")
        plugin.run("failover", "p2")
        assert primary_of(plugin, "p2") not in ("", was)
        with subprocess.Popen(plugin.command("restart"), stderr=subprocess.PIPE, text=True, env=plugin.environment) as process:
            assert "6 pods" in process.stderr.readline()
            process.kill()
        kubectl.wait(lambda: not before & {pod["metadata"]["uid"] for pod in operated.server_pods()}, "all pods to be others", SLOW_S)
        operated.wait_settled(6)
        one = operated.server_pods()[0]["metadata"]
        plugin.run("restart", one["name"])
        assert kubectl.get("pod", one["name"])["metadata"]["uid"] != one["uid"]
        operated.wait_settled(6)
    print(f"{checker.written} writes, the longest pause {checker.longest_gap_s:.2f} s")
    checker.verify()


def primary_of(plugin, name):
    return next(shard["primary"] for shard in json.loads(plugin.run("status", "--json"))["shards"] if shard["name"] == name)
