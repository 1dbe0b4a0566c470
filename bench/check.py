#!/usr/bin/python3
"""How long it takes to see what is wrong with a cluster: `keyway cluster check` beside `redis-cli --cluster check` on 30 nodes, and both searching for
slots with several owners (`--cluster-search-multiple-owners`) on 41 primaries. Also the plan of a rebalance of 1,000 nodes, by `cluster_bench`
beside the program, if it was built."""

import json
import os
import subprocess
import sys
import time

from clusters import KeywayCluster, Ports, found_engines
from primaries import Primaries, launch_primaries
from report import Report, Samples, arguments, ratio, run_main, tell
from watch import create

SHARDS = 15
SEARCH_LIMIT_MS = 1000
PLAN_LIMIT_MS = 100
TIMEOUT_S = 300


def timed(words, environment=None):
    """The whole command, in milliseconds."""
    begin_s = time.monotonic()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    took_ms = (time.monotonic() - begin_s) * 1000
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-1000:]}")
    return took_ms


def measure_ways(ways, runs, environment=None):
    samples = {way: Samples("ms") for way in ways}
    for _ in range(runs):
        for way, words in ways.items():
            samples[way].add(timed(words, environment))
    for way, taken in samples.items():
        tell(f"  {way}: {taken.text()}")
    return samples


def add_rows(report, engine, nodes, samples):
    ours = next(iter(samples.values()))
    for way, taken in samples.items():
        report.add_row(engine.name, nodes, way, taken, ratio(taken, ours))


def measure_check(report, options, engine, ports):
    """Made by Keyway, since that is quick; its supervisor is at work meanwhile, for both."""
    cluster, _ = create(lambda: KeywayCluster(options.program, engine, ports.take(2 * SHARDS), SHARDS))
    try:
        first = f"127.0.0.1:{cluster.ports[0]}"
        environment = {**cluster.environment(), "KEYWAY_PASSWORD": cluster.password, "REDISCLI_AUTH": cluster.password,
                       "VALKEYCLI_AUTH": cluster.password}
        cli = os.path.basename(engine.cli)
        ours, theirs = "keyway cluster check", f"{cli} --cluster check"
        samples = measure_ways({ours: [options.program, "cluster", "check", first], theirs: [engine.cli, "--cluster", "check", first]},
                               options.runs, environment)
    finally:
        cluster.close()
    add_rows(report, engine, f"{2 * SHARDS}, half of them replicas", samples)
    report.add_target(f"{engine.name}: check of {2 * SHARDS} nodes, no slower than {cli}", samples[ours], samples[theirs].median)


def measure_search(report, options, engine, ports):
    cluster = launch_primaries(lambda: Primaries(engine, ports.take(options.owners)))
    try:
        words = ["--cluster", "check", cluster.address(0), "--cluster-search-multiple-owners"]
        cli = os.path.basename(engine.cli)
        ours = "keyway, search for several owners"
        samples = measure_ways({ours: [options.program, *words], f"{cli}, the same": [engine.cli, *words]}, options.search_runs)
    finally:
        cluster.close()
    add_rows(report, engine, f"{options.owners} primaries", samples)
    report.add_target(f"{engine.name}: search for several owners", samples[ours], SEARCH_LIMIT_MS)


def measure_plans(report, options):
    program = os.path.join(os.path.dirname(options.program), "cluster_bench")
    if not os.path.exists(program):
        report.add_note(f"{program} is not there: plans were not measured (ninja cluster_bench).")
        return
    words = [program, "--benchmark_filter=^rebalance", "--benchmark_format=json", f"--benchmark_repetitions={options.plan_runs}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    plans = {}
    for each in json.loads(done.stdout)["benchmarks"]:
        if each["run_type"] == "iteration":
            plans.setdefault(each["name"], Samples("ms")).add(each["real_time"])
    for name, taken in plans.items():
        report.add_row("", name.split("/", 1)[1].replace("/", " + ") if "/" in name else "", f"plan: {name.split('/')[0]}", taken, "")
    worst = max(plans.values(), key=lambda taken: taken.median, default=Samples("ms"))
    report.add_target("the slowest plan of a rebalance", worst, PLAN_LIMIT_MS)


def measure(options):
    report = Report("Seeing what is wrong, and planning", ["engine", "nodes", "what", "took", "ratio"])
    ports = Ports(options.port)
    for engine in found_engines(options, report):
        measure_check(report, options, engine, ports)
        measure_search(report, options, engine, ports)
    measure_plans(report, options)
    report.add_note(f"{options.runs} runs each of check, {options.search_runs} of the search, in turn, of the whole command. Every one of them found"
                    " nothing wrong.")
    report.add_note("Plans: one call, in the program, of src/cluster/rebalance_bench.cc, where the numbers are explained; no servers.")
    return report


def main():
    parser = arguments(__doc__, runs=20)
    parser.add_argument("--engines", default="redis-7.0", help="engines, as they are called in $KEYWAY_ENGINES")
    parser.add_argument("--owners", type=int, default=41, help="among how many primaries several owners are searched for (41)")
    parser.add_argument("--search-runs", type=int, default=3, help="how often several owners are searched for (3)")
    parser.add_argument("--plan-runs", type=int, default=5, help="how often each plan is timed (5)")
    return run_main(measure, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
