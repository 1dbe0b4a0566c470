"""Servers in cluster mode that nobody keeps: what the cluster tool works on, and the ways to call it."""

import contextlib
import json
import os
import pathlib
import re
import subprocess

import redis

import processes
from keyway_home import DONE, PROGRAM
from waiting import wait_for

NODE_TIMEOUT_MS = 2000
# A replica of Valkey 8 whose primary has just lost its last slot may wait for its new primary's word for 5 s, and answers nobody.
PATIENCE_S = 20


class Servers:
    """`count` empty servers of one engine on ports in a row, each with a configuration file in a folder of its own. `account`
    goes with every connection of the tests'; one with "ssl" makes them servers that speak nothing but TLS."""

    def __init__(self, engine, folder, ports, count, lines=(), **account):
        self.engine, self.folder, self.lines, self.account = engine, pathlib.Path(folder), list(lines), account
        self.base, self.started, self.connections = ports.take(), {}, {}
        for number in range(count):
            self.launch(number)
        for number in range(count):
            self.wait_for(number)

    def start(self, number):
        self.launch(number)
        self.wait_for(number)

    def launch(self, number):
        home = self.folder / str(self.port(number))
        home.mkdir(parents=True, exist_ok=True)
        conf = home / "server.conf"
        if not conf.exists():
            where = [f"tls-port {self.port(number)}", "port 0"] if self.account.get("ssl") else [f"port {self.port(number)}"]
            conf.write_text("\n".join([*where, "cluster-enabled yes", "bind 127.0.0.1", 'save ""',
                                       f"cluster-node-timeout {NODE_TIMEOUT_MS}", "repl-diskless-sync-delay 0",
                                       "enable-debug-command local", *self.lines]) + "\n")
        with open(home / "server.log", "ab") as log:
            # pylint: disable-next=consider-using-with
            self.started[number] = subprocess.Popen([self.engine.program, str(conf)], cwd=home, stdin=subprocess.DEVNULL,
                                                    stdout=log, stderr=log)

    def wait_for(self, number):
        wait_for(lambda: self.answers(number), f"server {number} to answer")

    def answers(self, number):
        try:
            return self.node(number).execute_command("PING") in (True, "PONG", b"PONG")
        except redis.RedisError:
            return False

    def port(self, number):
        return self.base + number

    def address(self, number=0):
        return f"127.0.0.1:{self.port(number)}"

    def addresses(self, numbers):
        return [self.address(number) for number in numbers]

    def node(self, number):
        if number not in self.connections:
            self.connections[number] = redis.Redis(host="127.0.0.1", port=self.port(number), decode_responses=True,
                                                   socket_timeout=PATIENCE_S, **self.account)
        return self.connections[number]

    def id(self, number=0):
        return self.node(number).execute_command("CLUSTER MYID")

    def cli(self, *arguments, code=0):
        """What the engine's own client says, without its colours."""
        program = self.engine.program.replace("-server", "-cli")
        done = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stdout
        return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)

    def known(self, number=0):
        """The lines of CLUSTER NODES, by id, as lists of fields."""
        lines = self.node(number).execute_command("CLUSTER", "NODES").splitlines()
        return {line.split()[0]: line.split() for line in lines}

    def wait_in_sync(self, numbers):
        """Until every replica among them has its primary's data."""
        wait_for(lambda: all(self.node(number).info("replication").get("master_link_status", "up") == "up" for number in numbers),
                 "replicas to be in sync")

    def fill(self, keys, number=0):
        """Keys k0, k1, …, each with itself as its value, written wherever they live."""
        with redis.RedisCluster(host="127.0.0.1", port=self.port(number), decode_responses=True) as cluster:
            for name in (f"k{number}" for number in range(keys)):
                cluster.set(name, name)

    def check_filled(self, keys, number=0):
        with redis.RedisCluster(host="127.0.0.1", port=self.port(number), decode_responses=True) as cluster:
            for name in (f"k{number}" for number in range(keys)):
                assert cluster.get(name) == name

    def kill(self, *numbers):
        processes.kill_pid(*[self.started[number].pid for number in numbers])
        for number in numbers:
            self.started.pop(number).wait()
            self.connections.pop(number, None)

    def end(self):
        self.kill(*list(self.started))

    def primaries(self, viewer=0):
        """How many slots each primary has that has any, by the number of its server, as `viewer` sees them."""
        owned = {}
        for fields in self.known(viewer).values():
            ranges = [slots.split("-") for slots in fields[8:] if not slots.startswith("[")]
            if ranges:
                port = int(fields[1].partition("@")[0].rpartition(":")[2])
                owned[port - self.base] = sum(int(last[-1]) - int(last[0]) + 1 for last in ranges)
        return owned


class Tool:
    """The program in its three spellings. `home` is where it looks for local clusters."""

    def __init__(self, home):
        self.home = home
        self.redis_trib = home.folder / "redis-trib"
        home.folder.mkdir(parents=True, exist_ok=True)
        if not self.redis_trib.exists():
            os.symlink(PROGRAM, self.redis_trib)

    def run(self, *arguments, code=DONE, text=None, env=None, program=PROGRAM):
        done = subprocess.run([str(program), *map(str, arguments)], input=text, stdin=subprocess.DEVNULL if text is None else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
                              env=self.home.environment(**(env or {})))
        assert code is None or done.returncode == code, (
            f"{program} {' '.join(map(str, arguments))} ended with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}")
        return done

    def own(self, *arguments, **options):
        return self.run("cluster", *arguments, **options)

    @contextlib.contextmanager
    def started(self, *arguments):
        """A run that goes on meanwhile, both of its outputs together; killed at the end."""
        with subprocess.Popen([str(PROGRAM), "cluster", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env=self.home.environment()) as run:
            try:
                yield run
            finally:
                run.kill()

    def json(self, *arguments, **options):
        command, *rest = arguments  # what follows "--" is no flag
        return json.loads(self.own(command, "--json", *rest, **options).stdout)

    def cli(self, *arguments, **options):
        """As redis-cli --cluster; general options may come first, with "--cluster" among them."""
        words = arguments if "--cluster" in arguments else ("--cluster", *arguments)
        return self.run(*words, **options)

    def trib(self, *arguments, **options):
        return self.run(*arguments, program=self.redis_trib, **options)
