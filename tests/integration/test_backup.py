"""Backups of local clusters and of servers elsewhere into a folder, and what becomes of those that go wrong."""

import contextlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import time

import pytest
import redis

from keyway_home import BAD_INPUT, DONE, FAILED, NOT_THERE, PROGRAM
from waiting import wait_for

INTERRUPTED = 130
KEYS = 3000
TWO_DAYS_S = 2 * 24 * 3600
SLOW_US = 3000  # for each key that a server sends


def files_in(store):
    return sorted(str(path.relative_to(store)) for path in pathlib.Path(store).rglob("*") if path.is_file())


def filled(cluster):
    """Only these keys; the replicas have them, too."""
    for shard in cluster.shards().values():
        cluster.admin(shard["primary"]["name"]).flushall()
    client = cluster.client()
    for number in range(KEYS):
        client.execute(f"key:{number}", "SET", f"key:{number}", f"value {number}")
    client.execute("mortal", "SET", "mortal", "soon", "PXAT", "4102444800000")
    client.execute("list", "RPUSH", "list", *range(300))
    client.execute("hash", "HSET", "hash", "field", "x" * 100_000)
    cluster.wait_replicated()
    return cluster


def contents(cluster):
    """All that the primaries hold: what DUMP gives for each key, and when it expires."""
    found = {}
    for shard in cluster.shards().values():
        admin = cluster.admin(shard["primary"]["name"])
        # Dumps are bytes, which this connection would decode.
        options = {**admin.connection_pool.connection_kwargs, "decode_responses": False}
        with redis.Redis(**options) as raw, raw.pipeline(transaction=False) as pipeline:
            keys = list(raw.scan_iter(count=1000))
            for key in keys:
                pipeline.dump(key)
                pipeline.pexpiretime(key)
            answers = pipeline.execute()
        found.update(zip(keys, zip(answers[::2], answers[1::2])))
    return found


def backup(cluster, store, **options):
    return cluster.home.json("backup", "create", cluster.name, "--to", store, **options)


@contextlib.contextmanager
def slow_servers(cluster):
    nodes = list(cluster.nodes())
    try:
        for node in nodes:
            cluster.admin(node).config_set("rdb-key-save-delay", SLOW_US)
        yield
    finally:
        for node in nodes:
            cluster.admin(node).config_set("rdb-key-save-delay", 0)


@contextlib.contextmanager
def begun_backup(cluster, store):
    """A run that is in the middle of it."""
    command = [PROGRAM, "backup", "create", cluster.name, "--to", str(store)]
    with slow_servers(cluster), subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                                 env=cluster.home.environment()) as run:
        try:
            wait_for(lambda: store.exists() and files_in(store), "objects to be begun")
            assert run.poll() is None
            yield run
        finally:
            run.kill()


def test_sharded_into_another_number_of_shards(sharded, tmp_path):
    home, store = sharded.home, tmp_path / "store"
    filled(sharded)
    before = contents(sharded)
    made = backup(sharded, store)
    folder = f"{sharded.name}/{made['id']}"
    assert files_in(store) == [f"{folder}/{name}" for name in ("manifest.json", "p1.rdb.zst", "p2.rdb.zst", "p3.rdb.zst")]
    assert json.loads((store / folder / "manifest.json").read_text()) == made
    assert sum(shard["keys"] for shard in made["shards"]) == len(before) == KEYS + 3
    assert all(shard["from_replica"] and len(shard["replication_id"]) == 40 for shard in made["shards"])
    listed = home.json("backup", "ls", store)["backups"]
    assert [(one["id"], one["state"], one["shards"], one["keys"]) for one in listed] == [(made["id"], "complete", 3, KEYS + 3)]
    assert home.json("backup", "show", store) == made
    said = home.run("backup", "show", store, made["id"]).stdout
    assert "p3" in said and "replica" in said
    other = home.cluster("other")
    try:
        home.run("restore", "other", "--from", store, "--shards", "2", "--replicas", "0", "--port", home.ports.take())
        assert contents(other) == before
    finally:
        other.run("down", "--yes", "--purge")


def test_replicated_and_encrypted(replicated, tmp_path):
    home, store, key = replicated.home, tmp_path / "store", tmp_path / "key"
    filled(replicated)
    before = contents(replicated)
    home.run("backup", "key", key)
    made = backup(replicated, store)
    assert [shard["keys"] for shard in made["shards"]] == [KEYS + 3] and made["shards"][0]["from_replica"]
    sealed = home.json("backup", "create", replicated.name, "--to", store, "--key-file", key)
    assert sealed["encrypted"] and b"value 17" not in (store / replicated.name / sealed["id"] / "p1.rdb.zst.enc").read_bytes()
    message = home.error("restore", replicated.name, "--from", store, "--replace", code=BAD_INPUT)
    assert "is encrypted; --key-file" in message
    replicated.admin(replicated.primary()["name"]).flushall()
    home.run("restore", replicated.name, "--from", store, "--key-file", key)
    assert contents(replicated) == before


def test_a_server_elsewhere(home, make_servers, tmp_path):
    alone = make_servers(1, ["cluster-enabled no"])
    alone.node(0).mset({f"k{number}": number for number in range(500)})
    store = tmp_path / "store"
    made = home.json("backup", "create", "old", "--from", alone.address(), "--to", f"file://{store}")
    assert (made["cluster"], made["mode"], made["shards"][0]["keys"]) == ("old", "replicated", 500)
    alone.node(0).flushall()
    home.run("restore", "--to", alone.address(), "--from", store)
    assert alone.node(0).dbsize() == 500 and alone.node(0).get("k17") in ("17", b"17")


def test_prune_keeps_what_is_wanted(replicated, tmp_path):
    home, store = replicated.home, tmp_path / "store"
    ids = [backup(replicated, store)["id"] for _ in range(3)]
    pruned = home.json("backup", "prune", store, "--keep-last", "1", "--dry-run")["backups"]
    assert [one["state"] for one in pruned] == ["would be deleted", "would be deleted", "kept"]
    assert len(home.json("backup", "ls", store)["backups"]) == 3
    assert "Deleted 2 backups" in home.run("backup", "prune", store, "--keep-last", "1").stdout
    assert [one["id"] for one in home.json("backup", "ls", store)["backups"]] == ids[-1:]
    assert "no backup" in home.error("backup", "show", store, ids[0], code=NOT_THERE)
    home.run("backup", "prune", store, "--keep-days", "1")
    assert len(home.json("backup", "ls", store)["backups"]) == 1


def test_interrupted(sharded, tmp_path):
    store = tmp_path / "store"
    filled(sharded)
    with begun_backup(sharded, store) as run:
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=60)[0]
        assert run.returncode == INTERRUPTED and "no backup was made" in said, said
    assert not files_in(store)


def test_a_server_that_is_lost_in_the_middle(sharded, tmp_path):
    """The shard is taken from another one of its servers."""
    store = tmp_path / "store"
    filled(sharded)
    before = contents(sharded)
    with begun_backup(sharded, store) as run:
        sharded.kill(sharded.replicas("p1")[0]["name"])
        said = run.communicate(timeout=100)[0]
        assert run.returncode == DONE and "shard p1: lost the connection" in said, said
    sharded.wait_ready()
    made = sharded.home.json("backup", "show", store)
    assert sum(shard["keys"] for shard in made["shards"]) == len(before)
    assert not any(name.endswith(".part") for name in files_in(store))
    sharded.home.run("restore", sharded.name, "--from", store, "--dry-run", "--replace")


def test_killed(sharded, tmp_path):
    home, store = sharded.home, tmp_path / "store"
    filled(sharded)
    with begun_backup(sharded, store) as run:
        second = home.error("backup", "create", sharded.name, "--to", store, code=None)
        assert "is under way" in second
        run.kill()
        run.wait(timeout=60)
    left = files_in(store)
    assert left and not any("manifest" in name for name in left)
    assert [one["state"] for one in home.json("backup", "ls", store)["backups"]] == ["unfinished"]
    assert "there is no backup" in home.error("backup", "show", store, code=NOT_THERE)
    assert "there is no backup" in home.error("restore", sharded.name, "--from", store, "--replace", code=NOT_THERE)
    home.run("backup", "prune", store)
    assert files_in(store) == left
    made = backup(sharded, store)
    for name in left:
        os.utime(store / name, (time.time() - TWO_DAYS_S,) * 2)
    home.run("backup", "prune", store)
    assert [one["id"] for one in home.json("backup", "ls", store)["backups"]] == [made["id"]]
    assert not set(left) & set(files_in(store))


def test_targets_that_take_nothing(replicated, tmp_path):
    home, name = replicated.home, replicated.name
    file = tmp_path / "file"
    file.write_text("")
    assert "Not a directory" in home.error("backup", "create", name, "--to", file / "store", code=FAILED)
    assert "backups are kept in a folder" in home.error("backup", "create", name, "--to", "ftp://host/path", code=BAD_INPUT)
    assert "backup create, backup ls" in home.error("backup", code=BAD_INPUT)
    assert "--to URL" in home.error("backup", "create", name, code=BAD_INPUT)
    # Random values, since what is compressed must not fit.
    replicated.admin(replicated.primary()["name"]).set("large", os.urandom(500_000).hex())
    replicated.wait_replicated()
    store = tmp_path / "small"

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    # Python has SIGXFSZ ignored, so that a write beyond the limit fails like one to a full disk.
    message = home.error("backup", "create", name, "--to", store, code=FAILED, preexec_fn=limit, restore_signals=False)
    assert "p1.rdb.zst" in message and "File too large" in message
    assert not files_in(store)


@pytest.mark.parametrize("harm", ["altered", "cut off", "missing"])
def test_damaged_objects_are_not_restored(replicated, tmp_path, harm):
    home, store = replicated.home, tmp_path / "store"
    replicated.client().execute("kept", "SET", "kept", "x" * 1000)
    made = backup(replicated, store)
    path = store / replicated.name / made["id"] / "p1.rdb.zst"
    whole = path.read_bytes()
    middle = len(whole) // 2
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(whole[:middle] + (bytes([whole[middle] ^ 1]) + whole[middle + 1:] if harm == "altered" else b""))
    replicated.client().execute("kept", "SET", "kept", "now")
    message = home.error("restore", replicated.name, "--from", store, "--replace", code=None)
    assert "shard p1 of backup" in message or f"{made['id']}/p1.rdb.zst: " in message, message
    assert replicated.client().execute("kept", "GET", "kept") in ("now", b"now")
    assert home.run("restore", replicated.name, "--from", store, "--replace", code=None).returncode != DONE
