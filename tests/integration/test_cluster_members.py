"""Who belongs to a cluster: create, add-node and del-node of the cluster tool, when all goes well, when it is killed in between, and when
servers are not what they should be; info, call and set-timeout with nodes that are gone."""

import os
import signal
import subprocess
import time

import pytest

from bus_messages import say_primary
from keyway_home import DONE, FAILED, NOT_THERE, PROGRAM, TIMED_OUT
from waiting import wait_for

KEYS = 300
INTERRUPTED = 130
FUNCTION = "#!lua name=lib\nredis.register_function('one', function() return 'uno' end)"


@pytest.fixture(name="whole")
def whole_cluster(make_servers, tool):
    """Three primaries with a replica each, and two servers that know nobody."""
    servers = make_servers(8)
    tool.own("create", *servers.addresses(range(6)), "--replicas", "1", "--yes")
    yield servers
    servers.end()


def replica_of(servers, primary):
    """The number of a replica of that server."""
    lines = servers.known(primary)
    port = next(int(fields[1].partition("@")[0].rpartition(":")[2]) for fields in lines.values() if fields[3] == servers.id(primary))
    return port - servers.base


def knowing(servers, numbers, node_id):
    return [number for number in numbers if node_id in servers.known(number)]


def begin(tool, *arguments):
    # pylint: disable-next=consider-using-with
    return subprocess.Popen([PROGRAM, "cluster", *map(str, arguments)], env=tool.home.environment(), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end(process, number):
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    return process.returncode, said


# -- create


def test_create_returns_when_all_is_whole(tool, make_servers):
    servers = make_servers(6)
    made = tool.json("create", *servers.addresses(range(6)), "--replicas", 1, "--yes")
    tables = [servers.known(number) for number in range(6)]
    assert made["carried_out"] and len(made["shards"]) == 3
    assert all(len(table) == 6 and not any("handshake" in fields[2] for fields in table.values()) for table in tables)
    assert all(servers.node(number).execute_command("CLUSTER INFO")["cluster_state"] == "ok" for number in range(6))
    assert sum(servers.node(number).info("replication").get("master_link_status") == "up" for number in range(6)) == 3
    assert all(servers.node(number).dbsize() == 0 for number in range(6))  # what was tried is gone
    assert len({fields[6] for fields in tables[0].values() if "master" in fields[2]}) == 3  # epochs
    servers.fill(KEYS)


def test_create_goes_on_where_a_message_was_late(tool, make_servers):
    """Valkey 9 heeds nothing of a replica whom it has seen as a primary of its shard with a later epoch than the shard's."""
    servers = make_servers(6)
    words = ["create", *servers.addresses(range(6)), "--replicas", 1, "--yes"]
    tool.own(*words)
    epochs = {fields[6] for fields in servers.known().values() if "master" in fields[2]}
    assert epochs == {"4", "5", "6"}, "later than those that the replicas had before they followed"
    say_primary(servers, 3, 2, 9)
    tool.own(*words)
    assert all("slave" in servers.known(number)[servers.id(3)][2] for number in range(6))


def test_fix_where_a_replica_is_taken_for_a_primary(tool, make_servers):
    """By a message that was late, too. Other servers than Valkey 9 forget it by themselves, which check waits for."""
    servers = make_servers(6)
    tool.own("create", *servers.addresses(range(6)), "--replicas", 1, "--yes")
    say_primary(servers, 3, 2, 9)
    if servers.engine.name.startswith("valkey-9"):
        findings = tool.json("check", servers.address(), code=FAILED)["findings"]
        assert [finding["trouble"] for finding in findings] == ["disagreement"]
        assert f"{servers.address(2)} takes {servers.address(3)} for a primary" in findings[0]["text"]
    tool.own("fix", servers.address(), "--yes")
    wait_for(lambda: all("slave" in servers.known(number)[servers.id(3)][2] for number in range(6)), "all to know the replica")


@pytest.mark.every_engine
def test_create_of_one_server(tool, make_servers):
    servers = make_servers(1)
    tool.own("create", servers.address(), "--yes")
    servers.fill(20)
    assert servers.primaries() == {0: 16384}


@pytest.mark.every_engine
def test_create_with_bus_ports_of_their_own(tool, make_servers):
    servers = make_servers(0)
    for number in range(2):
        home = servers.folder / str(servers.port(number))
        home.mkdir(parents=True)
        (home / "server.conf").write_text(f"port {servers.port(number)}\ncluster-enabled yes\nbind 127.0.0.1\nsave \"\"\n"
                                          f"cluster-port {servers.port(number) + 16}\nrepl-diskless-sync-delay 0\n")
        servers.start(number)
    tool.own("create", *servers.addresses(range(2)), "--replicas", 1, "--yes")
    assert sorted(fields[1].partition("@")[2].partition(",")[0] for fields in servers.known().values()) == [
        str(servers.port(number) + 16) for number in range(2)]


def test_create_tells_all_troubles_at_once(tool, make_servers):
    servers = make_servers(4)
    standalone = make_servers(1, lines=["cluster-enabled no"])
    servers.node(0).execute_command("CLUSTER ADDSLOTSRANGE 0 16383")
    wait_for(lambda: servers.node(0).execute_command("CLUSTER INFO")["cluster_state"] == "ok", "server 0 to take writes")
    servers.node(0).set("key", "value")
    servers.node(1).execute_command("CLUSTER MEET 127.0.0.1", servers.port(2))
    wait_for(lambda: len(servers.known(1)) == 2 and "handshake" not in str(servers.known(1)), "1 and 2 to meet")
    servers.kill(3)
    said = tool.own("create", *servers.addresses([0, 1, 3]), standalone.address(), "--yes", code=FAILED).stderr
    assert f"{servers.address(0)} holds 1 key: if nobody needs them, FLUSHALL on it" in said
    assert f"{servers.address(1)} belongs to a cluster already, it knows {servers.address(2)}" in said and "CLUSTER RESET HARD" in said
    assert f"{servers.address(3)} does not answer" in said
    assert f"{standalone.address()} is not in cluster mode: set cluster-enabled yes" in said
    assert len(servers.known(0)) == 1


def test_create_puts_replicas_in_other_zones(tool, make_servers):
    servers = make_servers(6)
    zone = {servers.address(number): "north" if number < 3 else "south" for number in range(6)}
    flags = [word for address, name in zone.items() for word in ("--zone", f"{address}={name}")]
    planned = tool.json("create", *servers.addresses(range(6)), "--replicas", 1, "--dry-run", *flags)
    assert not planned["carried_out"] and len(servers.known(0)) == 1
    for shard in planned["shards"]:
        assert [zone[shard["primary"]] != zone[replica] for replica in shard["replicas"]] == [True]
    flags = [word for address in zone for word in ("--zone", f"{address}=same")]
    assert tool.json("create", *servers.addresses(range(6)), "--replicas", 1, "--dry-run", *flags)["compromises"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
@pytest.mark.parametrize("moment", ["slots", "met", "replica"])
def test_create_again_after_it_was_cut_off(tool, make_servers, how, moment):
    servers = make_servers(6)
    words = ("create", *servers.addresses(range(6)), "--replicas", 1, "--yes")
    come = {
        "slots": lambda: any(len(fields) > 8 for number in range(6) for fields in servers.known(number).values()),
        "met": lambda: len(servers.known(5)) > 1,
        "replica": lambda: any(" slave " in " ".join(fields) or "slave" in fields[2] for fields in servers.known(0).values()),
    }[moment]
    process = begin(tool, *words)
    wait_for(lambda: come() or process.poll() is not None, f"create to come to {moment}")
    code, said = end(process, how)
    assert code in (-how, INTERRUPTED, DONE), said
    tool.own(*words)
    assert tool.json("check", servers.address())["healthy"]
    servers.fill(KEYS)


def test_create_names_who_stops_answering(tool, make_servers):
    servers = make_servers(3)
    process = begin(tool, "create", *servers.addresses(range(3)), "--yes", "--wait", 4, "--timeout", 0.5)
    wait_for(lambda: any(len(fields) > 8 for fields in servers.known(0).values()), "slots to be given")
    os.kill(servers.started[2].pid, signal.SIGSTOP)
    try:
        said, _ = process.communicate(timeout=30)
    finally:
        os.kill(servers.started[2].pid, signal.SIGCONT)
    assert process.returncode == TIMED_OUT and f"{servers.address(2)} does not answer any more" in said
    tool.own("create", *servers.addresses(range(3)), "--yes")
    assert tool.json("check", servers.address())["healthy"]


# -- add-node


def test_a_new_primary_is_known_to_all_and_has_the_functions(tool, whole):
    for number in whole.primaries():
        whole.node(number).execute_command("FUNCTION", "LOAD", FUNCTION)
    tool.own("add-node", whole.address(), whole.address(6))
    assert knowing(whole, range(6), whole.id(6)) == list(range(6)) and len(whole.known(6)) == 7
    assert whole.node(6).execute_command("FCALL", "one", "0") == "uno"
    again = tool.own("add-node", whole.address(), whole.address(6))
    assert "a node of the cluster already" in again.stdout + again.stderr


def test_a_new_replica_has_all_data_of_its_primary(tool, whole):
    whole.fill(KEYS)
    primary = next(iter(whole.primaries()))
    added = tool.json("add-node", whole.address(), whole.address(6), "--replica", "--of", whole.address(primary))
    assert added["primary_id"] == whole.id(primary)
    assert whole.node(6).info("replication")["master_link_status"] == "up"
    assert whole.node(6).dbsize() == whole.node(primary).dbsize() > 0


def test_add_node_refuses_what_is_not_free(tool, whole):
    whole.node(6).execute_command("CLUSTER MEET 127.0.0.1", whole.port(7))
    wait_for(lambda: len(whole.known(6)) == 2 and "handshake" not in str(whole.known(6)), "6 and 7 to meet")
    said = tool.own("add-node", whole.address(), whole.address(6), code=FAILED).stderr
    assert f"it knows {whole.address(7)}" in said and "CLUSTER RESET HARD" in said
    owner = next(number for number in whole.primaries() if number != 0)
    assert "is a primary of the cluster already" in tool.own("add-node", whole.address(), whole.address(owner), code=FAILED).stderr
    tool.own("add-node", whole.address(), f"127.0.0.1:{whole.port(20)}", code=FAILED)
    assert len(whole.known(0)) == 6


def test_add_node_again_after_it_was_killed(tool, whole):
    words = ("add-node", whole.address(), whole.address(6), "--replica", "--of", whole.id(0))
    process = begin(tool, *words)
    wait_for(lambda: len(whole.known(6)) > 1 or process.poll() is not None, "the new node to meet somebody")
    end(process, signal.SIGKILL)
    assert tool.json(*words)["primary_id"] == whole.id(0)
    assert knowing(whole, range(6), whole.id(6)) == list(range(6))


# -- del-node


@pytest.mark.every_engine
def test_a_dead_node_is_forgotten_by_all(tool, whole):
    replica = replica_of(whole, 0)
    node_id = whole.id(replica)
    whole.kill(replica)
    removed = tool.json("del-node", whole.address(), node_id)
    others = [number for number in range(6) if number != replica]
    assert removed["forgotten_by"] == 5 and not removed["reset"] and not knowing(whole, others, node_id)
    assert any("delete its nodes.conf" in warning for warning in removed["warnings"])
    (whole.folder / str(whole.port(replica)) / "nodes.conf").unlink()
    whole.start(replica)
    assert len(whole.known(replica)) == 1
    tool.own("del-node", whole.address(), node_id, code=NOT_THERE)


@pytest.mark.every_engine
def test_a_primary_is_drained(tool, whole):
    """One with a tenth of a share, which is enough: Valkey 8 wants the consent of replicas for each slot."""
    whole.fill(KEYS)
    going, follower = 6, 7
    tool.own("add-node", whole.address(), whole.address(going))
    tool.own("add-node", whole.address(), whole.address(follower), "--replica", "--of", whole.id(going))
    tool.own("rebalance", whole.address(), "--weight", f"{whole.id(going)}=0.1", "--yes")
    assert "--drain" in tool.own("del-node", whole.address(), whole.address(going), code=FAILED).stderr
    removed = tool.json("del-node", whole.address(), whole.address(going), "--drain", "--yes")
    assert removed["moved"]["slots_moved"] in (528, 529) and removed["reset"]
    stay = [number for number in range(8) if number != going]
    assert not knowing(whole, stay, removed["id"]) and len(whole.known(going)) == 1
    assert sum(whole.primaries().values()) == 16384 and len(whole.primaries()) == 3
    assert whole.node(going).dbsize() == 0
    assert whole.node(follower).info("replication")["master_link_status"] == "up"
    assert tool.json("check", whole.address())["healthy"]
    whole.check_filled(KEYS)


def test_classic_del_node_gives_replicas_away(tool, whole):
    tool.own("add-node", whole.address(), whole.address(6))
    tool.own("add-node", whole.address(), whole.address(7), "--replica", "--of", whole.id(6))
    assert "is followed by" in tool.own("del-node", whole.address(), whole.id(6), code=FAILED).stderr
    tool.cli("del-node", whole.address(), whole.id(6))
    assert whole.node(7).info("replication")["master_link_status"] == "up"
    assert whole.id(6) not in whole.known(7)


def test_a_forgotten_node_does_not_come_back(tool, make_servers, engine):
    if engine.product != "valkey":
        pytest.skip("the ban on a forgotten node lasts 60 s and cannot be set")
    servers = make_servers(4, lines=["cluster-blacklist-ttl 1"])
    tool.own("create", *servers.addresses(range(4)), "--replicas", 1, "--yes")
    replica = replica_of(servers, 0)
    removed = tool.json("del-node", servers.address(), servers.address(replica))
    others = [number for number in range(4) if number != replica]
    until = time.monotonic() + 5
    while time.monotonic() < until:
        assert not knowing(servers, others, removed["id"]) and len(servers.known(replica)) == 1


# -- all nodes


def test_nodes_that_are_gone_are_told(tool, whole):
    replica = replica_of(whole, 0)
    whole.kill(replica)
    called = tool.json("call", whole.address(), "--", "PING", code=FAILED)
    assert len(called["nodes"]) == 6
    assert [node["address"] for node in called["nodes"] if "error" in node] == [whole.address(replica)]
    told = tool.json("info", whole.address())
    assert sum(primary["slot_count"] for primary in told["primaries"]) == 16384
    assert sorted(primary["replicas"] for primary in told["primaries"]) == [0, 1, 1]


def test_the_timeout_outlives_a_restart(tool, whole):
    tool.own("set-timeout", whole.address(), 4321)
    replica = replica_of(whole, 0)
    whole.kill(replica)
    whole.start(replica)
    assert whole.node(replica).config_get("cluster-node-timeout") == {"cluster-node-timeout": "4321"}
