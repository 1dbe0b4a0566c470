#!/usr/bin/python3
"""How long it takes to see how a cluster of 30 nodes stands: `keyway status` beside `redis-cli --cluster check` and an INFO of each server."""

import os
import subprocess
import sys
import time

from clusters import KeywayCluster, Ports, found_engines
from report import Report, Samples, arguments, ratio, run_main
from watch import create

SHARDS = 15
TARGET_MS = 100


def timed(commands, environment):
    """Runs the commands one after another; how long that took in milliseconds."""
    begin_s = time.monotonic()
    for words in commands:
        subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return (time.monotonic() - begin_s) * 1000


def ways(cluster):
    """What to run: {way: list of commands}."""
    cli = cluster.engine.cli
    first = f"127.0.0.1:{cluster.ports[0]}"
    return {
        "keyway status": [[cluster.program, "status", cluster.name]],
        "keyway status --json": [[cluster.program, "status", cluster.name, "--json"]],
        f"{os.path.basename(cli)} --cluster check": [[cli, "--cluster", "check", first]],
        f"{os.path.basename(cli)} info, one a server": [[cli, "-p", str(port), "info"] for port in cluster.ports],
    }


def measure_engine(report, options, engine, ports):
    cluster, _ = create(lambda: KeywayCluster(options.program, engine, ports.take(2 * SHARDS), SHARDS))
    try:
        commands = ways(cluster)
        environment = {**cluster.environment(), "REDISCLI_AUTH": cluster.password, "VALKEYCLI_AUTH": cluster.password}
        samples = {way: Samples("ms") for way in commands}
        for _ in range(options.runs):
            for way, words in commands.items():
                samples[way].add(timed(words, environment))
    finally:
        cluster.close()
    ours = samples["keyway status"]
    for way, taken in samples.items():
        report.add_row(engine.name, way, taken, ratio(taken, ours))
    for way in ("keyway status", "keyway status --json"):
        report.add_target(f"{engine.name}: {way}", samples[way], TARGET_MS)


def measure(options):
    report = Report(f"Status of {2 * SHARDS} nodes", ["engine", "command", "took", "ratio"])
    ports = Ports(options.port)
    for engine in found_engines(options, report):
        measure_engine(report, options, engine, ports)
    report.add_note(f"{options.runs} runs each, in turn, of the whole command from its start to its end. keyway status asks all servers each time.")
    return report


def main():
    parser = arguments(__doc__, runs=20)
    parser.add_argument("--engines", default="redis-7.0", help="engines, as they are called in $KEYWAY_ENGINES")
    return run_main(measure, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
