"""The clusters under measurement: Keyway's, and the same servers started by hand with `redis-cli --cluster create`.

Both have `ports` (all their servers), `password` (None without), `advance(answering)`, which does what is next once so many servers
answer, and `close()`, which ends every process that they started, by its pid.
"""

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SLOTS = 16384
STOP_TIMEOUT_S = 30
PORT_COUNT = 3000
BUS_PORT_DISTANCE = 10_000
SAME_SETTINGS = {"repl-diskless-sync-delay": 0, "cluster-node-timeout": 5000}  # that Keyway sets, for servers started by hand


class StartFailed(Exception):
    """A cluster was not even started, mostly because a client of somebody was given one of its ports in the meantime."""


class Engine:
    """A server program and the cli beside it."""

    def __init__(self, server):
        self.server = server
        self.kind = os.path.basename(server).split("-")[0]
        self.cli = os.path.join(os.path.dirname(server), f"{self.kind}-cli")
        text = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
        self.version = text.split("v=")[1].split()[0]
        self.name = f"{self.kind} {self.version}"


def find_engine(wanted):
    """`wanted` is "redis-7.0" or the like: the newest such folder in $KEYWAY_ENGINES, else what is in $PATH; None if neither has it."""
    folder = os.environ.get("KEYWAY_ENGINES") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "keyway-engines")
    kind, version = wanted.split("-")
    for candidate in sorted(glob.glob(f"{folder}/{wanted}.*/{kind}-server"), reverse=True):
        return Engine(candidate)
    installed = shutil.which(f"{kind}-server")
    engine = Engine(installed) if installed else None
    return engine if engine and f"{engine.version}.".startswith(f"{version}.") else None


def found_engines(options, report):
    """Those of --engines, in order; the report says which are not there."""
    for name in options.engines.split(","):
        engine = find_engine(name)
        if engine is None:
            report.add_note(f"{name} is not there: not measured.")
        else:
            yield engine


class Ports:
    """Blocks of ports, each taken afresh: the sockets of the cluster before may still linger."""

    def __init__(self, first):
        self.first = first
        self.next = first

    def take(self, count):
        """The next block in which no port is in use, nor its bus port: clients of anyone may have been given one of these."""
        for _ in range(PORT_COUNT):
            if self.next + count > self.first + PORT_COUNT:
                self.next = self.first
            ports = list(range(self.next, self.next + count))
            taken = [port for port in ports if not (is_free(port) and is_free(port + BUS_PORT_DISTANCE))]
            if not taken:
                self.next += count
                return ports
            self.next = taken[-1] + 1
        raise RuntimeError(f"no {count} free ports in a row from {self.first} on; choose others with --port")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
            return True
        except OSError:
            return False


def keys_of_shards(slot_of, shard_count):
    """For each shard a key in the middle of its even part of the slots, which is what both ways of making a cluster give it."""
    keys = []
    for shard in range(shard_count):
        middle = SLOTS * (2 * shard + 1) // (2 * shard_count)
        quarter = SLOTS // shard_count // 4
        keys.append(next(f"bench:{i}" for i in range(1_000_000) if abs(slot_of(f"bench:{i}") - middle) <= quarter))
    return keys


class KeywayCluster:
    """A cluster made by `keyway up --detach` in a state folder of its own."""

    def __init__(self, program, engine, ports, shards, replicas=1, mode="sharded"):
        self.program = program
        self.engine = engine
        self.ports = ports[:shards * (replicas + 1)]
        self.shards = shards
        self.replicas = replicas
        self.mode = mode
        self.name = "bench"
        self.password = None
        self.folder = tempfile.mkdtemp(prefix="keyway-bench-")
        self.home = os.path.join(self.folder, "home")
        self.log_path = os.path.join(self.folder, "up.log")
        self.process = None

    def launch(self):
        words = ["up", self.name, "--detach", "--engine", self.engine.server, "--port", str(self.ports[0]),
                 "--shards", str(self.shards), "--replicas", str(self.replicas), "--mode", self.mode]
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([self.program, *words], env=self.environment(), stdout=log, stderr=log)

    def advance(self, answering):
        """Nothing to do by hand; the password is read as soon as it is there. `answering` does not count: all is Keyway's doing."""
        del answering
        if self.process.poll() not in (None, 0):
            raise StartFailed(self.log())
        if self.password is None:
            self.password = self._read_password()

    def _read_password(self):
        try:
            with open(os.path.join(self.home, "clusters", self.name, "users"), encoding="utf-8") as file:
                for line in file:
                    if line.startswith("user default "):
                        return line.split(">")[1].strip()
        except FileNotFoundError:
            pass
        return None

    def environment(self):
        return {**os.environ, "KEYWAY_HOME": self.home}

    def run(self, *words):
        return subprocess.run([self.program, *words], env=self.environment(), capture_output=True, text=True, check=True).stdout

    def status(self):
        return json.loads(self.run("status", self.name, "--json"))

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            end(self.process)
        done = subprocess.run([self.program, "down", self.name, "--purge", "--yes"], env=self.environment(),
                              capture_output=True, text=True, check=False)
        if done.returncode not in (0, 3):
            raise RuntimeError(f"keyway down failed, see {self.folder}: {done.stderr}")
        shutil.rmtree(self.folder, ignore_errors=True)


class HandmadeCluster:
    """The same servers started by hand, then `redis-cli --cluster create` when all of them answer."""

    def __init__(self, engine, ports, shards, replicas=1, settings=None):
        self.engine = engine
        self.ports = ports[:shards * (replicas + 1)]
        self.shards = shards
        self.replicas = replicas
        self.password = None
        self.settings = settings or {}
        self.folder = tempfile.mkdtemp(prefix="keyway-bench-")
        self.log_path = os.path.join(self.folder, "create.log")
        self.servers = {}
        self.process = None  # the create

    def launch(self):
        for port in self.ports:
            self.start(port)

    def start(self, port):
        """Starts one server, for the first time or again."""
        folder = os.path.join(self.folder, str(port))
        os.makedirs(folder, exist_ok=True)
        settings = {"port": port, "bind": "127.0.0.1", "dir": folder, "cluster-enabled": "yes", **self.settings}
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        with open(os.path.join(folder, "server.log"), "a", encoding="utf-8") as log:
            self.servers[port] = subprocess.Popen([self.engine.server, *words], stdout=log, stderr=log)

    def check_servers(self):
        ended = [port for port, server in self.servers.items() if server.poll() is not None]
        if ended:
            raise StartFailed(f"the server of port {ended[0]} ended: " + self.server_log(ended[0])[-300:])

    def advance(self, answering):
        self.check_servers()
        if self.process is not None and self.process.poll() not in (None, 0):
            raise RuntimeError(f"{self.engine.cli} --cluster create failed:\n{self.log()}")
        if self.process is not None or answering < len(self.ports):
            return
        words = self.words([f"127.0.0.1:{port}" for port in self.ports])
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log)

    def words(self, addresses):
        """The command that makes a cluster of the servers."""
        return [self.engine.cli, "--cluster", "create", *addresses, "--cluster-replicas", str(self.replicas), "--cluster-yes"]

    def server_log(self, port):
        with open(os.path.join(self.folder, str(port), "server.log"), encoding="utf-8") as file:
            return file.read()

    def cli(self, *words):
        return subprocess.run([self.engine.cli, *words], capture_output=True, text=True, check=True).stdout

    def log(self):
        if self.process is None:
            return "--cluster create was not called, since not all servers answered"
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def close(self):
        if self.process is not None:
            end(self.process)
        for server in self.servers.values():
            server.kill()
        for server in self.servers.values():
            server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def end(process):
    """Ends a child of ours; kills it if it takes too long."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(condition, timeout_s, what, every_s=0.02):
    """Gives the first true value of `condition()`; TimeoutError names `what` was waited for."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        value = condition()
        if value:
            return value
        time.sleep(every_s)
    raise TimeoutError(f"{what}: not within {timeout_s} s")
