"""A primary with replicas that three Sentinels watch, as people set it up: the servers' own way to fail over without a cluster."""

import contextlib
import os
import shutil
import subprocess
import tempfile

from clusters import StartFailed, wait_until
from resp import Client, ReplyError

SENTINELS = 3
QUORUM = 2
NAME = "bench"
START_TIMEOUT_S = 30


class SentinelGroup:
    """Servers on the first of `ports`, Sentinels on the last three. All else is as the servers have it."""

    password = None
    shards = 1

    def __init__(self, engine, ports, down_after_ms):
        self.engine = engine
        self.ports = ports[:-SENTINELS]
        self.watchers = ports[-SENTINELS:]
        self.replicas = len(self.ports) - 1
        self.down_after_ms = down_after_ms
        self.folder = tempfile.mkdtemp(prefix="keyway-bench-")
        self.servers = {}

    def launch(self):
        for port in self.ports:
            self.start(port, *([] if port == self.ports[0] else ["--replicaof", f"127.0.0.1 {self.ports[0]}"]))
        self.wait_for(self.ports)
        for port in self.watchers:
            lines = [f"port {port}", f"sentinel monitor {NAME} 127.0.0.1 {self.ports[0]} {QUORUM}",
                     f"sentinel down-after-milliseconds {NAME} {self.down_after_ms}"]
            os.makedirs(self.place(port))
            with open(os.path.join(self.place(port), "sentinel.conf"), "w", encoding="utf-8") as config:
                config.write("\n".join([*lines, ""]))
            self.run(port, os.path.join(self.place(port), "sentinel.conf"), "--sentinel")
        self.wait_for(self.watchers)

    def place(self, port):
        return os.path.join(self.folder, str(port))

    def start(self, port, *more):
        os.makedirs(self.place(port), exist_ok=True)
        self.run(port, "--port", str(port), "--dir", self.place(port), "--repl-diskless-sync-delay", "0", *more)

    def run(self, port, *words):
        with open(os.path.join(self.place(port), "server.log"), "ab") as log:
            self.servers[port] = subprocess.Popen([self.engine.server, *words], cwd=self.place(port), stdout=log, stderr=log)

    def wait_for(self, ports):
        def answer():
            if any(self.servers[port].poll() is not None for port in ports):
                raise StartFailed("a server ended")
            return all(self.ask(port, "PING") == "PONG" for port in ports)
        wait_until(answer, START_TIMEOUT_S, "answers of all servers")

    @staticmethod
    def ask(port, *words):
        with contextlib.suppress(OSError):
            client = Client(port)
            try:
                return client.call(*words)
            finally:
                client.close()
        return None

    def ready(self):
        """Whether every Sentinel sees the primary, all replicas and all other Sentinels well."""
        return all(self.sees_all(port) for port in self.watchers)

    def sees_all(self, port):
        replies = [self.ask(port, "SENTINEL", what, NAME) for what in ("MASTER", "REPLICAS", "SENTINELS")]
        if any(reply is None or isinstance(reply, ReplyError) for reply in replies):
            return False
        primary, replicas, others = replies
        flags = [fields_of(one)["flags"] for one in [primary, *replicas, *others]]
        return flags == ["master"] + ["slave"] * self.replicas + ["sentinel"] * (SENTINELS - 1)

    def close(self):
        for server in self.servers.values():
            server.kill()
        for server in self.servers.values():
            server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def fields_of(flat):
    return dict(zip(flat[::2], flat[1::2]))
