"""Agents with their servers, as pods are: processes on the loopback interface with a folder in place of the API server."""

import contextlib
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import redis

import processes
from keyway_home import PROGRAM
from waiting import wait_for

USERS = "user default on ~* &* +@all >secret\nuser workload on ~* &* +@all >work\n"
HTTP = 16
CLUSTER = "c"
GRACE_MS = 20_000
STORY = ("role", "phase", "offset", "replication_id", "replication_id2", "keys", "why", "holds_lease")


class Pod:
    """One agent and its server. `address` may change between two lives, `uid` does."""

    def __init__(self, pods, shard, index, port):
        self.pods, self.shard, self.index, self.port = pods, shard, index, port
        self.name = f"redis-partition-{shard}-{CLUSTER}-{index}"
        self.data = pods.folder / self.name
        self.address, self.uid, self.agent = "127.0.0.1", 0, None
        self.registry, self.prefix = pods.registry, []  # its way to it; words before those of the agent

    def start(self, same_uid=False, **variables):
        self.uid += 0 if same_uid else 1
        self.data.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"], "POD_NAME": self.name, "POD_UID": f"u{self.uid}", "POD_IP": self.address,
            "KEYWAY_BIND": self.address, "KEYWAY_CLUSTER": CLUSTER, "KEYWAY_MODE": self.pods.mode, "KEYWAY_SHARD": self.shard,
            "KEYWAY_PARTITIONS": ",".join(self.pods.shards), "KEYWAY_REPLICAS": str(self.pods.replicas),
            "KEYWAY_PORT": str(self.port), "KEYWAY_HTTP": f"{self.address}:{self.port + HTTP}", "KEYWAY_DATA": str(self.data),
            "KEYWAY_SERVER_CONFIG": str(self.pods.config), "KEYWAY_USERS": str(self.pods.users),
            "KEYWAY_ENGINE": self.pods.engine.program, "KEYWAY_REGISTRY": str(self.registry),
            "KEYWAY_GRACE_MS": str(GRACE_MS), **variables}
        with open(self.log, "ab") as log:
            # pylint: disable-next=consider-using-with
            self.agent = subprocess.Popen([*self.prefix, str(PROGRAM), "agent"], cwd=self.pods.folder, env=environment, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, start_new_session=True)

    @property
    def log(self):
        return self.pods.folder / f"{self.name}.log"

    def get(self, path):
        """Status and text; None: nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{self.address}:{self.port + HTTP}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def role(self):
        answer = self.get("/role")
        return json.loads(answer[1]) if answer else {}

    def ready(self):
        answer = self.get("/readyz")
        return answer is not None and answer[0] == 200

    def server_pid(self):
        return self.role().get("server_pid", 0)

    def client(self, **options):
        return redis.Redis(host=self.address, port=self.port, password="secret", decode_responses=True,
                           **{"socket_timeout": 5, **options})

    def is_primary(self):
        try:
            return self.client().execute_command("ROLE")[0] == "master"
        except redis.RedisError:
            return False

    def mark(self):
        """What the pod's label says."""
        lines = (self.pods.registry / "pods" / self.name).read_text().splitlines()
        return dict(line.partition("=")[::2] for line in lines)["role"]

    def kill_server(self):
        processes.kill_pid(self.server_pid())

    def kill(self):
        """The agent and its server at once, as when a node fails."""
        server = self.server_pid()
        self.agent.kill()
        self.agent.wait()
        if server:
            processes.kill_pid(server)

    def terminate(self):
        """Told to end, as when a pod is deleted; gives the exit code."""
        self.agent.send_signal(signal.SIGTERM)
        return self.agent.wait(timeout=GRACE_MS / 1000)

    def end(self):
        if self.agent and self.agent.poll() is None:
            self.agent.kill()
            self.agent.wait()
        processes.end_below(str(self.data))


class Pods:
    def __init__(self, engine, folder, ports, mode, shards=("s",), replicas=2, lines=(), kind=Pod):
        self.engine, self.folder, self.mode, self.shards, self.replicas = engine, pathlib.Path(folder), mode, shards, replicas
        self.folder.mkdir(parents=True)
        self.registry, self.config, self.users = self.folder / "registry", self.folder / "server.conf", self.folder / "users.acl"
        self.config.write_text("\n".join(["cluster-node-timeout 2000", *lines]) + "\n" if mode == "sharded" else "\n".join(lines) + "\n")
        self.users.write_text(USERS)
        base = ports.take()
        # As pods are: those of a cluster have one port, and addresses of their own.
        self.all = [kind(self, shard, index, base if mode == "sharded" else base + index)
                    for shard in shards for index in range(replicas + 1)]
        if mode == "sharded" and kind is Pod:
            self.move(1)

    def start(self):
        for pod in self.all:
            pod.start()

    def move(self, life):
        """Other addresses for all, before they are started."""
        for number, pod in enumerate(self.all):
            pod.address = f"127.0.{life}.{number + 1}"

    def wait_ready(self, deadline_s=40):
        try:
            wait_for(lambda: all(pod.ready() for pod in self.all), "all pods to be ready", deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; the agents say {self.story()}") from error

    def story(self):
        """What the agents say, for messages."""
        told = {pod.name: {name: value for name, value in pod.role().items() if name in STORY}
                or {"silent": (pod.agent.poll(), pod.log.read_text()[-2000:])} for pod in self.all}
        return told, [lease.read_text() for lease in (self.registry / "leases").iterdir()]

    def primary(self, deadline_s=30):
        """The one pod that is a primary and ready."""
        def one():
            found = [pod for pod in self.all if pod.is_primary() and pod.ready()]
            return found[0] if len(found) == 1 else None
        try:
            return wait_for(one, "one primary", deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; the agents say {self.story()}") from error

    def others(self, *pods):
        return [pod for pod in self.all if pod not in pods]

    def lease(self, name):
        path = self.registry / "leases" / name
        return dict(line.partition("=")[::2] for line in path.read_text().splitlines()) if path.exists() else {}

    def patch(self, name, **fields):
        """As somebody else changes a Lease: some fields, whoever holds it."""
        self.registry.mkdir(mode=0o700, exist_ok=True)
        with open(self.registry / "lock", "a+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            changed = {**self.lease(name), **fields}
            changed["version"] = str(int(changed.get("version", 0)) + 1)
            path = self.registry / "leases" / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            new = path.with_name(f".{name}.new")
            new.write_text("".join(f"{field}={value}\n" for field, value in changed.items()))
            new.rename(path)

    def want(self, lease, **wanted):
        self.patch(lease, wanted=json.dumps(wanted))

    def report(self, lease):
        return json.loads(self.lease(lease).get("report") or "{}")

    def end(self):
        for pod in self.all:
            pod.end()


class Writer(threading.Thread):
    """Writes growing numbers to keys in turn to whoever is the primary, and remembers what was acknowledged."""

    KEYS = 50

    def __init__(self, pods):
        super().__init__(daemon=True)
        self.pods, self.ending = pods, threading.Event()
        self.sure, self.sent = {}, {}
        self.acknowledged, self.longest_pause_s, self.last = 0, 0.0, time.monotonic()

    def run(self):
        number, client = 0, None
        while not self.ending.is_set():
            key = f"w{number % self.KEYS}"
            self.sent.setdefault(key, []).append(number)
            try:
                client = client or self.find()
                client.set(key, number)
            except (redis.RedisError, OSError):
                client = None
                continue
            now = time.monotonic()
            self.longest_pause_s, self.last = max(self.longest_pause_s, now - self.last), now
            self.sure[key] = number
            self.sent[key] = [number]
            self.acknowledged += 1
            number += 1

    def find(self):
        for pod in self.pods.all:
            with contextlib.suppress(redis.RedisError):
                client = pod.client(socket_timeout=1)
                if client.execute_command("ROLE")[0] == "master":
                    return client
        raise redis.ConnectionError("no primary")

    def wait_for_writes(self, more):
        until = self.acknowledged + more
        wait_for(lambda: self.acknowledged >= until, f"{more} more writes")

    def stop(self):
        self.ending.set()
        self.join(timeout=30)

    def lost(self, client):
        """Keys whose value is neither the last that was acknowledged nor one sent since."""
        wrong = []
        for key, number in self.sure.items():
            value = client.get(key)
            if value is None or int(value) not in [number, *self.sent[key]]:
                wrong.append((key, value, number))
        return wrong
