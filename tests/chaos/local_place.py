"""A cluster on this machine under `keyway up`: what is done to it in order, and what goes wrong."""

import contextlib
import json
import os
import signal
import subprocess

import processes
from keyway_home import Home
from plan import pick
from router import Router
from waiting import wait_for

NAME = "chaos"
OPERATION_DEADLINE_S = 240
WHOLE_DEADLINE_S = 240
DISK_BYTES = 768 << 20
SPARE_BYTES, PAGE_BYTES = 64 << 20, 4096


class LocalPlace:
    """`options`: mode, durability, rate. The cluster is whole when the context is entered."""

    def __init__(self, engine, folder, ports, options):
        self.mode, self.durability = options.mode, options.durability
        self.folder = folder / "home"
        self.disk = None  # a file system of its own, if it can be had
        self.ports, self.engine = ports, engine
        self.sharded = self.mode == "sharded"
        self.shards = 3 if self.sharded else 1
        self.fields = {"mode": self.mode, "durability": self.durability, "replicas": 1 if self.sharded else 2}
        if self.sharded:
            self.fields["shards"] = 3
        self.cluster = None
        self.accounts = {}
        self.known = []

    # How it begins and ends.

    def __enter__(self):
        self.folder.mkdir(parents=True)
        self.mount_disk()
        home = Home(self.folder, self.engine, self.ports)
        fields = {**self.fields, "local": {"port": self.ports.take()}}
        self.cluster = home.up(NAME, "-f", "-", port=0, text=home.document(NAME, **fields), deadline_s=OPERATION_DEADLINE_S)
        self.fields = fields
        self.accounts = {user: self.cluster.password(user) for user in ("workload", "admin")}
        return self

    def __exit__(self, *_):
        processes.end_below(str(self.folder))
        if self.disk:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)

    def mount_disk(self):
        """A small disk, which can be full; needs root."""
        if os.geteuid() == 0:
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(self.folder)], check=False)
            self.disk = self.folder if done.returncode == 0 else None

    def router(self):
        return Router(self.addresses, self.sharded, "workload", self.accounts["workload"])

    def addresses(self):
        with contextlib.suppress(OSError, ValueError):  # being written, or the disk is full
            self.known = self.cluster.addresses()
        return self.known

    def wait_whole(self):
        """Until nothing is left to be mended."""
        try:
            wait_for(self.is_whole, "the cluster to be whole", WHOLE_DEADLINE_S)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.story()}") from error

    def is_whole(self):
        done = self.cluster.run("status", "--json", code=None)
        status = json.loads(done.stdout) if done.returncode == 0 and done.stdout else {}
        if status and not status.get("supervisor_pid"):
            self.supervise()
        return status.get("state") == "ready" and not status.get("doing") and all(
            shard["primary"] and all(node["health"] == "ok" for node in [shard["primary"], *shard["replicas"]]) for shard in status["shards"])

    def supervise(self):
        self.cluster.run("up", "--detach", code=None, deadline_s=OPERATION_DEADLINE_S)

    def story(self):
        log = self.cluster.log().splitlines()[-60:]
        return "the supervisor says:\n" + "\n".join(log)

    # What is done in order. Each gives whether it was carried out, or refused for what else is going on.

    def operations(self):
        return [("scale_out", "scale_in"), "rolling_restart", "switchover", "config_live", "config_restart"]

    def order(self, *words, **options):
        return self.cluster.run(*words, code=None, deadline_s=OPERATION_DEADLINE_S, **options).returncode == 0

    def scale_out(self, _):
        return self.order("scale", *(("--shards", 4) if self.sharded else ("--replicas", 3)))

    def scale_in(self, _):
        return self.order("scale", *(("--shards", 3) if self.sharded else ("--replicas", 2)))

    def rolling_restart(self, _):
        return self.order("restart", "--rolling")

    def switchover(self, draws):
        return self.order("failover", self.some_shard(draws)["name"])

    def config_live(self, draws):
        return self.configure({"maxmemory-policy": pick(["noeviction", "allkeys-lru", "volatile-ttl"], draws[1])})

    def config_restart(self, draws):
        return self.configure({"io-threads": pick(["1", "2", "3"], draws[1])})

    def configure(self, lines):
        count = len(self.cluster.status()["shards"])
        fields = {**self.fields, **({"shards": count} if self.sharded else {}), "config": lines}
        return self.order("apply", "-f", "-", text=self.cluster.home.document(NAME, **fields))

    # What goes wrong. Each does its harm and gives what undoes it.

    def faults(self):
        some = ["kill_primary", "kill_replica", "kill_supervisor", "kill_primary_and_supervisor", "stop_primary", "stop_replica",
                "stop_supervisor", "stop_primary_and_supervisor", "lose_primary_volume", "lose_replica_volume"]
        return some + (["full_disk"] if self.disk else [])

    def some_shard(self, draws):
        shards = [shard for shard in self.cluster.status()["shards"] if shard["primary"] and shard["replicas"]]
        return pick(shards, draws[0])

    def primary(self, draws):
        return self.some_shard(draws)["primary"]

    def replica(self, draws):
        return pick(self.some_shard(draws)["replicas"], draws[1])

    def kill_primary(self, draws):
        processes.kill_pid(self.primary(draws)["pid"])
        return nothing

    def kill_replica(self, draws):
        processes.kill_pid(self.replica(draws)["pid"])
        return nothing

    def kill_supervisor(self, _):
        processes.kill_pid(self.cluster.supervisor_pid())
        return self.supervise

    def kill_primary_and_supervisor(self, draws):
        processes.kill_pid(self.primary(draws)["pid"], self.cluster.supervisor_pid())
        return self.supervise

    def stop_primary(self, draws):
        return stopped(self.primary(draws)["pid"])

    def stop_replica(self, draws):
        return stopped(self.replica(draws)["pid"])

    def stop_supervisor(self, _):
        return stopped(self.cluster.supervisor_pid())

    def stop_primary_and_supervisor(self, draws):
        return stopped(self.primary(draws)["pid"], self.cluster.supervisor_pid())

    def lose_primary_volume(self, draws):
        return self.lose_volume(self.primary(draws))

    def lose_replica_volume(self, draws):
        return self.lose_volume(self.replica(draws))

    def lose_volume(self, node):
        """Its files go while it runs, then it is killed: whoever starts it finds nothing."""
        folder = self.cluster.data(node["name"])
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_file() and path.name.startswith(("dump", "appendonly", "temp-", "nodes.conf")):
                path.unlink(missing_ok=True)
        processes.kill_pid(node["pid"])
        return nothing

    def full_disk(self, _):
        return fill(self.folder / "ballast")


def fill(ballast):
    """Makes a file of all the room that is left."""
    size_bytes = SPARE_BYTES
    with open(ballast, "wb") as file:
        while size_bytes >= PAGE_BYTES:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size_bytes)
            except OSError:
                size_bytes //= 2
    return lambda: ballast.unlink(missing_ok=True)


def nothing():
    """What undoes a fault that nobody undoes."""


def stopped(*pids):
    """They stand still until they are let go on."""
    found = [process for process in map(processes.process, filter(None, pids)) if process]
    for one in found:
        processes.send(one, signal.SIGSTOP)

    def go_on():
        for one in found:
            processes.send(one, signal.SIGCONT)
    return go_on
