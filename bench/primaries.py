"""Clusters of primaries alone, with data in them, for what moves it: made without any cluster tool, on the loopback interface or at other addresses."""

import itertools
import os
import shutil
import subprocess
import tempfile

from clusters import SLOTS, StartFailed, wait_until
from resp import Client, info_fields, slot_of

START_TIMEOUT_S = 60
VALUE = "v" * 32
BATCH = 2000


class Primaries:
    """Servers that each own an even part of the slots. `hosts` gives each server's address, `prefixes` the words before its command, such as
    those that run it in another network namespace. Servers with their own defaults, but that they save nothing to disk by themselves."""

    def __init__(self, engine, ports, hosts=None, prefixes=None, settings=None):
        self.engine = engine
        self.hosts = hosts or ["127.0.0.1"] * len(ports)
        self.prefixes = prefixes or [[] for _ in ports]
        self.places = list(zip(self.hosts, ports))
        self.settings = {"save": "", **(settings or {})}
        self.folder = tempfile.mkdtemp(prefix="keyway-bench-")
        self.servers = []
        self.ids = []

    def address(self, index):
        return f"{self.hosts[index]}:{self.places[index][1]}"

    def connect(self, index, timeout_s=60):
        host, port = self.places[index]
        return Client(port, timeout_s=timeout_s, host=host)

    def launch(self):
        for (host, port), prefix in zip(self.places, self.prefixes):
            folder = os.path.join(self.folder, f"{host}-{port}")
            os.makedirs(folder)
            settings = {"port": port, "bind": host, "dir": folder, "cluster-enabled": "yes", "protected-mode": "no", **self.settings}
            words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
            with open(os.path.join(folder, "server.log"), "w", encoding="utf-8") as log:
                self.servers.append(subprocess.Popen([*prefix, self.engine.server, *words], stdout=log, stderr=log))
        wait_until(self.all_answer, START_TIMEOUT_S, "answers of all servers")
        self.join()

    def all_answer(self):
        if any(server.poll() is not None for server in self.servers):
            raise StartFailed("a server ended")
        return all(self.answers(index) for index in range(len(self.places)))

    def answers(self, index):
        try:
            client = self.connect(index, timeout_s=1)
        except OSError:
            return False
        try:
            return client.call("PING") == "PONG"
        except OSError:
            return False
        finally:
            client.close()

    def join(self):
        clients = [self.connect(index) for index in range(len(self.places))]
        try:
            self.ids = [client.call("CLUSTER", "MYID") for client in clients]
            for index, client in enumerate(clients):
                expect(client.call("CLUSTER", "ADDSLOTSRANGE", SLOTS * index // len(clients), SLOTS * (index + 1) // len(clients) - 1))
                expect(client.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1))
                if index > 0:
                    expect(client.call("CLUSTER", "MEET", *self.places[0]))
            wait_until(lambda: all(self.is_whole(client) for client in clients), START_TIMEOUT_S, "a whole cluster")
        finally:
            close_all(clients)

    def is_whole(self, client):
        facts = info_fields(client.call("CLUSTER", "INFO"))
        return facts["cluster_state"] == "ok" and facts["cluster_known_nodes"] == str(len(self.places))

    def owners(self, client=None):
        """{slot: index of its primary}, as the first server sees it."""
        asked = client or self.connect(0)
        ports = {place: index for index, place in enumerate(self.places)}
        owner = {}
        for low, high, primary, *_ in asked.call("CLUSTER", "SLOTS"):
            owner.update(dict.fromkeys(range(low, high + 1), ports[(primary[0], primary[1])]))
        if client is None:
            asked.close()
        return owner

    def fill(self, count):
        """Writes `count` small keys "key:0" and on, each to its owner, without an answer for each."""
        owner = self.owners()
        clients = [self.connect(index) for index in range(len(self.places))]
        for client in clients:
            client.send([("CLIENT", "REPLY", "OFF")])
        waiting = [[] for _ in clients]
        tail = b"$%d\r\n%s\r\n" % (len(VALUE), VALUE.encode())
        for i in range(count):
            key = f"key:{i}"
            index = owner[slot_of(key)]
            waiting[index].append(b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n%s" % (len(key), key.encode(), tail))
            if len(waiting[index]) == BATCH:
                clients[index].socket.sendall(b"".join(waiting[index]))
                waiting[index].clear()
        for client, batch in zip(clients, waiting):
            client.socket.sendall(b"".join(batch))
            expect(client.call("CLIENT", "REPLY", "ON"))
        close_all(clients)
        if sum(self.key_counts()) != count:
            raise RuntimeError(f"{sum(self.key_counts())} keys are there, {count} were written")

    def key_counts(self):
        clients = [self.connect(index) for index in range(len(self.places))]
        counts = [client.call("DBSIZE") for client in clients]
        close_all(clients)
        return counts

    def settled(self):
        """All servers say that all is well and agree in who owns what, and nobody has an open slot."""
        clients = [self.connect(index) for index in range(len(self.places))]
        try:
            views = [self.owners(client) for client in clients]
            tables = [client.call("CLUSTER", "NODES") for client in clients]
            return (all(self.is_whole(client) for client in clients) and all(view == views[0] for view in views)
                    and not any("->-" in table or "-<-" in table for table in tables))
        finally:
            close_all(clients)

    def close(self):
        for server in self.servers:
            server.kill()
        for server in self.servers:
            server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def launch_primaries(make, attempts=4):
    """The cluster that `make()` describes, launched. One that could not be started is given up for another."""
    for attempt in itertools.count(1):
        cluster = make()
        try:
            cluster.launch()
            return cluster
        except StartFailed:
            cluster.close()
            if attempt == attempts:
                raise
        except BaseException:
            cluster.close()
            raise
    raise AssertionError("unreachable")


def expect(reply):
    if reply != "OK":
        raise RuntimeError(f"a server refused: {reply}")


def close_all(clients):
    for client in clients:
        client.close()
