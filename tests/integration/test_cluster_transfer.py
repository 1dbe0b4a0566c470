"""Data in and out of a cluster as a whole: import from servers and clusters in use, backups and servers started on them."""

import json
import os
import shutil
import signal
import subprocess
import threading

import pytest
import redis

from all_kinds import digest, fill_with_all_kinds
from keyway_home import DONE, FAILED, PROGRAM
from waiting import wait_for

PASSWORD = "of-the-source"
INTERRUPTED = 130
BIG_BYTES = 200 << 20


@pytest.fixture(scope="module", name="target")
def three_primaries(make_servers):
    """A cluster of three primaries and a replica of the first."""
    servers = make_servers(4)
    servers.cli("--cluster", "create", *servers.addresses(range(3)), "--cluster-yes")
    wait_until_ok(servers, 3)
    servers.cli("--cluster", "add-node", servers.address(3), servers.address(), "--cluster-slave", "--cluster-master-id",
                servers.id(0))
    wait_until_ok(servers, 4)
    servers.wait_in_sync(range(4))
    return servers


@pytest.fixture(name="cluster")
def empty_target(target):
    for number in range(3):
        target.node(number).config_set("maxmemory", 0)
        target.node(number).flushall()
    with redis.RedisCluster(host="127.0.0.1", port=target.port(0)) as cluster:
        yield cluster


@pytest.fixture(scope="module", name="source_server")
def standalone(make_servers):
    return make_servers(1, ["cluster-enabled no", f"requirepass {PASSWORD}"], password=PASSWORD)


@pytest.fixture(name="source")
def empty_source(source_server):
    """Its client, of bytes."""
    with redis.Redis(host="127.0.0.1", port=source_server.port(0), password=PASSWORD) as client:
        client.flushall()
        yield client


@pytest.fixture(name="words")
def import_words(target, source_server, tmp_path):
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    return ["import", target.address(1), "--from", source_server.address(), "--from-password-file", password]


def wait_until_ok(servers, count):
    wait_for(lambda: all(servers.node(number).execute_command("CLUSTER INFO").get("cluster_state") == "ok"
                         and len(servers.known(number)) == count for number in range(count)), "the cluster to be ready")


def target_digest(target, cluster, key):
    node = cluster.get_node_from_key(key)
    with redis.Redis(host=node.host, port=node.port) as owner:
        return digest(owner, key)


def check_same(target, cluster, source, keys):
    for key in keys:
        assert target_digest(target, cluster, key) == digest(source, key), key
        assert abs(cluster.pttl(key) - source.pttl(key)) < 2000, key


@pytest.mark.every_engine
def test_copy(tool, target, cluster, source, words):
    keys = fill_with_all_kinds(source)
    result = tool.json(*words, "--copy")
    assert result["imported"] == result["compared"] == result["scanned"] == len(keys)
    assert result["different_count"] == result["present"] == 0
    check_same(target, cluster, source, keys)
    assert source.dbsize() == len(keys)
    again = tool.json(*words, "--copy")
    assert (again["imported"], again["present"], again["compared"]) == (0, len(keys), len(keys))


@pytest.mark.every_engine
def test_move(tool, target, cluster, source, words):
    keys = fill_with_all_kinds(source)
    before = {key: (digest(source, key), source.pttl(key)) for key in keys}
    result = tool.json(*words)
    assert result["imported"] == len(keys) and source.dbsize() == 0
    for key, (value, pttl) in before.items():
        assert target_digest(target, cluster, key) == value, key
        assert -1 <= pttl - cluster.pttl(key) < 60_000


def test_keys_that_are_there_already(tool, cluster, source, words):
    source.mset({"same": "1", "other": "theirs", "nul\0": "x"})
    for key, value in {"same": "1", "other": "mine", "only here": "1"}.items():
        cluster.set(key, value)
    result = tool.json(*words, "--copy", code=FAILED)
    assert (result["imported"], result["present"], result["compared"]) == (1, 2, 2)
    assert result["different"] == ["other"] and cluster.get("other") == b"mine"
    tool.own(*words, "--copy", "--replace")
    assert cluster.get("other") == b"theirs" and cluster.get("only here") == b"1"
    assert cluster.get("nul\0") == b"x"


def test_from_another_database(tool, cluster, source, words, source_server):
    with redis.Redis(host="127.0.0.1", port=source_server.port(0), password=PASSWORD, db=5) as other:
        other.set("of the fifth", "5")
        source.set("of the first", "0")
        done = tool.own(*words, "--copy", "--from-db", 5)
        assert cluster.get("of the fifth") == b"5" and not cluster.exists("of the first")
        assert "db0" in done.stdout + done.stderr
        other.flushdb()


class Writer(threading.Thread):
    """Adds to lists at the source, one element after the other, until it is stopped."""

    def __init__(self, port):
        super().__init__()
        self.port, self.stopped, self.written = port, threading.Event(), 0

    def run(self):
        with redis.Redis(host="127.0.0.1", port=self.port, password=PASSWORD) as client:
            while not self.stopped.is_set():
                client.rpush(f"events {self.written % 10}", self.written)
                client.set(f"new {self.written % 1000}", self.written, ex=1000)
                self.written += 1

    def __enter__(self):
        self.start()
        wait_for(lambda: self.written > 100, "the writer to begin")
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join()


def fill_with_many(client, count):
    with client.pipeline(transaction=False) as pipeline:
        for number in range(count):
            pipeline.set(f"k{number}", f"value {number}")
        pipeline.execute()


def test_copy_while_it_is_written_to(tool, target, cluster, source, words, source_server):
    fill_with_many(source, 20_000)
    with Writer(source_server.port(0)) as writer:
        result = tool.json(*words, "--copy")
        assert result["different_count"] == 0 and result["imported"] > 20_000
    assert writer.written > 100
    result = tool.json(*words, "--copy", "--replace")
    assert result["different_count"] == 0 and result["compared"] == source.dbsize()
    check_same(target, cluster, source, [key for key in source.scan_iter(count=1000) if not key.startswith(b"k")])


def test_move_while_it_is_written_to(tool, cluster, source, words, source_server):
    fill_with_many(source, 20_000)
    with Writer(source_server.port(0)) as writer:
        tool.own(*words)
    # What came after a list had gone began a new one at the source: nothing is in both, nothing is lost.
    for number in range(10):
        key = f"events {number}"
        elements = cluster.lrange(key, 0, -1) + source.lrange(key, 0, -1)
        assert elements == [str(n).encode() for n in range(number, writer.written, 10)]
    assert all(cluster.get(f"k{number}") == f"value {number}".encode() for number in range(0, 20_000, 50))


@pytest.mark.parametrize("copy", [True, False], ids=["copy", "move"])
def test_a_key_of_200_mb(tool, target, cluster, source, words, copy):
    chunk = os.urandom(1 << 20)
    source.execute_command("SET", "big", chunk * (BIG_BYTES >> 20))
    source.hset("small", "f", "v")
    before = digest(source, "big")
    result = tool.json(*words, *(["--copy"] if copy else []))
    assert result["imported"] == 2 and result["different_count"] == 0
    assert target_digest(target, cluster, "big") == before
    assert source.exists("big") == copy


def test_a_wrong_password(tool, target, source, source_server, tmp_path):
    source.set("a", "1")
    (tmp_path / "wrong").write_text("wrong-words\n")
    seen = tool.own("import", target.address(), "--from", source_server.address(), "--from-password-file", tmp_path / "wrong",
                    code=FAILED).stderr
    assert source_server.address() in seen and "WRONGPASS" in seen and "wrong-words" not in seen
    seen = tool.own("import", target.address(), "--from", source_server.address(), code=FAILED).stderr
    assert source_server.address() in seen and "NOAUTH" in seen


@pytest.mark.parametrize("copy", [True, False], ids=["copy", "move"])
def test_a_full_target(tool, target, cluster, source, words, copy):
    for number in range(500):
        source.set(f"k{number}", os.urandom(10_000))
    for number in range(3):
        node = target.node(number)
        node.config_set("maxmemory-policy", "noeviction")
        node.config_set("maxmemory", node.info("memory")["used_memory"] + (1 << 20))
    mode = ["--copy"] if copy else []
    seen = tool.own(*words, *mode, code=FAILED).stderr
    assert "OOM" in seen and "again" in seen
    for number in range(3):
        target.node(number).config_set("maxmemory", 0)
    result = tool.json(*words, *mode)
    assert result["different_count"] == 0
    assert sum(target.node(number).dbsize() for number in range(3)) == 500
    assert source.dbsize() == (500 if copy else 0)
    del cluster


def test_a_source_that_is_not_there(tool, target, cluster):
    seen = tool.own("import", target.address(), "--from", "127.0.0.1:1", "--copy", code=None)
    assert seen.returncode != DONE and "127.0.0.1:1" in seen.stderr
    seen = tool.own("import", target.address(), "--from", target.address(2), "--copy", code=2).stderr
    assert "very cluster" in seen
    del cluster


def test_interrupted(tool, target, cluster, source, words):
    fill_with_many(source, 100_000)
    environment = tool.home.environment()
    with subprocess.Popen([PROGRAM, "cluster", *map(str, words), "--copy", "--max-bytes-per-s", "500kb"], env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        wait_for(lambda: target.node(0).dbsize() > 0, "the first keys")
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=30)
        assert run.returncode == INTERRUPTED, out + err
    result = tool.json(*words, "--copy")
    assert result["present"] > 0 and result["imported"] > 0
    assert result["present"] + result["imported"] == result["compared"] == 100_000
    del cluster


# Backups.

def load(servers, make_servers, path):
    """A server that has loaded the file."""
    started = make_servers(0, ["cluster-enabled no"])
    home = started.folder / str(started.port(0))
    home.mkdir(parents=True)
    shutil.copy(path, home / "dump.rdb")
    started.start(0)
    return started.node(0)


@pytest.mark.every_engine
@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_backup(tool, target, cluster, make_servers, tmp_path, diskless):
    for number in range(4):
        target.node(number).config_set("repl-diskless-sync", diskless)
    keys = {f"k{number}": f"value {number}" for number in range(1000)}
    for key, value in keys.items():
        cluster.set(key, value)
    target.node(0).execute_command("WAIT", 1, 5000)
    folder = tmp_path / "backup"
    result = tool.json("backup", target.address(1), folder)
    sources = {shard["id"]: shard["source"] for shard in result["shards"]}
    assert sources == {target.id(0): target.address(3), target.id(1): target.address(1), target.id(2): target.address(2)}
    assert sorted(path.name for path in folder.iterdir()) == sorted([f"{node}.rdb" for node in sources] + ["nodes.json"])
    loaded = {}
    for node in sources:
        server = load(target, make_servers, folder / f"{node}.rdb")
        names = server.keys("*")
        loaded.update(zip(names, server.mget(names)))
    assert loaded == keys

    theirs = tmp_path / "theirs"
    theirs.mkdir()
    target.cli("--cluster", "backup", target.address(), theirs)
    ours = {node["name"]: node for node in json.loads((folder / "nodes.json").read_text())}
    for node in json.loads((theirs / "nodes.json").read_text()):
        assert node.items() <= ours[node["name"]].items()


def test_backup_refusals(tool, target, cluster, tmp_path):
    folder = tmp_path / "backup"
    folder.mkdir()
    (folder / "mine").write_text("x")
    seen = tool.own("backup", target.address(), folder, code=FAILED).stderr
    assert "not empty" in seen and [path.name for path in folder.iterdir()] == ["mine"]

    slot = 100
    source, other = target.node(0), target.id(1)
    source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", other)
    seen = tool.own("backup", target.address(), tmp_path / "other", code=FAILED).stderr
    source.execute_command("CLUSTER", "SETSLOT", slot, "STABLE")
    assert str(slot) in seen and not (tmp_path / "other").exists()
    del cluster


def test_backup_of_a_node_that_dies(tool, target, cluster, make_servers, tmp_path):
    """A cluster of its own, since it does not survive."""
    del target, cluster
    servers = make_servers(3, ["rdb-key-save-delay 1000"])
    servers.cli("--cluster", "create", *servers.addresses(range(3)), "--cluster-yes")
    wait_until_ok(servers, 3)
    servers.fill(5000)
    folder = tmp_path / "backup"
    with subprocess.Popen([PROGRAM, "cluster", "backup", servers.address(), str(folder)], env=tool.home.environment(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        wait_for(lambda: folder.exists() and any(path.stat().st_size > 0 for path in folder.iterdir()), "the first data")
        servers.kill(1)
        out, err = run.communicate(timeout=60)
        assert run.returncode == FAILED, out + err
    assert servers.address(1) in err and not folder.exists()
