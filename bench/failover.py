#!/usr/bin/python3
"""How long a shard takes no writes after a kill -9 of its primary: a cluster with Keyway's supervisor, in both modes, beside the same servers
without it, which must find out by themselves, and beside three Sentinels that watch a primary and its replica. A client hammers one key of the shard through all of the shard's nodes; measured is the time
from its last accepted write before the kill to the first after it."""

import os
import random
import signal
import sys
import time

from clusters import HandmadeCluster, KeywayCluster, Ports, found_engines, wait_until
from report import Report, Samples, arguments, ratio, run_main, tell
from resp import Client, Poller, ReplyError, info_fields
from sentinels import SENTINELS, SentinelGroup
from watch import Watch, create

TARGET_S = 0.5
HEAL_TIMEOUT_S = 120
GAP_TIMEOUT_S = 120
PAUSE_S = 0.001  # between two writes


class Hammer:
    """Writes one key through the nodes of its shard: to the one that took the last write, else to each in turn."""

    def __init__(self, ports, key, password):
        self.ports = ports
        self.key = key
        self.password = password
        self.poller = Poller(timeout_s=0.1)
        self.at = 0
        self.count = 0
        self.last_accepted_s = None

    def write(self):
        """One try; whether it was accepted."""
        self.count += 1
        port = self.ports[self.at]
        reply = self.poller.ask({port: [("SET", self.key, self.count)]}, self.password)[port]
        now_s = time.monotonic()
        if reply is not None and reply[0] == "OK":
            self.last_accepted_s = now_s
            return True
        self.at = (self.at + 1) % len(self.ports)
        return False

    def write_until(self, condition, timeout_s):
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            accepted = self.write()
            if condition(accepted):
                return
            time.sleep(PAUSE_S)
        raise TimeoutError(f"no write was accepted for {timeout_s} s")


def process_of(port, password):
    client = Client(port, password)
    try:
        return int(info_fields(client.call("INFO", "server"))["process_id"])
    finally:
        client.close()


def nodes_of_shard(watch, shard):
    """The primary's port and the ports of its replicas."""
    primary = watch.owners()[shard]
    replicas = [port for port, role in watch.roles.items() if role[0] == "slave" and role[2] == primary]
    return primary, replicas


def healed(watch):
    """Whole, and no node is still taken for failed by another."""
    if not watch.whole():
        return False
    if isinstance(watch.cluster, SentinelGroup):
        return watch.cluster.ready()
    if not watch.sharded:
        return True
    answers = watch.poller.ask({port: [("CLUSTER", "NODES")] for port in watch.cluster.ports}, watch.cluster.password)
    return all(reply is not None and not isinstance(reply[0], ReplyError) and "fail" not in reply[0] for reply in answers.values())


def kill_once(watch, shard, restart):
    """Kills the shard's primary and gives the gap in seconds; waits until the cluster is whole again."""
    cluster = watch.cluster
    wait_until(lambda: healed(watch), HEAL_TIMEOUT_S, "the cluster whole", every_s=0.1)
    primary, replicas = nodes_of_shard(watch, shard)
    pid = process_of(primary, cluster.password)
    hammer = Hammer([primary, *replicas], watch.keys[shard], cluster.password)
    warm_until_s = time.monotonic() + 0.3 + random.random()  # at no fixed moment of the servers' own clocks
    try:
        hammer.write_until(lambda accepted: accepted and time.monotonic() > warm_until_s, GAP_TIMEOUT_S)
        os.kill(pid, signal.SIGKILL)
        before_s = hammer.last_accepted_s
        hammer.write_until(lambda accepted: accepted, GAP_TIMEOUT_S)
        gap_s = hammer.last_accepted_s - before_s
    finally:
        hammer.poller.close()
    restart(cluster, primary)
    return gap_s


def measure_cluster(what, cluster, runs, sharded, restart):
    """`restart(cluster, port)` is called after each kill. The cluster is closed."""
    gaps = Samples("s")
    watch = Watch(cluster, sharded)
    try:
        for run in range(runs):
            gaps.add(kill_once(watch, run % cluster.shards, restart))
            tell(f"  {what}: {gaps.values[-1]:.3f} s")
    finally:
        watch.close()
        cluster.close()
    return gaps


def measure_by_hand(engine, ports, runs, node_timeout_ms):
    settings = {"repl-diskless-sync-delay": 0, "cluster-node-timeout": node_timeout_ms}

    def make():
        return HandmadeCluster(engine, ports.take(6), 3, settings=settings)

    def restart(cluster, port):
        cluster.servers[port].wait()
        cluster.start(port)

    cluster, _ = create(make)
    return measure_cluster(f"{engine.name}, unsupervised, node timeout {node_timeout_ms} ms", cluster, runs, True, restart)


def measure_sentinels(engine, ports, runs, down_after_ms):
    cluster = SentinelGroup(engine, ports.take(2 + SENTINELS), down_after_ms)
    try:
        cluster.launch()
    except BaseException:
        cluster.close()
        raise

    def restart(cluster, port):
        cluster.servers[port].wait()
        cluster.start(port)

    return measure_cluster(f"{engine.name}, Sentinel, down after {down_after_ms} ms", cluster, runs, False, restart)


def measure_supervised(options, engine, ports, mode):
    shards = 3 if mode == "sharded" else 1

    def make():
        return KeywayCluster(options.program, engine, ports.take(2 * shards), shards, mode=mode)

    def leave_it(cluster, port):
        """Starting it again is the supervisor's work."""

    cluster, _ = create(make, mode == "sharded")
    return measure_cluster(f"{engine.name}, keyway, {mode}", cluster, options.runs, mode == "sharded", leave_it)


def measure_engine(report, options, engine, ports):
    results = {}
    for mode in ("sharded", "replicated"):
        results[mode] = measure_supervised(options, engine, ports, mode)
        report.add_row(engine.name, mode, "keyway", results[mode], "1.00x")
        report.add_target(f"{engine.name}, {mode}: writes accepted again", results[mode], TARGET_S)
    for timeout_ms in (1000, 5000, 15000) if options.slow else (1000, 5000):
        gaps = measure_by_hand(engine, ports, options.native_runs, timeout_ms)
        report.add_row(engine.name, "sharded", f"unsupervised, node timeout {timeout_ms} ms", gaps, ratio(gaps, results["sharded"]))
    for timeout_ms in (1000, 5000, 30000) if options.slow else (1000, 5000):
        gaps = measure_sentinels(engine, ports, options.native_runs, timeout_ms)
        report.add_row(engine.name, "replicated", f"{SENTINELS} Sentinels, down after {timeout_ms} ms", gaps, ratio(gaps, results["replicated"]))
    report.add_row(engine.name, "replicated", "unsupervised", "never", "-")


def measure(options):
    report = Report("Failover after kill -9 of a primary", ["engine", "mode", "who", "no writes for", "ratio"])
    ports = Ports(options.port)
    for engine in found_engines(options, report):
        measure_engine(report, options, engine, ports)
    report.add_note(f"{options.runs} kills of supervised primaries for each mode, {options.native_runs} of others, shards in turn."
                    " Sharded: 3 shards, 1 replica each; replicated: 1 replica.")
    report.add_note("never: without Sentinel or a person nobody promotes a replica; not measured.")
    return report


def main():
    parser = arguments(__doc__, runs=20)
    parser.add_argument("--engines", default="redis-7.0", help="engines, as they are called in $KEYWAY_ENGINES")
    parser.add_argument("--native-runs", type=int, default=10, help="kills without a supervisor (10)")
    parser.add_argument("--slow", action="store_true", help="also at the servers' own node timeout of 15000 ms and Sentinel's 30000 ms")
    return run_main(measure, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
