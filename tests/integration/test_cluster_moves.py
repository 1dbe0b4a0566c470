"""Moves of slots that meet with trouble: servers that are killed, that hang, that are full, keys that are large and slots that hold
many, while applications write and read. What was acknowledged is there at the end, and each key is on one primary only."""

import contextlib
import itertools
import os
import signal
import subprocess

import pytest
from redis.crc import key_slot

from bare_servers import NODE_TIMEOUT_MS
from bus_messages import say_primary
from checker import Worker
from client import Client
from keyway_home import DONE, FAILED, PROGRAM
from waiting import wait_for

KEYS = 3000
SLOTS = 1500
SOURCE, TARGET = 0, 1
SLOWLY = ("--max-bytes-per-s", "3kb")  # the slots that move hold 9 kB and more
BIG_BYTES = 200 << 20
names = itertools.count(1)


@pytest.fixture(params=["classic", "atomic"], name="way")
def way_to_move(request, engine):
    if request.param == "atomic" and not engine.name.startswith("valkey-9"):
        pytest.skip("this server has no atomic slot migration")
    return f"--{request.param}"


@pytest.fixture(scope="module", name="steady")
def primaries(make_servers, make_home, engine):
    """Three primaries. One that is emptied stays a primary."""
    servers = make_servers(3, ["cluster-allow-replica-migration no"])
    create(servers, make_home(engine), 3)
    return servers


@pytest.fixture(name="mortal")
def with_replicas(make_servers, tool):
    """Three primaries with a replica each, for a test that kills some."""
    servers = make_servers(6)
    create(servers, tool.home, 6, "--replicas", "1")
    fill(servers)
    yield servers
    servers.end()


def create(servers, home, count, *options):
    subprocess.run([PROGRAM, "cluster", "create", *servers.addresses(range(count)), "--yes", *options], env=home.environment(),
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)


def client_of(servers):
    return Client(lambda: [("127.0.0.1", servers.port(number)) for number in servers.started], True, None, None)


def fill(servers):
    """On the source's slots and others; all of it on replicas too."""
    servers.fill(KEYS)
    for number in servers.primaries():
        if servers.node(number).info("replication")["connected_slaves"]:
            servers.node(number).execute_command("WAIT", 1, 5000)


@contextlib.contextmanager
def applications(servers, durable):
    """They work inside of it. After it nothing that was acknowledged is lost."""
    workers = [Worker(f"app{next(names)}", client_of(servers), 40, durable, 20) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        wait_for(lambda: all(sum(worker.acknowledged.values()) > 40 for worker in workers), "writes")
        yield
    finally:
        for worker in workers:
            worker.ending.set()
        for worker in workers:
            worker.join(timeout=60)
    assert not any(worker.wrong for worker in workers), [worker.wrong[:10] for worker in workers]
    last = client_of(servers)
    for worker in workers:
        for key in worker.keys:
            worker.judge(key, last.execute(key, "GET", key))
        assert not worker.wrong, f"at the end: {worker.wrong[:10]}"
    last.close()


def reshard_words(servers, way, slots=SLOTS):
    seed = servers.address(2)  # one that stays
    return ["reshard", seed, "--from", servers.id(SOURCE), "--to", servers.id(TARGET), "--slots", slots, "--yes", way]


def moved(servers, seed=2):
    """Whether the first slots have changed hands, as a third node sees it."""
    owned = {fields[0]: fields for fields in servers.known(seed).values()}
    first, _, last = next((field.partition("-") for field in owned[servers.id(SOURCE)][8:] if field[0] != "["), ("0", "", "0"))
    return int(last or first) - int(first) + 1 < 5461


def check_whole(tool, servers, seed=2):
    """No slot is open, and each key is on one primary. Who was killed is all that may be wrong."""
    findings = []

    def only_dead():
        findings[:] = tool.json("check", servers.address(seed), "--search-keys", code=None)["findings"] or []
        return {finding["trouble"] for finding in findings} <= {"unreachable"}

    with contextlib.suppress(AssertionError):
        wait_for(only_dead, "the cluster to be whole")
    assert only_dead(), findings
    servers.check_filled(KEYS, seed)


class Lost:
    """A primary that is killed or hangs until it is brought back."""

    def __init__(self, servers, number, how):
        self.servers, self.number, self.how = servers, number, how
        self.id = servers.id(number)
        os.kill(servers.started[number].pid, how)
        if how == signal.SIGKILL:
            servers.kill(number)

    def bring_back(self):
        """As a replica of who took its place: what it does before that nobody may notice."""
        if self.how == signal.SIGKILL:
            self.servers.start(self.number)
        else:
            os.kill(self.servers.started[self.number].pid, signal.SIGCONT)
        wait_for(lambda: self.servers.node(self.number).info("replication").get("master_link_status") == "up",
                 "the lost one to be a replica")


def waits_for_target(way, servers, victim):
    """Whether a move must not be finished before the victim is back."""
    return victim == TARGET and way == "--classic" and servers.engine.name.startswith("valkey")


@pytest.mark.parametrize("victim", [SOURCE, TARGET], ids=["source", "target"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_a_primary_is_lost_in_the_middle(tool, way, mortal, victim, how):
    """Its replica takes over, and the move goes on with that one, and the lost one does no harm when it comes back."""
    with applications(mortal, durable=True), tool.started(*reshard_words(mortal, way), *SLOWLY) as run:
        wait_for(lambda: moved(mortal) or run.poll() is not None, "slots to move")
        assert run.poll() is None, run.stdout.read()
        lost = Lost(mortal, victim, how)
        waits = waits_for_target(way, mortal, victim)
        said = list(itertools.takewhile(lambda line: "stay open" not in line, run.stdout)) if waits else []
        if waits:
            assert run.poll() is None, "".join(said)
            lost.bring_back()
        said = "".join(said) + run.communicate(timeout=60)[0]
        assert run.returncode == DONE, said
        assert f"has taken over from {lost.id}" in said
        if not waits:
            lost.bring_back()
    check_whole(tool, mortal)


@pytest.mark.parametrize("victim", [SOURCE, TARGET], ids=["source", "target"])
def test_tool_and_primary_are_killed_together(tool, way, mortal, victim):
    """fix makes everything as it should be; run again where servers had yet to come to terms with the failover."""
    words = reshard_words(mortal, way)
    with applications(mortal, durable=True):
        with tool.started(*words, *SLOWLY) as run:
            wait_for(lambda: moved(mortal) or run.poll() is not None, "slots to move")
            run.kill()
        lost = Lost(mortal, victim, signal.SIGKILL)
        wait_for(lambda: "ok" in mortal.node(2).execute_command("CLUSTER INFO")["cluster_state"] and victim not in mortal.primaries(2),
                 "the replica to take over")
        runs = []

        def mended():
            runs.append(tool.own("fix", mortal.address(2), "--yes", code=None))
            if waits_for_target(way, mortal, victim) and "stay open" in runs[-1].stderr and victim not in mortal.started:
                lost.bring_back()
            findings = tool.json("check", mortal.address(2), "--search-keys", code=None)["findings"] or []
            return {finding["trouble"] for finding in findings} <= {"unreachable"}

        with contextlib.suppress(AssertionError):
            wait_for(mended, "fix")
        assert mended(), "\n".join(run.stdout + run.stderr for run in runs[:3])
        if victim not in mortal.started:
            lost.bring_back()
    check_whole(tool, mortal)


def test_a_full_target(tool, way, steady):
    servers = steady
    client = client_of(servers)
    keys = [f"full{number}" for number in range(200)]
    for key in keys:
        client.execute(key, "SET", key, "x" * 100_000)
    servers.node(TARGET).config_set("maxmemory-policy", "noeviction")
    servers.node(TARGET).config_set("maxmemory", servers.node(TARGET).info("memory")["used_memory"] + (1 << 20))
    words = reshard_words(servers, way, 2500)
    try:
        said = tool.own(*words, code=FAILED).stderr
        assert servers.address(TARGET) in said and "memory is full (maxmemory)" in said
        assert all(client.execute(key, "STRLEN", key) == 100_000 for key in keys)
    finally:
        servers.node(TARGET).config_set("maxmemory", 0)
    tool.own(*words)
    assert all(client.execute(key, "STRLEN", key) == 100_000 for key in keys)
    for key in keys:
        client.execute(key, "DEL", key)
    client.close()
    back(tool, servers)


def back(tool, servers):
    tool.own("rebalance", servers.address(), "--threshold", 0, "--use-empty", "--yes")
    assert tool.json("check", servers.address(), "--search-keys")["healthy"]


def name_in(servers, number, prefix):
    """A key of a slot of that server that is among the last, which go to the next one first; others may follow its tag."""
    slots = next(field for field in servers.known(number)[servers.id(number)][8:] if field[0] != "[")
    last = int(slots.rpartition("-")[2])
    return next(f"{{{prefix}{n}}}" for n in range(10**6) if last - 20 < key_slot(f"{prefix}{n}".encode()) <= last)


def test_a_key_of_200_mb(tool, way, steady):
    """By MIGRATE it blocks both servers, which is told before; not for so long that they would be taken for dead."""
    servers = steady
    key = name_in(servers, SOURCE, "b")
    servers.node(SOURCE).setrange(key, BIG_BYTES - 1, "x")
    words = ["reshard", servers.address(), "--from", servers.id(SOURCE), "--to", servers.id(TARGET), "--slots", 50, "--yes", way]
    plan = tool.json(*words, "--dry-run")["plan"]
    assert plan["bytes"] >= BIG_BYTES and len(plan["big_keys"]) == (way == "--classic")
    if way == "--classic":
        assert "raise cluster-node-timeout" in tool.own(*words, code=FAILED).stderr
        assert servers.node(SOURCE).strlen(key) == BIG_BYTES
    tool.own("set-timeout", servers.address(), 60_000)
    seen = tool.own(*words).stderr
    assert (f"key '{key}' of slot" in seen and "moving it blocks" in seen) == (way == "--classic")
    assert servers.node(TARGET).strlen(key) == BIG_BYTES and servers.node(SOURCE).dbsize() == 0
    servers.node(TARGET).delete(key)
    tool.own("set-timeout", servers.address(), NODE_TIMEOUT_MS)
    back(tool, servers)


def test_a_late_message_takes_no_slot_back(tool, way, steady):
    """Redis 7.0 lets a message of a slot's last owner count for more than its new owner's word, if one before that did not claim the slot."""
    servers = steady
    name, first, last, epoch = owner_at_first(servers)
    key = name_in(servers, SOURCE, "l")
    slot = key_slot(key.encode())
    servers.node(SOURCE).set(key, "here")
    say_primary(servers, SOURCE, TARGET, epoch, set(range(first, last + 1)) - {slot})
    tool.own("reshard", servers.address(), "--from", name, "--to", servers.id(TARGET), "--slots", 50, "--yes", way)
    say_primary(servers, SOURCE, TARGET, epoch, range(first, last + 1))
    assert servers.node(TARGET).get(key) == "here" and tool.json("check", servers.address())["healthy"]
    servers.node(TARGET).delete(key)
    back(tool, servers)


def owner_at_first(servers):
    """Of the source: id, first and last slot, config epoch."""
    fields = servers.known(SOURCE)[servers.id(SOURCE)]
    first, _, last = fields[8].partition("-")
    return fields[0], int(first), int(last), int(fields[6])


def test_a_slot_of_100_000_keys(tool, way, steady):
    servers = steady
    tag = name_in(servers, SOURCE, "m")
    with servers.node(SOURCE).pipeline(transaction=False) as pipeline:
        for number in range(100_000):
            pipeline.set(f"{tag}{number}", number)
        pipeline.execute()
    before = servers.node(SOURCE).dbsize()
    with applications(servers, durable=False):
        result = tool.json("rebalance", servers.address(), "--weight", f"{servers.id(SOURCE)}=0", "--yes", way)
        assert result["keys_moved"] >= before
    client = client_of(servers)
    assert all(client.execute(tag, "GET", f"{tag}{number}") == str(number) for number in range(0, 100_000, 331))
    owner = next(number for number in range(3) if servers.node(number).dbsize() >= 100_000)
    servers.node(owner).flushall()
    client.close()
    back(tool, servers)
