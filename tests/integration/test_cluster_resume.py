"""Moves of slots whose tool is killed: the same command again finishes them, and nothing is moved twice or lost."""

import pytest

from waiting import wait_for

KEYS = 4000
SLOTS = 3000
SLOWLY = ("--max-bytes-per-s", "5kb")  # so that a kill hits the middle: there are 20 kB
CONFLICT = 1


@pytest.fixture(scope="module", name="servers")
def three_and_one(make_servers):
    """Three primaries with a third of the slots each, and an empty one."""
    # Else a node that is emptied becomes a replica of who took its last slot.
    servers = make_servers(4, ["cluster-allow-replica-migration no"])
    servers.cli("--cluster", "create", *servers.addresses(range(3)), "--cluster-yes")
    servers.node(3).execute_command("CLUSTER MEET", "127.0.0.1", servers.port(0))
    wait_for(lambda: all(len(servers.known(number)) == 4 and
                         servers.node(number).execute_command("CLUSTER INFO")["cluster_state"] == "ok" for number in range(4)),
             "the cluster to be ready")
    servers.fill(KEYS)
    return servers


@pytest.fixture(params=["classic", "atomic"], name="way")
def way_to_move(request, engine):
    if request.param == "atomic" and not engine.name.startswith("valkey-9"):
        pytest.skip("this server has no atomic slot migration")
    return f"--{request.param}"


@pytest.fixture(autouse=True)
def even_shares(tool, servers):
    """Each test begins with a third for each, and ends with everything whole."""
    tool.own("rebalance", servers.address(), "--weight", f"{servers.id(3)}=0", "--threshold", 0, "--yes")
    yield
    wait_for(lambda: open_slots(servers) == [], "slots to be closed")
    tool.own("check", servers.address())
    servers.check_filled(KEYS)


def open_slots(servers):
    return [field for number in range(4) for fields in servers.known(number).values() for field in fields[8:] if field.startswith("[")]


def kill_when(tool, condition, *words):
    """Kills the tool at once when the condition holds, which must be before it ends."""
    with tool.started(*words) as run:
        wait_for(lambda: condition() or run.poll() is not None, "the moment to kill")
        if run.poll() is not None:
            raise AssertionError(f"it ended before it could be killed: {run.stdout.read()}")


def taken(servers):
    return servers.primaries().get(3, 0)


@pytest.mark.parametrize("moment", ["first slot", "middle"])
def test_reshard(tool, servers, way, moment):
    words = ["reshard", servers.address(), "--to", servers.id(3), "--slots", SLOTS, "--yes", way]
    begun = {"first slot": lambda: open_slots(servers) or taken(servers) > 0, "middle": lambda: taken(servers) > SLOTS // 3}
    kill_when(tool, begun[moment], *words, *SLOWLY)
    # Servers go on with an atomic job on their own; what was open stays so.
    said = tool.own(*words)
    assert "resuming" in said.stdout + said.stderr
    # Who neither gave nor took them hears of it from the others.
    wait_for(lambda: taken(servers) == SLOTS, "all slots to be there")
    # Done is done: the same words are a new command now.
    assert "resuming" not in tool.own(*words[:-2], "--dry-run").stdout


def test_reshard_killed_twice(tool, servers, way):
    words = ["reshard", servers.address(), "--to", servers.id(3), "--from", servers.id(0), "--slots", SLOTS, "--yes", way]
    kill_when(tool, lambda: taken(servers) > 500, *words, *SLOWLY)
    kill_when(tool, lambda: taken(servers) > 1500, *words, *SLOWLY)
    tool.own(*words)
    assert taken(servers) == SLOTS


def test_rebalance(tool, servers, way):
    words = ["rebalance", servers.address(), "--use-empty", "--yes", way]
    kill_when(tool, lambda: taken(servers) > 1000, *words, *SLOWLY)
    tool.own(*words)
    assert servers.primaries() == {number: 4096 for number in range(4)}


def test_del_node(tool, servers, way):
    tool.own("rebalance", servers.address(), "--use-empty", "--yes")
    words = ["del-node", servers.address(), servers.id(3), "--drain", "--yes", way]
    kill_when(tool, lambda: taken(servers) < 3000, *words, *SLOWLY)
    tool.own(*words)
    assert sorted(servers.primaries()) == [0, 1, 2] and servers.id(3) not in servers.known(1)
    tool.own("add-node", servers.address(), servers.address(3))


def test_two_at_the_same_time(tool, servers, way):
    words = ["reshard", servers.address(), "--to", servers.id(3), "--slots", SLOTS, "--yes", way]
    with tool.started(*words, *SLOWLY) as run:
        wait_for(lambda: taken(servers) > 0 or run.poll() is not None, "slots to arrive")
        for other in (["rebalance", servers.address(1)], ["del-node", servers.address(1), servers.id(2), "--drain"]):
            refused = tool.own(*other, "--yes", code=CONFLICT)
            assert f"another process ({run.pid}) moves slots of this cluster" in refused.stderr
        assert run.wait(timeout=60) == 0, run.stdout.read()
    assert taken(servers) == SLOTS
