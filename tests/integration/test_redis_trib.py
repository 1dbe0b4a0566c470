"""Notes that were written for redis-trib work as they stand, with a link to the program under that name."""

import pytest

from waiting import wait_for

KEYS = 300


def ids_of(said, kind):
    """Addresses of the lines "M: ID ADDRESS" (or "S: …"), to ids."""
    found = {}
    for line in said.splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == kind + ":":
            found[words[2]] = words[1]
    return found


@pytest.mark.every_engine
def test_the_notes(tool, make_servers, engine):
    servers = make_servers(8)
    seed = servers.address(0)

    said = tool.trib("create", "--replicas", "1", *servers.addresses(range(6)), text="yes\n").stdout
    assert "Can I set the above configuration? (type 'yes' to accept): " in said
    assert f">>> Performing Cluster Check (using node {seed})" in said
    assert "[OK] All nodes agree about slots configuration." in said and "[OK] All 16384 slots covered." in said
    assert len(ids_of(said, "M")) == 3 and len(ids_of(said, "S")) == 3
    servers.fill(KEYS)

    assert "[OK] New node added correctly." in tool.trib("add-node", servers.address(6), seed).stdout
    assert "[OK] New node added correctly." in tool.trib("add-node", "--slave", servers.address(7), seed).stdout
    said = tool.trib("check", seed).stdout
    assert servers.address(6) in ids_of(said, "M")
    # The primary with the fewest replicas is the new one, which has none.
    assert f"S: {servers.id(7)} {servers.address(7)}\n   slots: (0 slots) slave\n   replicates {servers.id(6)}\n" in said

    # A tenth of a share is enough for those that want the consent of replicas for each slot.
    weight = [] if engine.main else ["--weight", f"{servers.id(6)}=0.1"]
    said = tool.trib("rebalance", *weight, "--use-empty-masters", seed).stdout
    assert f"to {servers.address(6)}" in said
    share = servers.primaries()[6]
    assert share in ([4096] if engine.main else [528, 529])
    said = tool.trib("rebalance", *weight, seed).stdout
    assert "*** No rebalancing needed! All nodes are within the 2.00% threshold." in said

    giver = primaries_of(servers, said)[0]
    said = tool.trib("reshard", "--yes", "--from", servers.id(giver), "--to", servers.id(6), "--slots", "16", seed).stdout
    assert "Ready to move 16 slots." in said and f"from {servers.id(giver)}" in said
    wait_for(lambda: servers.primaries()[6] == share + 16, "node 0 to hear of it")

    said = tool.trib("del-node", seed, servers.id(6), code=1).stdout
    assert "[ERR]" in said
    tool.trib("reshard", "--yes", "--from", servers.id(6), "--to", servers.id(giver), "--slots", share + 16, seed)
    tool.trib("del-node", seed, servers.id(7))
    tool.trib("del-node", seed, servers.id(6))
    assert len(servers.known()) == 6

    said = tool.trib("call", seed, "config", "get", "cluster-node-timeout").stdout
    assert said.startswith(">>> Calling config get cluster-node-timeout\n")
    assert said.count("cluster-node-timeout\n2000\n") == 6
    said = tool.trib("set-timeout", seed, "5000").stdout
    assert ">>> New node timeout set. 6 OK, 0 ERR." in said
    assert servers.node(5).config_get("cluster-node-timeout") == {"cluster-node-timeout": "5000"}

    said = tool.trib("info", seed).stdout
    assert f"[OK] {KEYS} keys in 3 masters." in said and f"{KEYS / 16384:.2f} keys per slot on average." in said
    assert f"{servers.address(giver)} ({servers.id(giver)[:8]}...) -> " in said and "| 1 slaves." in said
    assert "[OK] All 16384 slots covered." in tool.trib("fix", seed).stdout
    assert "[OK] All 16384 slots covered." in tool.trib("check", seed).stdout
    servers.check_filled(KEYS)


def primaries_of(servers, said):
    """Numbers of the servers that are primaries, but for the one that was added."""
    ports = [int(address.rpartition(":")[2]) for address in ids_of(said, "M")]
    return sorted(port - servers.base for port in ports if port - servers.base < 6)


def test_its_help_and_its_mistakes(tool):
    assert "--use-empty-masters" in tool.trib("help").stdout
    assert tool.trib().stdout == tool.trib("help").stdout
    assert "did you mean rebalance?" in tool.trib("rebalnce", "127.0.0.1:1", code=2).stderr
    assert "did you mean --weight?" in tool.trib("rebalance", "--wieght", "a=1", "127.0.0.1:1", code=2).stderr
    assert "[ERR]" in tool.trib("check", "127.0.0.1:1", code=1).stdout
