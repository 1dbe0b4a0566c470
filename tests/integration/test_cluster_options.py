"""Every option of redis-cli --cluster and valkey-cli --cluster under its own name, on a cluster that redis-cli has made."""

import pytest

from waiting import wait_for

KEYS = 200


@pytest.fixture(scope="module", name="servers")
def made_by_redis_cli(make_servers):
    """Three primaries with a replica each, and four servers that are not part of it."""
    servers = make_servers(10)
    servers.cli("--cluster", "create", *servers.addresses(range(6)), "--cluster-replicas", "1", "--cluster-yes")
    wait_for(lambda: all(servers.node(number).execute_command("CLUSTER INFO")["cluster_state"] == "ok" for number in range(6)),
             "the cluster to be ready")
    servers.wait_in_sync(range(6))
    servers.fill(KEYS)
    return servers


def whole(tool, servers):
    said = tool.cli("check", servers.address()).stdout
    assert "[OK] All nodes agree about slots configuration." in said and "[OK] All 16384 slots covered." in said
    servers.check_filled(KEYS)


def test_check(tool, servers):
    seed = servers.address()
    for words in ([seed], [seed, "--cluster-search-multiple-owners"], ["127.0.0.1", servers.port(0)]):
        said = tool.cli("check", *words).stdout
        assert f"M: {servers.id(0)} {seed}\n   slots:[" in said
        assert said.count("slots) slave") == 3 and said.count("   1 additional replica(s)\n") == 3
    # Every line that redis-cli prints is there, in whatever order the nodes come.
    theirs = servers.cli("--cluster", "check", seed).replace("primaries.", "masters.").replace("replicas.\n", "slaves.\n")
    missing = set(theirs.splitlines()) - set(tool.cli("check", seed).stdout.splitlines())
    assert not missing, missing


def test_info(tool, servers):
    theirs = servers.cli("--cluster", "info", servers.address()).replace("primaries.", "masters.").replace("replicas.\n", "slaves.\n")
    assert sorted(tool.cli("info", servers.address()).stdout.splitlines()) == sorted(theirs.splitlines())


def test_general_options_before_and_after(tool, servers):
    tool.cli("-h", "127.0.0.1", "-p", servers.port(0), "--cluster", "check")
    tool.cli("-c", "--no-auth-warning", "--verbose", "-t", "2.5", "--cluster", "info", servers.address())
    tool.cli("-u", f"redis://{servers.address()}/0", "--cluster", "check")


def test_reshard(tool, servers):
    seed, givers, taker = servers.address(), servers.id(0), servers.id(1)
    before = servers.primaries()
    said = tool.cli("reshard", seed, "--cluster-from", givers, "--cluster-to", taker, "--cluster-slots", 10, "--cluster-yes",
                    "--cluster-timeout", 5000, "--cluster-pipeline", 50, "--cluster-replace").stdout
    # Those beside the taker's own, so that neither gets a further range.
    assert "Ready to move 10 slots." in said and f"Moving slot range 5451-5460 from {givers}" in said
    # A comma parts several sources; each gives its part.
    tool.cli("reshard", seed, "--cluster-from", f"{servers.id(1)},{servers.id(2)}", "--cluster-to", servers.id(0),
             "--cluster-slots", 20, "--cluster-yes")
    wait_for(lambda: servers.primaries()[0] == before[0] + 10, "node 0 to know")
    tool.cli("reshard", seed, "--cluster-from", "all", "--cluster-to", taker, "--cluster-slots", 16, "--cluster-yes")
    whole(tool, servers)


def test_reshard_asks_for_what_is_missing(tool, servers):
    before = servers.primaries()
    said = tool.cli("reshard", servers.address(), text=f"7\n{servers.id(1)}\n{servers.id(0)}\ndone\nyes\n").stdout
    assert "How many slots do you want to move (from 1 to 16384)? " in said
    assert "What is the receiving node ID? " in said and "Source node #2: " in said
    wait_for(lambda: servers.primaries()[1] == before[1] + 7, "node 0 to know")


@pytest.mark.parametrize("answers", ["", "5\n", "many\n-5\n0\n", "5\nnobody\nnobody\nnobody\n"], ids=repr)
def test_reshard_gives_up_on_who_does_not_answer(tool, servers, answers):
    before = servers.primaries()
    assert "nothing was changed" in tool.cli("reshard", servers.address(), text=answers, code=1).stdout
    assert servers.primaries() == before


@pytest.mark.parametrize("answer", ["no\n", "", "yess\n"], ids=repr)
def test_reshard_refused(tool, servers, answer):
    before = servers.primaries()
    done = tool.cli("reshard", servers.address(), "--cluster-from", servers.id(0), "--cluster-to", servers.id(1),
                    "--cluster-slots", 3, text=answer, code=1)
    assert "Do you want to proceed with the proposed reshard plan (yes/no)? " in done.stdout and "nothing was changed" in done.stderr
    assert servers.primaries() == before


def test_rebalance(tool, servers):
    seed = servers.address()
    tool.cli("rebalance", seed, "--cluster-threshold", 0, "--cluster-timeout", 5000, "--cluster-pipeline", 20, "--cluster-replace")
    assert max(servers.primaries().values()) - min(servers.primaries().values()) <= 1
    before = servers.primaries()
    said = tool.cli("rebalance", seed, "--cluster-weight", f"{servers.id(0)}=2", f"{servers.id(1)[:10]}=1", "--cluster-simulate").stdout
    assert f"to {seed}" in said and servers.primaries() == before
    tool.cli("rebalance", seed, "--cluster-weight", f"{servers.id(0)}=2")
    wait_for(lambda: servers.primaries()[0] == 8192, "node 0 to have half")
    whole(tool, servers)


def test_atomic_slot_migration(tool, servers):
    atomic = servers.engine.product == "valkey" and servers.engine.numbers[0] >= 9
    said = tool.cli("reshard", servers.address(), "--cluster-from", servers.id(0), "--cluster-to", servers.id(1), "--cluster-slots", 4,
                    "--cluster-yes", "--cluster-use-atomic-slot-migration", code=0 if atomic else 1).stdout
    assert atomic or "atomic" in said
    whole(tool, servers)


def test_call(tool, servers):
    seed = servers.address()
    assert tool.cli("call", seed, "ping").stdout.count(": PONG\n") == 6
    for only, count in (("masters", 3), ("primaries", 3), ("replicas", 3)):
        said = tool.cli("call", seed, "role", f"--cluster-only-{only}").stdout
        assert said.count(": slave" if only == "replicas" else ": master") == count
    assert tool.cli("call", seed, "get", "k0", "--cluster-only-replicas", code=1).stdout.count("MOVED") == 3
    assert tool.cli("call", seed, "nonsense", code=1).stdout.count("ERR unknown command") == 6


def test_set_timeout(tool, servers):
    assert ">>> New node timeout set. 6 OK, 0 ERR." in tool.cli("set-timeout", servers.address(), 2500).stdout
    assert servers.node(4).config_get("cluster-node-timeout") == {"cluster-node-timeout": "2500"}


def test_fix(tool, servers):
    # An empty open slot, such as a killed reshard leaves behind.
    slot = next(slot for slot in range(16384) if servers.node(0).execute_command("CLUSTER COUNTKEYSINSLOT", slot) == 0
                and servers.node(0).execute_command("CLUSTER SETSLOT", slot, "MIGRATING", servers.id(1)))
    said = tool.cli("check", servers.address(), code=1).stdout
    assert "[WARNING]" in said and str(slot) in said
    tool.cli("fix", servers.address(), "--cluster-search-multiple-owners", "--cluster-fix-with-unreachable-masters", "--cluster-yes")
    tool.cli("fix", servers.address(), "--cluster-fix-with-unreachable-primaries")
    whole(tool, servers)


def test_import(tool, servers, make_servers):
    source = make_servers(1, ["cluster-enabled no", "requirepass secret"], password="secret")
    node = source.node(0)
    node.mset({f"i{number}": "1" for number in range(50)})
    node.set("i\0nul", "2", ex=1000)
    where = [servers.address(), "--cluster-from", source.address()]
    tool.cli("import", *where, code=1)
    tool.cli("import", *where, "--cluster-from-pass", "secret", "--cluster-copy")
    assert node.dbsize() == 51
    said = tool.cli("import", *where, "--cluster-from-user", "default", "--cluster-from-askpass", "--cluster-replace",
                    text="secret\n").stdout
    assert "51" in said and node.dbsize() == 0
    got = [line.split()[-1] for line in tool.cli("info", servers.address()).stdout.splitlines() if line.startswith("[OK]")]
    assert f"[OK] {KEYS + 51} keys in 3 masters." in tool.cli("info", servers.address()).stdout, got


def test_backup(tool, servers, tmp_path):
    said = tool.cli("backup", servers.address(), tmp_path / "b").stdout
    assert f"[OK] Backup created into: {tmp_path / 'b'}" in said
    assert len(list((tmp_path / "b").glob("*.rdb"))) == 3 and (tmp_path / "b" / "nodes.json").exists()


def test_growing_and_shrinking(tool, servers):
    seed = servers.address()
    tool.cli("rebalance", seed)
    for number in (6, 7):
        assert "[OK] New node added correctly." in tool.cli("add-node", servers.address(number), seed).stdout
    tool.cli("add-node", servers.address(8), seed, "--cluster-slave", "--cluster-master-id", servers.id(6))
    tool.cli("add-node", servers.address(9), seed, "--cluster-replica", "--cluster-primaries-id", servers.id(7))
    said = tool.cli("check", seed).stdout
    assert f"replicates {servers.id(6)}" in said and f"replicates {servers.id(7)}" in said
    assert "No rebalancing needed" in tool.cli("rebalance", seed).stdout
    tool.cli("rebalance", seed, "--cluster-use-empty-masters")
    assert set(servers.primaries().values()) == {3276, 3277} and len(servers.primaries()) == 5
    # More than one is emptied at once, which the incumbents cannot do.
    tool.cli("rebalance", seed, "--cluster-weight", f"{servers.id(6)}=0", f"{servers.id(7)}=0")
    wait_for(lambda: len(servers.primaries()) == 3, "node 0 to see two empty")
    for number in (9, 7):
        tool.cli("del-node", seed, servers.id(number))
    assert len(servers.known()) == 8
    tool.cli("del-node", seed, "f" * 40, code=3)
    whole(tool, servers)


@pytest.mark.parametrize("words, what", [
    (["reshard", "A", "--cluster-slots", "-5"], ["--cluster-slots", "-5"]),
    (["reshard", "A", "--cluster-slots", "16385"], ["--cluster-slots"]),
    (["reshard", "A", "--cluster-from", "a,,b"], ["--cluster-from"]),
    (["rebalance", "A", "--cluster-weight", "abcd=abc"], ["--cluster-weight", "abc"]),
    (["rebalance", "A", "--cluster-weight", "abcd=-1"], ["--cluster-weight"]),
    (["rebalance", "A", "--cluster-weight"], ["--cluster-weight needs a value"]),
    (["rebalance", "A", "--cluster-treshold", "2"], ["did you mean --cluster-threshold?"]),
    (["check", "A", "--cluster-slots", "3"], ["belongs to reshard"]),
    (["check", "127.0.0.1:x"], ["127.0.0.1:x"]),
    (["chekc", "A"], ["did you mean check?"]),
    (["set-timeout", "A", "50"], ["100 or more"]),
    (["import", "A"], ["--cluster-from"]),
    (["add-node", "A"], ["new_host:new_port existing_host:existing_port"]),
    ([], ["--cluster needs a command"]),
], ids=" ".join)
def test_bad_input(tool, bare_home, words, what):
    del bare_home
    done = tool.cli(*[word.replace("A", "127.0.0.1:1") if word == "A" else word for word in words], code=2)
    for text in what:
        assert text in done.stderr, done.stderr


def test_help(tool):
    said = tool.cli("help").stdout
    for option in ("--cluster-replicas", "--cluster-use-empty-masters", "--cluster-use-empty-primaries", "--cluster-from-askpass"):
        assert option in said
