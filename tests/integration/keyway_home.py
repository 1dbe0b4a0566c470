"""The program under test, one state home of it, and one cluster in that."""

import json
import os
import pathlib
import re
import signal
import subprocess

import redis

import processes
from client import Client
from waiting import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("KEYWAY_PROGRAM") or str(ROOT / "build" / "release" / "keyway")
DONE, FAILED, BAD_INPUT, NOT_THERE, TIMED_OUT = 0, 1, 2, 3, 4


class Home:
    """A $KEYWAY_HOME. `engine` and `ports` serve the clusters made in it."""

    def __init__(self, folder, engine, ports):
        self.folder, self.engine, self.ports = pathlib.Path(folder), engine, ports
        self.clusters = {}

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KEYWAY_", "XDG_"))}
        return {**kept, "KEYWAY_HOME": str(self.folder), **more}

    def run(self, *arguments, code=DONE, text=None, env=None, deadline_s=120, **options):
        """Runs the program to its end, which must be with exit code `code`. None: any code."""
        done = subprocess.run([PROGRAM, *map(str, arguments)], env=self.environment(**(env or {})), input=text,
                              stdin=subprocess.DEVNULL if text is None else None, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=deadline_s, check=False, **options)
        assert code is None or done.returncode == code, (
            f"keyway {' '.join(map(str, arguments))} ended with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}")
        return done

    def json(self, *arguments, **options):
        return json.loads(self.run(*arguments, "--json", **options).stdout)

    def error(self, *arguments, code, **options):
        """What it says on its way out with `code`: the lines after what it tells of its progress."""
        said = self.run(*arguments, code=code, **options).stderr
        _, mark, error = ("\n" + said).partition("\nkeyway: ")
        assert mark, said
        return error

    def up(self, name="demo", *arguments, port=None, **options):
        """Makes a cluster, whole when this returns. `port` 0: in the spec, or Keyway's own choice."""
        port = self.ports.take() if port is None else port
        where = ["--port", str(port)] if port else []
        engine = [] if "-f" in arguments else ["--engine", self.engine.program]
        self.run("up", name, "--detach", *engine, *where, *arguments, **options)
        return self.cluster(name)

    def document(self, name, **fields):
        """A spec, as JSON, which is YAML too."""
        engine = {"kind": self.engine.product, "path": self.engine.program}
        return json.dumps({"apiVersion": "keyway.dev/v1alpha1", "kind": "KeywayCluster", "metadata": {"name": name},
                           "spec": {"engine": engine, **fields}})

    def cluster(self, name):
        return self.clusters.setdefault(name, Cluster(self, name))

    def processes(self):
        return processes.working_below(str(self.folder))

    def end(self):
        processes.end_below(str(self.folder))


class Cluster:
    def __init__(self, home, name):
        self.home, self.name = home, name
        self.folder = home.folder / "clusters" / name
        self.admins = {}

    def run(self, command, *arguments, **options):
        return self.home.run(command, self.name, *arguments, **options)

    def json(self, command, *arguments, **options):
        return self.home.json(command, self.name, *arguments, **options)

    def up(self, *arguments, **options):
        return self.run("up", "--detach", *arguments, **options)

    def down(self, *arguments, **options):
        return self.run("down", "--yes", *arguments, **options)

    def apply(self, *arguments, code=DONE, **fields):
        """Applies a spec of these fields to it."""
        return self.run("apply", "-f", "-", *arguments, code=code, text=self.home.document(self.name, **fields))

    # What it looks like.

    def status(self):
        return self.json("status")

    def shards(self):
        return {shard["name"]: shard for shard in self.status()["shards"]}

    def nodes(self):
        """All nodes by name."""
        found = {}
        for shard in self.status()["shards"]:
            for node in ([shard["primary"]] if shard["primary"] else []) + shard["replicas"]:
                found[node["name"]] = {**node, "shard": shard["name"]}
        return found

    def primary(self, shard="p1"):
        return self.shards()[shard]["primary"]

    def replicas(self, shard="p1"):
        return self.shards()[shard]["replicas"]

    def pids(self):
        return {name: node["pid"] for name, node in self.nodes().items()}

    def supervisor_pid(self):
        return self.status()["supervisor_pid"]

    def state(self):
        return json.loads((self.folder / "state.json").read_text())

    def data(self, node):
        return self.folder / "nodes" / node

    def log(self):
        return (self.folder / "supervisor.log").read_text()

    def wait_for(self, condition, what, deadline_s=30):
        """Until `condition`, given the status, is true; gives its result."""
        return wait_for(lambda: condition(self.status()), f"{what} of {self.name}", deadline_s)

    def wait_ready(self, deadline_s=30):
        return self.wait_for(lambda status: status["state"] == "ready" and status, "readiness", deadline_s)

    def wait_replicated(self):
        """Until all replicas have what their primaries have now."""
        wanted = {name: shard["primary"]["offset"] for name, shard in self.shards().items() if shard["primary"]}
        self.wait_for(lambda status: all(node["offset"] >= wanted.get(shard["name"], 0)
                                         for shard in status["shards"] for node in shard["replicas"] if node["health"] == "ok"),
                      "the replicas' offsets")

    # Speaking to it.

    def password(self, user):
        return self.run("password", user).stdout.strip()

    def addresses(self):
        """(host, port) of every node on record."""
        state = self.state()
        host = re.search(r'^ +host: "(.+)"$', state["spec"], re.MULTILINE)
        return [(host.group(1) if host else "127.0.0.1", node["port"]) for node in state["nodes"]]

    def address(self, node):
        names = [entry["name"] for entry in self.state()["nodes"]]
        return self.addresses()[names.index(node)]

    def sharded(self):
        return "mode: sharded" in self.state()["spec"]

    def client(self, user="workload", **options):
        return Client(self.addresses, self.sharded(), user, self.password(user), **options)

    def admin(self, node):
        """A connection of the administrator to one node."""
        host, port = self.address(node)
        if (host, port) not in self.admins:
            self.admins[host, port] = redis.Redis(host=host, port=port, username="admin", password=self.password("admin"),
                                                  decode_responses=True, socket_timeout=5, socket_connect_timeout=5)
        return self.admins[host, port]

    # Harm.

    def kill(self, *names):
        """Kill -9 of servers, all at once."""
        pids = self.pids()
        processes.kill_pid(*[pids[name] for name in names])

    def kill_supervisor(self):
        processes.kill_pid(self.supervisor_pid())

    def kill_all(self, supervisor=True):
        """Everything at once, as when the power goes."""
        status = self.status()
        pids = self.pids()
        processes.kill_pid(*([status["supervisor_pid"]] if supervisor else []), *[pid for pid in pids.values() if pid])

    def end_supervisor(self, number=signal.SIGTERM):
        supervisor = processes.process(self.supervisor_pid())
        processes.send(supervisor, number)
        wait_for(lambda: not processes.lives(supervisor), "the supervisor to end", 60)

    def empty(self, node):
        """Takes all data from a node whose server does not run; its folder stays."""
        removed = []
        for path in self.data(node).iterdir():
            if path.name.startswith(("dump", "appendonly", "temp-", "nodes.conf")):
                removed.append(path)
                path.unlink()
        return removed
