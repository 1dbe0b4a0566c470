#!/usr/bin/python3
"""How long it takes until a new cluster can be used: `keyway up --detach` beside starting the same servers by hand and
`redis-cli --cluster create`, in turn, watched from outside in the same way. Both count from starting the processes."""

import sys

from clusters import SAME_SETTINGS, HandmadeCluster, KeywayCluster, Ports, found_engines
from report import Report, Samples, arguments, ratio, run_main, tell
from watch import create

FLOOR_S = 2.0
TARGETS = {3: (FLOOR_S + 0.6, FLOOR_S + 1.0), 15: (FLOOR_S + 1.5, FLOOR_S + 3.0)}  # shards: writable, in sync
WAYS = ("keyway", "by hand", "by hand, same settings")


def make(way, options, engine, ports, shards):
    if way == "keyway":
        return KeywayCluster(options.program, engine, ports.take(2 * shards), shards)
    return HandmadeCluster(engine, ports.take(2 * shards), shards, settings=SAME_SETTINGS if "same" in way else {})


def measure_once(way, options, engine, ports, shards, samples):
    cluster, times = create(lambda: make(way, options, engine, ports, shards))
    cluster.close()
    for name, value in times.items():
        samples[way][name].add(value)
    tell(f"  {engine.name}, {2 * shards} nodes, {way}: " + ", ".join(f"{name[:-2]} {value:.2f} s" for name, value in times.items()))


def add_rows(report, engine, shards, samples):
    ours = samples["keyway"]
    for way in WAYS:
        theirs = samples[way]
        ratios = [ratio(theirs[name], ours[name]) for name in ("writable_s", "in_sync_s")]
        report.add_row(engine.name, str(2 * shards), way, theirs["writable_s"], ratios[0], theirs["in_sync_s"], ratios[1],
                       theirs["returned_s"])
    writable_s, in_sync_s = TARGETS[shards]
    report.add_target(f"{engine.name}, {2 * shards} nodes: writable", ours["writable_s"], writable_s)
    report.add_target(f"{engine.name}, {2 * shards} nodes: replicas in sync", ours["in_sync_s"], in_sync_s)


def measure(options):
    report = Report("Creating a cluster", ["engine", "nodes", "made", "writable", "ratio", "in sync", "its ratio", "command returned"])
    ports = Ports(options.port)
    for engine in found_engines(options, report):
        for shards in options.shards:
            samples = {way: {key: Samples("s") for key in ("writable_s", "in_sync_s", "returned_s")} for way in WAYS}
            for _ in range(options.runs):
                for way in WAYS:
                    measure_once(way, options, engine, ports, shards, samples)
            add_rows(report, engine, shards, samples)
    report.add_note(f"Floor: a server refuses writes for its first {FLOOR_S} s as a cluster primary.")
    report.add_note("writable: every server says cluster_state:ok and the primary of each shard takes a write; in sync: and"
                    " master_link_status:up on all replicas. Polled every 20 ms.")
    report.add_note("same settings: " + ", ".join(f"{key} {value}" for key, value in SAME_SETTINGS.items())
                    + ", which Keyway sets; by hand: the servers' own defaults.")
    return report


def main():
    parser = arguments(__doc__, runs=5)
    parser.add_argument("--engines", default="redis-7.0,valkey-9.1", help="engines, as they are called in $KEYWAY_ENGINES")
    parser.add_argument("--shards", type=lambda text: [int(part) for part in text.split(",")], default=[3, 15],
                        help="3, 15 or 3,15: shards of one primary and one replica each (3,15)")
    return run_main(measure, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
