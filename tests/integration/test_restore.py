"""Restoring from RDB files that servers wrote, into other numbers of shards, other engines and targets in use."""

import json
import shutil
import signal
import subprocess

import pytest
import redis

from all_kinds import digest, fill_with_all_kinds
from bare_servers import Servers
from certificates import Authority
from engines import find_engines
from keyway_home import BAD_INPUT, DONE, FAILED, NOT_THERE, PROGRAM
from waiting import wait_for

PASSWORD = "of-the-target"
FUNCTIONS = "#!lua name=lib\nredis.register_function('hello', function() return 'world' end)"
MANY_KEYS = 300_000


def make_cluster(make_servers, count):
    servers = make_servers(count)
    servers.cli("--cluster", "create", *servers.addresses(range(count)), "--cluster-yes")
    wait_for(lambda: all(servers.node(number).execute_command("CLUSTER INFO").get("cluster_state") == "ok"
                         for number in range(count)), "the cluster to be ready")
    return servers


@pytest.fixture(scope="module", name="three_servers")
def three_primaries(make_servers):
    return make_cluster(make_servers, 3)


@pytest.fixture(scope="module", name="five_servers")
def five_primaries(make_servers):
    return make_cluster(make_servers, 5)


@pytest.fixture(scope="module", name="alone_server")
def standalone(make_servers):
    return make_servers(1, ["cluster-enabled no"])


@pytest.fixture(name="three")
def empty_three(three_servers):
    return emptied(three_servers, 3)


@pytest.fixture(name="five")
def empty_five(five_servers):
    return emptied(five_servers, 5)


@pytest.fixture(name="alone")
def empty_alone(alone_server):
    return emptied(alone_server, 1)


def emptied(servers, count):
    for number in range(count):
        servers.node(number).config_set("maxmemory", 0)
        servers.node(number).flushall()
        servers.node(number).function_flush()
    return servers


def client_of(servers, count):
    kind = redis.Redis if count == 1 else redis.RedisCluster
    return kind(host="127.0.0.1", port=servers.port(0))


def saved(servers, count, folder):
    """The servers' files, copied to a folder."""
    folder.mkdir()
    for number in range(count):
        servers.node(number).save()
        shutil.copy(servers.folder / str(servers.port(number)) / "dump.rdb", folder / f"{number}.rdb")
    return folder


def seen(servers, count, keys):
    """What the keys hold and when they expire."""
    with client_of(servers, count) as client:
        found = {}
        for key in keys:
            port = servers.port(0) if count == 1 else client.get_node_from_key(key).port
            with redis.Redis(host="127.0.0.1", port=port) as owner:
                found[key] = (digest(owner, key), owner.pexpiretime(key))
        return found


def restore(home, target, source, *flags, code=DONE):
    done = home.run("restore", "--to", target.address(), "--from", source, "--json", *flags, code=code)
    return json.loads(done.stdout)


def error(home, target, source, *flags, code=FAILED):
    return restore(home, target, source, *flags, code=code)["error"]["message"]


@pytest.mark.every_engine
def test_any_number_of_shards_to_any_other(home, three, five, alone, tmp_path):
    with client_of(three, 3) as client:
        keys = fill_with_all_kinds(client)
        for key, fields in (("fields", 3), ("many fields", 900)):
            client.hset(key, mapping={f"f{number}": "v" * 70 for number in range(fields)})
            keys.append(key)
            if has_field_expiry(three.engine):
                client.execute_command("HPEXPIREAT", key, 4_102_444_800_000, "FIELDS", 1, "f1")
    for number in range(3):
        three.node(number).function_load(FUNCTIONS)
    before = seen(three, 3, keys)
    of_three = saved(three, 3, tmp_path / "three")
    result = restore(home, five, of_three)
    assert (result["written"], result["after"], result["functions"]) == (len(keys), len(keys), 1)
    assert seen(five, 5, keys) == before
    assert all(five.node(number).fcall("hello", 0) == "world" for number in range(5))
    assert restore(home, alone, of_three)["written"] == len(keys)
    assert seen(alone, 1, keys) == before
    of_one = saved(alone, 1, tmp_path / "one")
    emptied(three, 3)
    assert restore(home, three, of_one / "0.rdb")["written"] == len(keys)
    assert seen(three, 3, keys) == before


def has_field_expiry(engine):
    return engine.name.startswith(("redis-8", "valkey-9"))


def test_local_clusters_of_both_modes(home, sharded, replicated, alone, tmp_path):
    alone.node(0).mset({f"k{number}": number for number in range(1000)})
    file = saved(alone, 1, tmp_path / "plain") / "0.rdb"
    for cluster in (sharded, replicated):
        before = sum(node["keys"] for node in cluster.nodes().values() if node["role"] == "primary")
        result = cluster.home.json("restore", cluster.name, "--from", file, "--replace")
        assert (result["written"], result["before"]) == (1000, before)
        said = cluster.home.run("restore", cluster.name, "--from", file, "--merge").stdout
        assert "0 of 1,000 keys restored, 1,000 were there already and stayed" in said
    assert "there is no cluster \"other\"" in home.error("restore", "other", "--from", file, code=NOT_THERE)


def test_targets_that_hold_keys(home, alone, three, tmp_path):
    alone.node(0).mset({"a": "new", "b": "new", "user:1": "new"})
    file = saved(alone, 1, tmp_path / "file") / "0.rdb"
    with client_of(three, 3) as client:
        client.set("a", "old")
        client.set("c", "old")
        assert "the target holds 2 keys; --replace" in error(home, three, file)
        assert client.get("b") is None
        result = restore(home, three, file, "--merge")
        assert (result["written"], result["present"]) == (2, 1) and client.get("a") == b"old"
        result = restore(home, three, file, "--replace", "--pattern", "a*")
        assert (result["written"], result["left_out"]) == (1, 2) and client.get("a") == b"new"
        assert client.get("c") == b"old"


def test_damaged_files_change_nothing(home, alone, three, tmp_path):
    alone.node(0).mset({f"k{number}": "x" * 100 for number in range(2000)})
    file = saved(alone, 1, tmp_path / "file") / "0.rdb"
    whole = file.read_bytes()
    cases = {"cut off": whole[:-20], "checksum": whole.replace(b"x" * 10, b"y" * 10, 1) if b"x" * 10 in whole else
             whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:], "no RDB file": b"# not at all\n", "empty": b""}
    for what, content in cases.items():
        bad = tmp_path / "bad.rdb"
        bad.write_bytes(content)
        message = error(home, three, bad)
        assert what in message or what == "checksum", message
        assert all(three.node(number).dbsize() == 0 for number in range(3)), message
    assert "no such file" in home.error("restore", "--to", three.address(), "--from", tmp_path / "none", code=NOT_THERE)
    assert restore(home, three, file, "--dry-run")["keys"] == 2000
    assert all(three.node(number).dbsize() == 0 for number in range(3))


def test_databases(home, alone, three, tmp_path):
    with redis.Redis(host="127.0.0.1", port=alone.port(0), db=3) as third:
        third.set("of three", "3")
    alone.node(0).set("of none", "0")
    file = saved(alone, 1, tmp_path / "file") / "0.rdb"
    assert "database 3" in error(home, three, file, code=BAD_INPUT)
    assert restore(home, three, file, "--db", "3")["written"] == 1
    with client_of(three, 3) as client:
        assert client.get("of three") == b"3" and client.get("of none") is None
    alone.node(0).flushall()
    assert restore(home, alone, file)["written"] == 2
    with redis.Redis(host="127.0.0.1", port=alone.port(0), db=3) as third:
        assert third.get("of three") == b"3" and third.dbsize() == 1
    assert alone.node(0).get("of none") == "0" and alone.node(0).dbsize() == 1


def test_full_target_and_then_again(home, alone, three, tmp_path):
    alone.node(0).execute_command("DEBUG", "POPULATE", 30_000, "key", 300)
    alone.node(0).set("expired", "1", px=1)
    file = saved(alone, 1, tmp_path / "file") / "0.rdb"
    for number in range(3):
        three.node(number).config_set("maxmemory", "5mb")
    message = error(home, three, file)
    assert "Make room there" in message and "the same command again finishes it" in message
    for number in range(3):
        three.node(number).config_set("maxmemory", 0)
    result = restore(home, three, file)
    assert result["resumed"] and result["after"] == result["written"] == 30_000
    assert sum(three.node(number).dbsize() for number in range(3)) == 30_000
    assert "holds 30000 keys" in error(home, three, file)


def test_keys_that_are_evicted_are_told(home, alone, three, tmp_path):
    alone.node(0).execute_command("DEBUG", "POPULATE", 30_000, "key", 300)
    file = saved(alone, 1, tmp_path / "file") / "0.rdb"
    for number in range(3):
        three.node(number).config_set("maxmemory-policy", "allkeys-random")
        three.node(number).config_set("maxmemory", "5mb")
    try:
        assert "they were evicted" in error(home, three, file)
    finally:
        for number in range(3):
            three.node(number).config_set("maxmemory", 0)
            three.node(number).config_set("maxmemory-policy", "noeviction")
    # The mark of the restore may be among those that are gone.
    assert restore(home, three, file, "--replace")["after"] == 30_000


def test_killed_and_then_again(home, alone, three, tmp_path):
    alone.node(0).execute_command("DEBUG", "POPULATE", MANY_KEYS, "key", 50)
    file = saved(alone, 1, tmp_path / "file") / "0.rdb"
    command = [PROGRAM, "restore", "--to", three.address(), "--from", str(file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=home.environment()) as run:
        wait_for(lambda: three.node(0).dbsize() > 1000, "keys to arrive")
        run.send_signal(signal.SIGKILL)
    other = tmp_path / "other.rdb"
    shutil.copy(file, other)
    if sum(three.node(number).dbsize() for number in range(3)) <= MANY_KEYS:
        assert "was not finished" in error(home, three, other)
    result = restore(home, three, file)
    assert result["after"] == MANY_KEYS
    assert sum(three.node(number).dbsize() for number in range(3)) == MANY_KEYS


def test_slots_that_move_in_the_middle(home, tool, alone, three, tmp_path):
    alone.node(0).execute_command("DEBUG", "POPULATE", MANY_KEYS, "key", 50)
    file = saved(alone, 1, tmp_path / "file") / "0.rdb"
    command = [PROGRAM, "restore", "--to", three.address(), "--from", str(file), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=home.environment()) as run:
        wait_for(lambda: three.node(0).dbsize() > 1000, "keys to arrive")
        least, most = sorted(range(3), key=lambda number: three.primaries()[number])[::2]
        tool.own("reshard", three.address(), "--from", three.id(most), "--to", three.id(least), "--slots", "1500", "--yes")
        result = json.loads(run.communicate(timeout=100)[0])
    assert run.returncode == DONE and result["written"] == result["after"] == MANY_KEYS
    with client_of(three, 3) as client:
        assert all(client.exists(f"key:{number}") for number in range(0, MANY_KEYS, 997))


def test_failover_in_the_middle(replicated, alone, tmp_path):
    """It goes on at the new primary. What the old one had confirmed and not yet passed on is lost, which is told and mended."""
    replicated.admin(replicated.primary()["name"]).flushall()
    alone.node(0).execute_command("DEBUG", "POPULATE", MANY_KEYS, "key", 50)
    file = saved(alone, 1, tmp_path / "file") / "0.rdb"
    command = [PROGRAM, "restore", replicated.name, "--from", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=replicated.home.environment()) as run:
        replicated.wait_for(lambda status: status["shards"][0]["primary"]["keys"] > 1000, "keys to arrive")
        replicated.kill(replicated.primary()["name"])
        said = run.communicate(timeout=100)[0]
    assert run.returncode == DONE or "the same command again finishes it" in said, said
    if run.returncode != DONE:
        replicated.wait_ready()
        assert replicated.json("restore", "--from", file)["after"] == MANY_KEYS
    assert replicated.primary()["keys"] == MANY_KEYS


def test_wrong_password(home, alone, make_servers, tmp_path):
    alone.node(0).set("a", "1")
    file = saved(alone, 1, tmp_path / "file") / "0.rdb"
    locked = make_servers(1, ["cluster-enabled no", f"requirepass {PASSWORD}"], password=PASSWORD)
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    message = error(home, locked, file, "--password-file", secret)
    assert "password" in message and "wrong" not in message.replace("wrong password", "").replace("WRONGPASS", "")
    secret.write_text(PASSWORD + "\n")
    assert restore(home, locked, file, "--password-file", secret)["written"] == 1


def test_over_tls(home, alone, make_servers, tmp_path):
    authority = Authority(tmp_path)
    mine, ours = authority.sign("server"), authority.sign("client")
    locked = make_servers(1, ["cluster-enabled no", f"tls-cert-file {mine.file}", f"tls-key-file {mine.key_file}",
                              f"tls-ca-cert-file {authority.file}"], ssl=True, ssl_ca_certs=str(authority.file),
                          ssl_certfile=str(ours.file), ssl_keyfile=str(ours.key_file))
    alone.node(0).mset({f"k{number}": number for number in range(500)})
    file = saved(alone, 1, tmp_path / "file") / "0.rdb"
    flags = ["--tls", "--cacert", authority.file, "--cert", ours.file, "--key", ours.key_file]
    assert restore(home, locked, file, *flags)["written"] == 500
    assert locked.node(0).get("k17") == "17"
    assert "--cacert goes with --tls" in error(home, locked, file, "--cacert", authority.file, code=BAD_INPUT)


def test_between_engines(home, engine, alone, base_folder, ports, tmp_path):
    """Everything goes up; down goes what the older or other engine can read, and what it cannot is told."""
    for other in (found for found in find_engines() if found.main and found.name != engine.name):
        source = Servers(other, base_folder / f"r{ports.next}", ports, 1, ["cluster-enabled no"])
        try:
            source.node(0).mset({"text": "value", "number": "17"})
            source.node(0).rpush("list", "a", "b")
            source.node(0).hset("hash", "f", "v")
            source.node(0).zadd("sorted", {"a": 1.5})
            file = saved(source, 1, tmp_path / other.name) / "0.rdb"
            emptied(alone, 1)
            assert restore(home, alone, file)["written"] == 5
            assert alone.node(0).hget("hash", "f") == "v" and alone.node(0).zscore("sorted", "a") == 1.5
            source.node(0).sadd("set", "a", "b")  # a listpack since 7.2
            file = saved(source, 1, tmp_path / f"{other.name} with a set") / "0.rdb"
            emptied(alone, 1)
            if "redis-7.0" in engine.name:
                assert "cannot read the value of set, a set (listpack)" in error(home, alone, file)
            else:
                assert restore(home, alone, file)["written"] == 6
        finally:
            source.end()


def test_bad_words(home):
    assert "needs a target" in home.error("restore", "--from", "x.rdb", code=BAD_INPUT)
    assert "needs what to restore" in home.error("restore", "shop", code=BAD_INPUT)
    assert "contradict" in home.error("restore", "shop", "--from", "x", "--replace", "--merge", code=BAD_INPUT)
    assert "two targets" in home.error("restore", "shop", "--to", "127.0.0.1:7001", "--from", "x", code=BAD_INPUT)
