"""`keyway proxy` while things go wrong around it and applications write and read through it (proxy_traffic.py)."""

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from redis.crc import key_slot

import processes
from proxies import hand_over, proxy_before, proxy_of, replicas_of, whole_cluster
from proxy_traffic import SEED, traffic_through
from relays import relays_before
from waiting import wait_for

NODES = 6
SWITCHOVER_S = 1
WAIT_S, AT_ONCE_S = 10, 2
FAULTS = 14
WAITING = 12
SLOTS, FILL = 400, 3000


@pytest.fixture(scope="module", name="servers")
def cluster(make_servers):
    """Three shards with a replica each."""
    return whole_cluster(make_servers, NODES, replicas=1)


def checkpoint(servers, traffic):
    """What was acknowledged at a time, and is on the replicas by now."""
    known = traffic.known()
    offsets = {servers.port(number): servers.node(number).info("replication")["master_repl_offset"] for number in servers.primaries()}

    def carried():
        states = [servers.node(number).info("replication") for number in replicas_of(servers)]
        return len(states) == NODES // 2 and all(state["slave_repl_offset"] >= offsets[state["master_port"]] for state in states)

    wait_for(carried, "the replicas to have what was written")
    return known


def slots_of(servers, number):
    ranges = [text.split("-") for text in servers.known()[servers.id(number)][8:]]
    return {slot for slot_range in ranges for slot in range(int(slot_range[0]), int(slot_range[-1]) + 1)}


def wait_for_successor(servers, lost):
    """Until another server has the slots of a lost one."""
    viewer = next(number for number in servers.started if number != lost)
    wait_for(lambda: lost not in servers.primaries(viewer) and len(servers.primaries(viewer)) == NODES // 2, "a replica to take over", 60)


def test_a_planned_switchover_is_hardly_noticed(servers):
    with proxy_before(servers, "--workers", "2") as proxy, traffic_through(proxy) as traffic:
        calm_s = traffic.longest_wait_s
        for number in replicas_of(servers):
            servers.wait_in_sync(range(NODES))
            hand_over(servers, number)
            traffic.wait_for_more()
    traffic.verify(no_error=True)
    assert traffic.longest_wait_s < SWITCHOVER_S + calm_s


def pop(proxy, name):
    with proxy.client() as client:
        return client.blpop(name, 0)


def test_those_who_wait_stay_through_a_switchover(servers):
    """Servers let go of clients that wait at a primary which becomes a replica; the proxy has them wait at the new one."""
    names = [f"waited for {number}" for number in range(WAITING)]
    with proxy_before(servers, "--workers", "2") as proxy, proxy.client() as client, ThreadPoolExecutor(WAITING) as pool:
        popped = [pool.submit(pop, proxy, name) for name in names]
        try:
            wait_for(lambda: waiting_at(servers) == WAITING, "all to wait")
            for number in replicas_of(servers):
                servers.wait_in_sync(range(NODES))
                hand_over(servers, number)
            wait_for(lambda: waiting_at(servers) == WAITING, "all to wait at the new primaries")
        finally:
            for name in names:
                client.rpush(name, name)
        assert [each.result(timeout=20) for each in popped] == [(name, name) for name in names]


def waiting_at(servers):
    return sum(servers.node(number).info("clients")["blocked_clients"] for number in servers.primaries())


def test_slots_move_there_and_back(servers, tool):
    """By the way that is the servers' best, and by the one that all have."""
    servers.fill(FILL)
    one, other = list(servers.primaries())[:2]
    with proxy_before(servers, "--workers", "2") as proxy, traffic_through(proxy) as traffic:
        for giver, taker, *flags in ((one, other), (other, one, "--classic"), (one, other, "--classic"), (other, one)):
            tool.own("reshard", servers.address(0), "--from", servers.id(giver), "--to", servers.id(taker), "--slots", SLOTS, "--yes", *flags)
            traffic.wait_for_more()
    traffic.verify(no_error=True)
    servers.check_filled(FILL)


def test_a_killed_primary(servers):
    servers.wait_in_sync(range(NODES))
    with proxy_before(servers, "--workers", "2") as proxy, traffic_through(proxy) as traffic:
        victim = next(number for number in servers.primaries() if number != 0)
        traffic.may_fall_back(slots_of(servers, victim), checkpoint(servers, traffic))
        servers.kill(victim)
        traffic.wait_for_more()
        wait_for_successor(servers, victim)
        servers.start(victim)
        traffic.wait_for_more()
    traffic.verify()
    assert not traffic.waited and traffic.broken == 0


def test_a_primary_that_hangs(servers):
    servers.wait_in_sync(range(NODES))
    with proxy_before(servers, "--workers", "2") as proxy, traffic_through(proxy) as traffic:
        victim = next(number for number in servers.primaries() if number != 0)
        traffic.may_fall_back(slots_of(servers, victim), checkpoint(servers, traffic))
        paused = processes.process(servers.started[victim].pid)
        try:
            processes.send(paused, signal.SIGSTOP)
            wait_for_successor(servers, victim)
            traffic.wait_for_more()
        finally:
            processes.send(paused, signal.SIGCONT)
        traffic.wait_for_more()
    traffic.verify()
    assert not traffic.waited and traffic.broken == 0
    servers.wait_in_sync(range(NODES))


def test_a_proxy_that_is_killed_and_comes_back(servers):
    with proxy_before(servers, "--workers", "2") as proxy, traffic_through(proxy) as traffic:
        for _ in range(3):
            proxy.kill()
            proxy.start()
            traffic.wait_for_more()
        broken = traffic.broken
    traffic.verify()
    assert broken >= 3 * len(traffic.applications) and not traffic.unknown and not traffic.waited


def test_every_node_is_restarted_in_turn(sharded):
    with proxy_of(sharded) as proxy, traffic_through(proxy) as traffic:
        before = sharded.pids()
        sharded.run("restart", "--rolling")
        assert not set(before.values()) & set(sharded.pids().values())
        traffic.wait_for_more()
    traffic.verify(no_error=True)


@pytest.fixture(scope="module", name="behind_relays")
def cluster_behind_relays(make_servers):
    """Three primaries without replicas, which say that they are at the relays. So nothing is ever lost but what the network loses."""
    servers = whole_cluster(make_servers, 3)
    ports = {servers.port(10 + number): servers.port(number) for number in range(3)}
    with relays_before(ports, SEED) as relays:
        for number in range(3):
            servers.node(number).config_set("cluster-announce-port", servers.port(10 + number))
        wait_for(lambda: all(f":{port}@" in servers.cli("-p", servers.port(number), "CLUSTER", "NODES")
                             for number in range(3) for port in ports), "the servers to know the relays")
        yield servers, relays


@pytest.fixture(name="relayed_proxy")
def proxy_before_relays(behind_relays):
    servers, relays = behind_relays
    with proxy_before(servers, "--workers", "2", seeds=[f"127.0.0.1:{port}" for port in relays.ports]) as proxy:
        yield proxy


def test_a_network_that_delays_holds_back_and_cuts(behind_relays, relayed_proxy):
    relays, pick = behind_relays[1], random.Random(SEED)
    with traffic_through(relayed_proxy) as traffic:
        for _ in range(FAULTS):
            kind = pick.choice(("cut one", "cut all", "hold", "delay", "cut in the middle"))
            if kind.startswith("cut"):
                relays.cuts_in_the_middle = kind == "cut in the middle"
                relays.cut(*(relays.ports if kind != "cut one" else [pick.choice(list(relays.ports))]))
            elif kind == "hold":
                relays.hold()
                begin, held_s = time.monotonic(), pick.random()
                wait_for(lambda begin=begin, held_s=held_s: time.monotonic() - begin > held_s, "the time to pass")
                relays.release()
            relays.delay_s = pick.random() * 0.02 if kind == "delay" else 0.0
            traffic.wait_for_more(40)
        relays.cuts_in_the_middle, relays.delay_s = False, 0.0
        relays.cut()
        traffic.wait_for_more(40)
    traffic.verify()
    assert relays.cut_count > 0 and not traffic.waited and traffic.broken == 0


def test_a_shard_that_cannot_be_reached_holds_up_nobody_else(behind_relays, relayed_proxy):
    servers, relays = behind_relays
    names = {}
    for name in (f"away:{number}" for number in range(100)):
        owner = next(number for number in range(3) if key_slot(name.encode()) in slots_of(servers, number))
        names.setdefault(owner, name)
    with relayed_proxy.client() as client, relayed_proxy.client() as other:
        assert all(client.set(name, name) for name in names.values())
        relays.refuse(servers.port(10))
        try:
            begin = time.monotonic()
            assert other.mget(names[1], names[2]) == [names[1], names[2]]
            assert other.set(names[1], names[1])
            assert time.monotonic() - begin < AT_ONCE_S
            with pytest.raises(redis.ResponseError, match="cannot be reached|is lost"):
                client.get(names[0])
            assert WAIT_S - 1 < time.monotonic() - begin < WAIT_S + AT_ONCE_S
        finally:
            relays.refuse()
        assert wait_for(lambda: client.get(names[0]), "the shard to be back") == names[0]
