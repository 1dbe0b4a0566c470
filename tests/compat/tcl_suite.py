"""Redis's own Tcl suite, unpatched, against servers that it did not start: one process for each unit, so that a unit that hangs or
gives up does not take the others with it."""

import collections
import concurrent.futures
import contextlib
import os
import queue
import re
import shutil
import signal
import socket
import subprocess

from bare_servers import Servers
from ports import EACH
from proxies import proxy_before
from waiting import wait_for

PLACES = 4  # sets of servers, each of which runs one unit at a time: the units wait more than they work
UNIT_S = 150
CONFIGURATION = ["enable-protected-configs yes", "enable-module-command yes", "cluster-node-timeout 15000"]
# What needs replicas listens to a replication stream, which the proxy does not give.
TAGS = "-slow -needs:repl"

Outcome = collections.namedtuple("Outcome", "passed failed ended")


def form_cluster(servers, count):
    """Slots in equal parts. redis-cli makes no cluster of one node."""
    share = -(-16384 // count)
    for number in range(count):
        node = servers.node(number)
        node.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, min((number + 1) * share, 16384) - 1)
        if number > 0:
            node.execute_command("CLUSTER", "MEET", "127.0.0.1", servers.port(0))

    def is_whole(number):
        said = servers.cli("-p", servers.port(number), "CLUSTER", "INFO")
        return all(line in said for line in ("cluster_state:ok", "cluster_slots_ok:16384", f"cluster_known_nodes:{count}\n"))

    wait_for(lambda: all(is_whole(number) for number in range(count)), "the cluster to be whole")


class Place:
    """A copy of the suite, since it leaves files in its own folder. Each unit has a cluster and a proxy of its own, since some leave
    configurations behind."""

    def __init__(self, suite, engine, folder, ports, nodes):
        self.engine, self.folder, self.ports, self.nodes = engine, folder, ports, nodes
        self.count, self.base_port = 0, ports.take()
        # The suite's own ports; no servers are to take them.
        self.holder = socket.create_server(("127.0.0.1", self.base_port + EACH - 10))
        shutil.copytree(suite, folder / "suite")
        (folder / "suite/tests/tmp").mkdir(exist_ok=True)
        programs = folder / "suite/src"
        programs.mkdir()
        for name in ("redis-server", "redis-cli", "redis-benchmark"):
            (programs / name).symlink_to(engine.program.replace("redis-server", name))

    def run(self, unit, skipped):
        self.count += 1
        with contextlib.ExitStack() as running:
            servers = Servers(self.engine, self.folder / f"servers{self.count}", self.ports, self.nodes, CONFIGURATION)
            running.callback(servers.end)
            form_cluster(servers, self.nodes)
            port = running.enter_context(proxy_before(servers, "--workers", "1")).port
            return self.run_once(unit, port, skipped)

    def run_once(self, unit, port, skipped):
        flags = ["--host", "127.0.0.1", "--port", port, "--cluster-mode", "--durable", "--tags", TAGS, "--single", unit,
                 "--baseport", self.base_port + EACH - 8, "--portcount", 8]
        for name in skipped:
            flags += ["--skiptest", name]
        log = self.folder / (unit.replace("/", "_") + ".log")
        with open(log, "wb") as out, subprocess.Popen(["tclsh", "tests/test_helper.tcl", *map(str, flags)], cwd=self.folder / "suite",
                                                      stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True) as suite:
            try:
                suite.wait(UNIT_S)
                ended = None
            except subprocess.TimeoutExpired:
                ended = f"not done after {UNIT_S} s"
            finally:
                try:
                    os.killpg(suite.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        return read_outcome(log.read_text(errors="replace"), ended)


def read_outcome(text, ended):
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    passed = re.findall(r"^\[ok\]: (.*) \(\d+ ms\)$", text, re.M)
    failed = dict(re.findall(r"^\[err\]: (.*?)(?: in tests/\S+\.tcl)?\n(.*)", text, re.M))
    gave_up = re.search(r"^\[exception\]: (.*)", text, re.M)
    if gave_up:
        ended = gave_up.group(1)
    elif ended or "The End" not in text:
        ended = f"{ended or 'it just ended'}, after: " + " / ".join(text.strip().splitlines()[-3:])
    return Outcome(passed, failed, ended)


def run_suite(suite, engine, folder, ports, nodes, units, skipped):
    """The outcome of each unit."""
    places, free = [], queue.SimpleQueue()
    try:
        for number in range(PLACES):
            places.append(Place(suite, engine, folder / f"place{number}", ports, nodes))
            free.put(places[-1])

        def one(unit):
            place = free.get()
            try:
                return unit, place.run(unit, skipped)
            finally:
                free.put(place)

        with concurrent.futures.ThreadPoolExecutor(PLACES) as pool:
            return dict(pool.map(one, units))
    finally:
        for place in places:
            place.holder.close()
