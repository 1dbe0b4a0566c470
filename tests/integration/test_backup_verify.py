"""Trying backups with servers of their own: good ones, bad ones, ones that cannot be tried, and runs that are cut short."""

import contextlib
import json
import os
import pathlib
import signal
import stat
import subprocess

import pytest

import processes
from keyway_home import BAD_INPUT, DONE, FAILED, PROGRAM
from waiting import wait_for

INTERRUPTED = 130
KEYS = 2000
LOAD_US = 20_000  # for each key that a slow server loads


def filled(cluster):
    """Only these keys; the replicas have them, too."""
    for shard in cluster.shards().values():
        cluster.admin(shard["primary"]["name"]).flushall()
    client = cluster.client()
    for number in range(KEYS):
        client.execute(f"key:{number}", "SET", f"key:{number}", f"value {number}")
    client.execute("list", "RPUSH", "list", *range(300))
    client.execute("hash", "HSET", "hash", "field", "x" * 100_000)
    client.execute("sorted", "ZADD", "sorted", *[word for number in range(500) for word in (number, f"m{number}")])
    client.execute("stream", "XADD", "stream", "*", "field", "value")
    cluster.wait_replicated()
    return cluster


def backup(cluster, store, *arguments):
    return cluster.home.json("backup", "create", cluster.name, "--to", store, *arguments)


def objects(store, made):
    return pathlib.Path(store) / made["cluster"] / made["id"]


@pytest.fixture
def scratch(tmp_path):
    """Where servers try backups; nothing may be left of them."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    yield folder
    assert not list(folder.iterdir())
    assert not processes.working_below(str(folder))


def verify(home, store, scratch, *arguments, code=DONE):
    return home.json("backup", "verify", store, "--scratch", scratch, "--engine", home.engine.program, *arguments, code=code)


def slow_server(home, folder):
    """A server that takes its time to load."""
    path = folder / f"slow-{home.engine.product}-server"
    path.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && exec {home.engine.program} --version\n"
                    f"exec {home.engine.program} \"$@\" --key-load-delay {LOAD_US}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@contextlib.contextmanager
def begun_verify(cluster, store, scratch, folder):
    """A run whose server is loading."""
    command = [PROGRAM, "backup", "verify", str(store), "--scratch", str(scratch), "--engine", str(slow_server(cluster.home, folder))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=cluster.home.environment()) as run:
        try:
            wait_for(lambda: any("Loading RDB" in log.read_text(errors="replace") for log in scratch.glob("*/server.log")),
                     "a server to load", 60)
            assert run.poll() is None
            yield run
        finally:
            run.kill()


def test_a_sharded_one(sharded, tmp_path, scratch):
    home, store = sharded.home, tmp_path / "store"
    made = backup(filled(sharded), store)
    assert "never verified" in home.run("backup", "show", store).stdout
    found = verify(home, store, scratch)
    assert found["good"] and [shard["name"] for shard in found["shards"]] == ["p1", "p2", "p3"]
    assert [shard["keys"] for shard in found["shards"]] == [shard["keys"] for shard in made["shards"]]
    assert sum(shard["keys"] for shard in found["shards"]) == KEYS + 4
    assert all(shard["values_compared"] > 50 and shard["expired"] == 0 for shard in found["shards"])
    assert json.loads((objects(store, made) / "verified.json").read_text())["good"]
    listed = home.json("backup", "ls", store)["backups"]
    assert listed[0]["verification"]["good"] and listed[0]["state"] == "complete"
    assert f"{KEYS + 4} keys" in home.run("backup", "show", store).stdout
    said = home.run("backup", "verify", store, made["id"], "--scratch", scratch, "--engine", home.engine.program)
    assert "is good" in said.stdout and "p3" in said.stdout


def test_right_after_it_was_made(replicated, tmp_path, scratch):
    home, store, key = replicated.home, tmp_path / "store", tmp_path / "key"
    home.run("backup", "key", key)
    words = ("--key-file", key, "--verify", "--scratch", scratch, "--engine", home.engine.program)
    made = backup(filled(replicated), store, *words)
    assert made == home.json("backup", "show", store) and home.json("backup", "ls", store)["backups"][0]["verification"]["good"]
    said = home.run("backup", "create", replicated.name, "--to", store, *words).stdout
    assert "Backed up" in said and "is good" in said
    missing = tmp_path / "no-redis-server"
    assert "could not be verified" in home.error("backup", "create", replicated.name, "--to", store, "--verify", "--scratch", scratch,
                                                 "--engine", missing, code=None)
    assert "verification" not in home.json("backup", "ls", store)["backups"][2]
    assert "go with --verify" in home.error("backup", "create", replicated.name, "--to", store, "--scratch", scratch, code=BAD_INPUT)


def test_an_encrypted_one_of_a_replicated_server(replicated, tmp_path, scratch):
    home, store, key, other = replicated.home, tmp_path / "store", tmp_path / "key", tmp_path / "other"
    home.run("backup", "key", key)
    home.run("backup", "key", other)
    made = backup(filled(replicated), store, "--key-file", key)
    assert verify(home, store, scratch, "--key-file", key)["good"]
    (objects(store, made) / "verified.json").unlink()
    words = ("backup", "verify", store, "--scratch", scratch, "--engine", home.engine.program)
    assert "another key" in home.error(*words, "--key-file", other, code=FAILED)
    assert "--key-file" in home.error(*words, code=BAD_INPUT)
    assert "verification" not in home.json("backup", "ls", store)["backups"][0]


def test_keys_that_expired_since(home, make_servers, tmp_path, scratch):
    alone = make_servers(1, ["cluster-enabled no", "enable-debug-command yes"])
    node, store = alone.node(0), tmp_path / "store"
    node.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    for number in range(40):
        node.set(f"soon:{number}", "gone", px=1)
        node.set(f"stays:{number}", "here")
        node.set(f"later:{number}", "here", pxat=4102444800000)
    begun_s = node.time()[0]
    wait_for(lambda: node.time()[0] > begun_s + 1, "keys to expire")
    made = home.json("backup", "create", "old", "--from", alone.address(), "--to", store)
    assert made["shards"][0]["keys"] == 120
    shard = verify(home, store, scratch)["shards"][0]
    assert shard["good"] and (shard["keys"], shard["expired"]) == (120, 40)


@pytest.mark.parametrize("harm", ["altered", "cut off", "missing", "counted otherwise"])
def test_bad_ones(replicated, tmp_path, scratch, harm):
    home, store = replicated.home, tmp_path / "store"
    filled(replicated)
    good, made = backup(replicated, store), backup(replicated, store)
    path = objects(store, made) / "p1.rdb.zst"
    whole = path.read_bytes()
    middle = len(whole) // 2
    if harm == "altered":
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:])
    elif harm == "cut off":
        path.write_bytes(whole[:middle])
    elif harm == "missing":
        path.unlink()
    else:
        manifest = json.loads((objects(store, made) / "manifest.json").read_text())
        manifest["shards"][0]["keys"] -= 1
        (objects(store, made) / "manifest.json").write_text(json.dumps(manifest))
    found = verify(home, store, scratch, made["id"], code=FAILED)
    assert not found["good"] and found["shards"][0]["problem"] in found["text"]
    said = home.error("backup", "verify", store, "--scratch", scratch, "--engine", home.engine.program, code=FAILED)
    assert "is bad: shard p1: " in said
    assert home.json("backup", "ls", store)["backups"][1]["verification"]["good"] is False
    assert "verify failed" in home.run("backup", "show", store).stdout
    # The newest good one is the other one.
    pruned = home.json("backup", "prune", store, "--keep-last", "1", "--dry-run")["backups"]
    assert [(one["id"], one["state"]) for one in pruned] == [(good["id"], "kept"), (made["id"], "kept")]


def test_interrupted(replicated, tmp_path, scratch):
    store = tmp_path / "store"
    made = backup(filled(replicated), store)
    for number in (signal.SIGINT, signal.SIGTERM):
        with begun_verify(replicated, store, scratch, tmp_path) as run:
            run.send_signal(number)
            said = run.communicate(timeout=60)[0]
            assert run.returncode == INTERRUPTED and "nothing is known" in said, said
        assert not list(scratch.iterdir()) and not processes.working_below(str(scratch))
    assert not (objects(store, made) / "verified.json").exists()


def test_killed(replicated, tmp_path, scratch):
    home, store = replicated.home, tmp_path / "store"
    backup(filled(replicated), store)
    with begun_verify(replicated, store, scratch, tmp_path) as run:
        # Another one at the same time does not touch it.
        assert verify(home, store, scratch)["good"]
        assert len(list(scratch.iterdir())) == 1 and processes.working_below(str(scratch))
        run.kill()
        run.wait(timeout=60)
    assert list(scratch.iterdir()) and processes.working_below(str(scratch))
    assert verify(home, store, scratch)["good"]


def test_no_room_and_no_server(replicated, tmp_path, scratch):
    home, store = replicated.home, tmp_path / "store"
    made = backup(filled(replicated), store)
    missing = tmp_path / "no-redis-server"
    assert "no-redis-server" in home.error("backup", "verify", store, "--scratch", scratch, "--engine", missing, code=None)
    assert "--scratch" in home.error("backup", "verify", store, "--scratch", tmp_path / "nowhere", "--engine",
                                     home.engine.program, code=None)
    assert not (objects(store, made) / "verified.json").exists()


def test_a_newer_file_than_the_server_reads(replicated, tmp_path, scratch):
    """Where the engines at hand differ enough."""
    home, store = replicated.home, tmp_path / "store"
    folder = os.environ.get("KEYWAY_ENGINES")
    older = sorted(pathlib.Path(folder).glob("redis-7.0*/redis-server")) if folder else []
    if not older or home.engine.name.startswith(("redis-7.", "valkey-8.")):
        pytest.skip("takes a server that writes newer files and Redis 7.0")
    made = backup(filled(replicated), store)
    said = home.error("backup", "verify", store, "--scratch", scratch, "--engine", older[0], code=None)
    assert "cannot tell whether the backup is good" in said
    assert not (objects(store, made) / "verified.json").exists()
    assert verify(home, store, scratch)["good"]
