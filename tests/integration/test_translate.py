"""`keyway proxy --translate` in front of real clusters: clients that know clusters never meet a node's own address."""

import ast
import contextlib
import json
import re
import signal
import socket
import subprocess
import threading
import urllib.request

import pytest
import redis

from keyway_home import FAILED, PROGRAM
from waiting import wait_for

NODES = 6
FIRST = 12  # of the local ports, after those of the servers
NOBODYS = 31
KEYS = [f"key:{number}" for number in range(60)]
MEBI = 1 << 20
# The second is what redis-py says when it finds no cluster for a moment.
FAILURES = (redis.RedisError, redis.exceptions.RedisClusterException)


class Translator:
    """The program, on ports of its own."""

    def __init__(self, servers):
        self.port, self.metrics_port = servers.port(FIRST), servers.port(FIRST - 1)
        self.log = open(servers.folder / "translator.log", "ab")  # pylint: disable=consider-using-with
        words = ["proxy", "--translate", "--listen", f"127.0.0.1:{self.port}", "--metrics", f"127.0.0.1:{self.metrics_port}"]
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([PROGRAM, *words, servers.address(0)], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        wait_for(self.is_ready, "the proxy to be ready")

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/readyz", timeout=5) as answer:
                return answer.read() == b"ok\n"
        except OSError:
            return False

    def map(self):
        """The local port of each node's real one."""
        return {node["from_port"]: node["to_port"] for node in json.loads(said_of_map(self))["nodes"]}

    def clustered(self, **options):
        return redis.RedisCluster(host="127.0.0.1", port=self.port, decode_responses=True, socket_timeout=30, **options)

    def plain(self, port=None, **options):
        return redis.Redis(host="127.0.0.1", port=port or self.port, decode_responses=True, socket_timeout=30, **options)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.log.close()
        return code


def said_of_map(translator, *flags):
    words = [PROGRAM, "proxy", "map", *flags, f"127.0.0.1:{translator.metrics_port}"]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout


@contextlib.contextmanager
def translating(servers):
    translator = Translator(servers)
    try:
        yield translator
    finally:
        assert translator.end() == 0


@pytest.fixture(scope="module", name="servers")
def cluster(make_servers):
    """Three shards with a replica each."""
    made = make_servers(NODES)
    made.cli("--cluster", "create", *made.addresses(range(NODES)), "--cluster-replicas", "1", "--cluster-yes")
    wait_for(lambda: all("cluster_state:ok" in made.cli("-p", made.port(number), "CLUSTER", "INFO") for number in range(NODES)),
             "the cluster to be whole")
    made.wait_in_sync(range(NODES))
    # Replicas are not told to clients before they have any data.
    made.fill(len(KEYS))
    wait_for(lambda: all(replicas_told(made, number) == 3 for number in range(NODES)), "all to tell of the replicas")
    return made


def replicas_told(servers, number):
    """Each range of slots is its first, its last, its primary and then its replicas."""
    return sum(len(owners) - 3 for owners in servers.node(number).execute_command("CLUSTER SLOTS"))


@pytest.fixture(name="met")
def ports_that_were_met(monkeypatch):
    """The ports that redis-py connects to."""
    met = set()
    connect = redis.connection.Connection._connect  # pylint: disable=protected-access

    def noting(connection):
        met.add(connection.port)
        return connect(connection)

    monkeypatch.setattr(redis.connection.Connection, "_connect", noting)
    return met


class Busy(threading.Thread):
    """Writes and reads through a cluster client for as long as it is let."""

    def __init__(self, translator, name):
        super().__init__(daemon=True)
        self.client, self.name, self.rounds, self.ending = translator.clustered(), name, 0, threading.Event()
        self.wrong, self.errors = [], []

    def run(self):
        while not self.ending.is_set():
            for key in KEYS:
                value = f"{key}={self.rounds}"
                try:
                    self.client.set(f"{self.name}:{key}", value)
                    got = self.client.get(f"{self.name}:{key}")
                    if got != value:
                        self.wrong.append((key, got, value))
                except FAILURES as error:
                    self.errors.append(str(error))
            self.rounds += 1


@contextlib.contextmanager
def busy(translator, name):
    worker = Busy(translator, name)
    worker.start()
    try:
        wait_for(lambda: worker.rounds > 1, "the first rounds")
        yield worker
        before = worker.rounds
        wait_for(lambda: worker.rounds > before + 1, "further rounds", 60)
    finally:
        worker.ending.set()
        worker.join(timeout=60)
        assert not worker.is_alive()


def servers_port_range(servers):
    return range(servers.port(0), servers.port(FIRST - 1))


@pytest.mark.every_engine
def test_a_cluster_client_meets_local_ports_only(servers, met):
    with translating(servers) as translator, translator.clustered(read_from_replicas=True) as client:
        local = translator.map()
        assert sorted(local) == [servers.port(number) for number in range(NODES)]
        assert sorted(local.values()) == list(range(translator.port, translator.port + NODES))
        assert {node.port for node in client.get_nodes()} == set(local.values())
        for key in KEYS:
            assert client.set(key, key)
        assert wait_for(lambda: [client.get(key) for key in KEYS] == KEYS, "the replicas to have all keys")
        assert client.mget_nonatomic(*KEYS) == KEYS and client.dbsize(target_nodes="primaries") >= len(KEYS)
        shown = {node.partition("@")[0] for node in client.cluster_nodes()}
        assert shown == {f"127.0.0.1:{port}" for port in local.values()}
        assert not met & set(servers_port_range(servers)) and len(met) > 3


@pytest.mark.every_engine
def test_what_servers_say_of_addresses(servers):
    with translating(servers) as translator:
        local = translator.map()
        for number in range(NODES):
            real = servers.node(number)
            with translator.plain(local[servers.port(number)]) as client:
                assert client.execute_command("CLUSTER MYID") == servers.id(number)
                for subcommand in (["SLOTS"], ["SHARDS"], ["NODES"], ["REPLICAS", servers.id(list(servers.primaries())[0])]):
                    said = str(client.execute_command("CLUSTER", *subcommand))
                    assert not any(str(port) in said for port in local), subcommand
                    assert any(str(port) in said for port in local.values()) or subcommand[0] == "REPLICAS"
            assert real.ping()
        moved = {}
        with translator.plain() as client:
            for key in KEYS:
                try:
                    client.set(key, key)
                except redis.ResponseError as error:
                    moved[key] = int(re.fullmatch(r"MOVED \d+ 127\.0\.0\.1:(\d+)", str(error)).group(1))
        assert moved and set(moved.values()) < set(local.values())


@pytest.mark.every_engine
def test_everything_else_passes(servers):
    with translating(servers) as translator, translator.clustered() as client:
        with client.pipeline() as pipeline:
            for key in KEYS:
                pipeline.set(key, "v")
            assert all(pipeline.execute())
        with translator.plain() as plain, plain.pubsub(ignore_subscribe_messages=True) as subscription:
            subscription.subscribe("news")
            wait_for(lambda: subscription.get_message() is None and subscription.subscribed and client.publish("news", "x"), "a hearer")
            assert wait_for(subscription.get_message, "a message")["data"] == "x"
            with plain.monitor() as monitor:
                translator.plain().echo("seen")
                assert any("seen" in monitor.next_command()["command"] for _ in range(5))
        waiting = threading.Thread(target=lambda: client.blpop("list:1", timeout=20), daemon=True)
        waiting.start()
        wait_for(lambda: sum(info["blocked_clients"] for info in client.info("clients", target_nodes="primaries").values()), "the wait")
        client.rpush("list:1", "a")
        waiting.join(timeout=20)
        assert not waiting.is_alive() and client.llen("list:1") == 0
        value = "x" * (5 * MEBI)
        assert client.set("big", value) and client.get("big") == value


@pytest.mark.every_engine
def test_a_reshard_under_load(servers, met):
    with translating(servers) as translator, busy(translator, "reshard") as worker:
        giver, taker = list(servers.primaries())[:2]
        servers.cli("--cluster", "reshard", servers.address(0), "--cluster-from", servers.id(giver), "--cluster-to", servers.id(taker),
                    "--cluster-slots", "200", "--cluster-yes")
    assert worker.wrong == [] and worker.errors == []
    assert not met & set(servers_port_range(servers)) - {servers.port(number) for number in servers.connections}


@pytest.mark.every_engine
def test_a_failover_under_load(servers):
    with translating(servers) as translator:
        with busy(translator, "failover") as worker:
            victim = next(number for number in servers.primaries() if number != 0)
            port = translator.map()[servers.port(victim)]
            servers.kill(victim)
            wait_for(lambda: len(servers.primaries()) == 3 and victim not in servers.primaries(), "a failover", 60)
            wait_for(lambda: all_answer(translator), "clients to find the new primary", 60)
        assert worker.wrong == [] or worker.errors, worker.wrong
        servers.start(victim)
        wait_for(lambda: translator.map().get(servers.port(victim)) == port and pings(translator, port), "the node by its old port")
    servers.wait_in_sync(range(NODES))


def all_answer(translator):
    try:
        with translator.clustered() as client:
            return all(client.set(key, key) for key in KEYS)
    except FAILURES:
        return False


def pings(translator, port):
    try:
        return translator.plain(port).ping()
    except redis.RedisError:
        return False


def test_nodes_that_come_and_go(servers):
    with translating(servers) as translator:
        before = translator.map()
        servers.start(NODES)
        try:
            servers.cli("--cluster", "add-node", servers.address(NODES), servers.address(0))
            added = wait_for(lambda: translator.map().get(servers.port(NODES)), "a port of the new node")
            assert added == translator.port + NODES and pings(translator, added)
            servers.cli("--cluster", "del-node", servers.address(0), servers.id(NODES))
            wait_for(lambda: translator.map() == before, "the node to be forgotten")
            wait_for(lambda: not pings(translator, added), "its port to be closed")
        finally:
            servers.kill(NODES)


def test_who_reads_slowly_holds_its_server_back(servers):
    with translating(servers) as translator:
        number = list(servers.primaries())[0]
        key = next(key for key in KEYS if servers.cli("-p", servers.port(number), "SET", key, "x" * 100).startswith("OK"))
        with translator.plain(translator.map()[servers.port(number)]) as client:
            client.set(key, b"y" * MEBI)
            before = memory_kib(translator)
            with socket.create_connection(("127.0.0.1", translator.map()[servers.port(number)])) as slow:
                slow.sendall(b"GET %s\r\n" % key.encode() * 200)
                wait_for(lambda: owed_bytes(servers, number) > 50 * MEBI, "the server to be held back")
                assert memory_kib(translator) - before < 20 * 1024 and client.ping()


def memory_kib(translator):
    with open(f"/proc/{translator.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def owed_bytes(servers, number):
    return max(int(client["omem"]) for client in servers.node(number).client_list())


def test_a_port_that_is_taken(servers):
    with translating(servers) as translator:
        words = [PROGRAM, "proxy", "--translate", "--listen", f"127.0.0.1:{translator.port}", servers.address(0)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == FAILED and f"cannot listen at 127.0.0.1:{translator.port}" in done.stderr
        done = subprocess.run([PROGRAM, "proxy", "map", f"127.0.0.1:{servers.port(NOBODYS)}"], capture_output=True, text=True, timeout=30,
                              check=False)
        assert done.returncode == FAILED and "no translating proxy answers" in done.stderr


def test_the_map_for_clients_that_rewrite_addresses_themselves(servers):
    with translating(servers) as translator:
        remap = ast.literal_eval(said_of_map(translator, "--format", "python"))
        nodes = json.loads(said_of_map(translator))["nodes"]
        fields = ("from_host", "from_port", "to_host", "to_port")
        assert remap == [{field: node[field] for field in fields} for node in nodes]
        assert {node["id"]: node["from_port"] for node in nodes} == {servers.id(number): servers.port(number) for number in range(NODES)}
        wait_for(lambda: mapped_primaries(translator) == {servers.port(number) for number in servers.primaries()}, "the roles")


def mapped_primaries(translator):
    return {node["from_port"] for node in json.loads(said_of_map(translator))["nodes"] if node["role"] == "primary"}
