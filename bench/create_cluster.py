#!/usr/bin/python3
"""How long the cluster tools take to make a cluster of servers that run already: `keyway cluster create` beside `redis-cli --cluster create` (or
`valkey-cli`), in turn, watched from outside in the same way. Both count from starting the command. Servers that were just started and
servers that have been idle for a while are told apart: the latter refuse writes for longer."""

import sys
import time

from clusters import HandmadeCluster, Ports, StartFailed, found_engines
from report import Report, Samples, arguments, ratio, run_main, tell
from resp import Poller, ReplyError
from watch import POLL_S, Watch

TIMEOUT_S = 180
IDLE_S = 6.0  # beyond the longest time for which a server sits out that it was in a minority
ATTEMPTS = 4
WAYS = ("keyway", "cli")
MARKS = ("agreed_s", "writable_s", "in_sync_s", "returned_s")
TARGETS = {3: 1.0, 15: 0.5}  # shards: how many times as long as the cli Keyway may take until all is whole


class ServersAlone(HandmadeCluster):
    """Servers that were started, and the tool that makes a cluster of them on `begin()`."""

    def __init__(self, way, program, engine, ports, shards):
        super().__init__(engine, ports, shards)
        self.way = way
        self.program = program

    def words(self, addresses):
        if self.way == "keyway":
            return [self.program, "cluster", "create", *addresses, "--replicas", str(self.replicas), "--yes"]
        return super().words(addresses)


class Agreement:
    """Whether all servers know all, none of them still in a handshake."""

    def __init__(self, ports):
        self.ports = ports
        self.poller = Poller()

    def reached(self):
        answers = self.poller.ask({port: [("CLUSTER", "NODES")] for port in self.ports})
        return all(reply is not None and not isinstance(reply[0], ReplyError) and self.is_whole(reply[0]) for reply in answers.values())

    def is_whole(self, table):
        lines = table.splitlines()
        return len(lines) == len(self.ports) and not any("handshake" in line for line in lines)

    def close(self):
        self.poller.close()


def time_command(cluster, idle_s):
    """Starts the servers and then the command. Gives seconds from then to each of MARKS; in_sync_s and writable_s hold from then on."""
    watch, agreement = Watch(cluster), Agreement(cluster.ports)
    try:
        cluster.launch()
        limit_s = time.monotonic() + TIMEOUT_S
        while watch.answering < len(cluster.ports):
            cluster.check_servers()
            watch.look()
            if time.monotonic() > limit_s:
                raise TimeoutError(f"only {watch.answering} of {len(cluster.ports)} servers answer after {TIMEOUT_S} s")
            time.sleep(POLL_S)
        time.sleep(idle_s)
        return watch_command(cluster, watch, agreement)
    finally:
        watch.close()
        agreement.close()


def watch_command(cluster, watch, agreement):
    times = {}
    begin_s = time.monotonic()
    cluster.advance(len(cluster.ports))
    while len(times) < len(MARKS):
        watch.look()
        now_s = time.monotonic() - begin_s
        cluster.advance(watch.answering)
        if "agreed_s" not in times and agreement.reached():
            times["agreed_s"] = now_s
        if "writable_s" not in times and watch.writable():
            times["writable_s"] = now_s
        if "in_sync_s" not in times and "writable_s" in times and watch.in_sync():
            times["in_sync_s"] = now_s
        if "returned_s" not in times and cluster.process.poll() is not None:
            times["returned_s"] = now_s
        if now_s > TIMEOUT_S:
            raise TimeoutError(f"the cluster was not whole after {TIMEOUT_S} s; so far {times}:\n{cluster.log()}")
        time.sleep(POLL_S)
    return times


def measure_once(way, options, engine, ports, shards, idle_s):
    for attempt in range(1, ATTEMPTS + 1):
        cluster = ServersAlone(way, options.program, engine, ports.take(2 * shards), shards)
        try:
            return time_command(cluster, idle_s)
        except StartFailed as error:
            if attempt == ATTEMPTS:
                raise
            tell(f"  once more with other ports: {error}")
        finally:
            cluster.close()
    raise AssertionError("unreachable")


def measure_case(report, options, engine, ports, shards, idle_s):
    samples = {way: {mark: Samples("s") for mark in MARKS} for way in WAYS}
    state = "idle" if idle_s else "just started"
    for _ in range(options.runs):
        for way in WAYS:
            times = measure_once(way, options, engine, ports, shards, idle_s)
            for mark, value in times.items():
                samples[way][mark].add(value)
            tell(f"  {engine.name}, {2 * shards} nodes, {state}, {way}: "
                 + ", ".join(f"{mark[:-2]} {times[mark]:.2f} s" for mark in MARKS))
    ours = samples["keyway"]
    for way in WAYS:
        theirs = samples[way]
        report.add_row(engine.name, str(2 * shards), state, way if way == "keyway" else f"{engine.kind}-cli",
                       *[cell for mark in MARKS[:3] for cell in (theirs[mark], ratio(theirs[mark], ours[mark]))], theirs["returned_s"])
    limit_s = TARGETS[shards] * samples["cli"]["in_sync_s"].median
    report.add_target(f"{engine.name}, {2 * shards} nodes, {state}: in sync, {TARGETS[shards]} times the cli's", ours["in_sync_s"], limit_s)


def measure(options):
    report = Report("Making a cluster of running servers", ["engine", "nodes", "servers", "made by", "all know all", "ratio", "writable", "ratio",
                                                            "in sync", "ratio", "command returned"])
    ports = Ports(options.port)
    for engine in found_engines(options, report):
        for shards in options.shards:
            for idle_s in (0, IDLE_S):
                measure_case(report, options, engine, ports, shards, idle_s)
    report.add_note("Floors: a server refuses writes for its first 2 s as a primary; one that was idle for longer than that refuses them for"
                    " 5 s (the node timeout, but 5 s at most) from getting its slots.")
    report.add_note("all know all: CLUSTER NODES of each lists all and none in a handshake; writable: every server says cluster_state:ok and"
                    " each shard takes a write; in sync: and master_link_status:up on all replicas. Servers with their own defaults.")
    return report


def main():
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--engines", default="redis-7.0,valkey-9.1", help="engines, as they are called in $KEYWAY_ENGINES")
    parser.add_argument("--shards", type=lambda text: [int(part) for part in text.split(",")], default=[3, 15],
                        help="3, 15 or 3,15: shards of one primary and one replica each (3,15)")
    return run_main(measure, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
