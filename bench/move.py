#!/usr/bin/python3
"""How fast slots move between primaries, and what their clients feel of it: `keyway cluster reshard` beside `redis-cli --cluster reshard` (or
`valkey-cli`) with its defaults, with longer pipelines, and by the servers' atomic migration where there is one. All ways take turns on the same
servers with the same data; the slots go round the primaries, so that each way finds as many everywhere. The whole commands are timed.

  move.py                      61 keys a slot
  move.py --large              also 488 keys a slot (8 million keys, some 1.5 GB of memory)
  move.py --fresh              no key moves twice
  move.py --delay-ms 1         1 ms between any two hosts, each way (network namespaces; root; Linux)"""

import contextlib
import subprocess
import sys
import time

from beside import Beside
from clusters import SLOTS, Ports, found_engines, wait_until
from delay import DelayedNetwork
from primaries import Primaries, launch_primaries
from report import Report, Samples, arguments, ratio, run_main, tell

COUNT = 3  # primaries
SMALL, LARGE = 1_000_000, 8_000_000
PIPELINES = {SMALL: [100], LARGE: [100, 1000]}
SETTLE_TIMEOUT_S = 60
COMMAND_TIMEOUT_S = 1800
QUIET_S = 3


class Way:
    """A command that moves slots, and what was seen of it."""

    def __init__(self, name, words):
        self.name = name
        self.words = words  # (cluster, sources, target, slots) -> the command
        self.took = Samples("s")
        self.rate = Samples("keys/s")
        self.p99 = Samples("ms")
        self.max = Samples("ms")


def keyway_way(options, name, *flags):
    def words(cluster, sources, target, slots):
        return [options.program, "cluster", "reshard", cluster.address(0), "--from", ",".join(cluster.ids[i] for i in sources),
                "--to", cluster.ids[target], "--slots", str(slots), "--yes", *flags]

    return Way(name, words)


def cli_way(engine, name, *flags):
    def words(cluster, sources, target, slots):
        return [engine.cli, "--cluster", "reshard", cluster.address(0), "--cluster-from", ",".join(cluster.ids[i] for i in sources),
                "--cluster-to", cluster.ids[target], "--cluster-slots", str(slots), "--cluster-yes", *flags]

    return Way(name, words)


class Case:
    """One engine with so many keys, moved from so many primaries at once."""

    def __init__(self, options, engine, keys, pairs):
        cli = f"{engine.kind}-cli"
        self.engine = engine
        self.keys = keys
        self.pairs = pairs
        self.default = cli_way(engine, cli)
        self.piped = [cli_way(engine, f"{cli}, pipeline {count}", "--cluster-pipeline", str(count)) for count in PIPELINES[keys]]
        self.atomic = []
        self.ours = keyway_way(options, "keyway")
        others = [self.default, *self.piped]
        if has_atomic(engine):
            self.atomic = [cli_way(engine, f"{cli}, atomic", "--cluster-use-atomic-slot-migration")]
            others += [*self.atomic, keyway_way(options, "keyway --classic", "--classic")]
        self.ways = [way for way in [self.ours, *others] if any(part in way.name for part in options.ways)]

    @property
    def name(self):
        return f"{self.engine.name}, {keys_a_slot(self.keys)} keys a slot, {self.pairs} pair{'s' if self.pairs > 1 else ''}"


def has_atomic(engine):
    return engine.kind == "valkey" and int(engine.version.split(".")[0]) >= 9


def keys_a_slot(keys):
    return round(keys / SLOTS)


def parties(case, options, turn):
    if options.fresh:
        return ([0, 2] if case.pairs == 2 else [0, 2][turn % 2:][:1]), 1
    target = turn % COUNT
    return [(target - 1 - i) % COUNT for i in range(case.pairs)], target


def move_once(cluster, case, way, options, turn):
    """One move; `turn` counts on, so that the target goes round."""
    sources, target = parties(case, options, turn)
    wait_until(cluster.settled, SETTLE_TIMEOUT_S, "a settled cluster")
    before = cluster.key_counts()[target]
    words = way.words(cluster, sources, target, options.slots)
    with Beside(cluster, case.keys) as client:
        begin_s = time.monotonic()
        done = subprocess.run(words, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
        took_s = time.monotonic() - begin_s
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    wait_until(cluster.settled, SETTLE_TIMEOUT_S, "a settled cluster")
    counts = cluster.key_counts()
    if sum(counts) != case.keys:
        raise RuntimeError(f"{way.name}: {sum(counts)} keys after the move, {case.keys} before")
    moved = counts[target] - before
    way.took.add(took_s)
    way.rate.add(moved / took_s)
    way.p99.add(client.p99_ms)
    way.max.add(client.max_ms)
    tell(f"  {case.name}, {way.name}: {took_s:.2f} s, {moved / took_s:,.0f} keys/s; client p99 {client.p99_ms:.2f} ms, max {client.max_ms:.1f} ms"
         f" of {client.requests}")


def warm_up(cluster, case, options):
    """A server that grows for the first time gets its memory from the system piece by piece; whoever comes first would pay for that."""
    tell("  the first moves do not count")
    for turn in range(COUNT):
        move_once(cluster, case, keyway_way(options, "warm-up"), options, turn)


def measure_case(report, cluster, case, options):
    quiet = Way("nobody", None)
    turn = 0
    for run in range(options.runs):
        with Beside(cluster, case.keys) as client:
            time.sleep(QUIET_S)
        quiet.p99.add(client.p99_ms)
        quiet.max.add(client.max_ms)
        for way in case.ways if run % 2 == 0 else reversed(case.ways):
            if way is case.default and way.took.values and options.default_once:
                continue
            turn += 1
            move_once(cluster, case, way, options, turn)
        turn += len(case.ways) % COUNT == 0 and not options.fresh  # lest a way has the same target each time
    for way in [*case.ways, quiet]:
        report.add_row(case.engine.name, str(keys_a_slot(case.keys)), str(case.pairs), way.name, way.took, way.rate,
                       ratio(way.took, case.ours.took), way.p99, way.max)


def set_targets(report, case, options):
    """What is promised of this case, as far as the other ways were measured."""

    def faster(times, others, than_what):
        measured = [way.took.median for way in others if way.took.values]
        if measured:
            report.add_target(f"{case.name}: {times} times as fast as {than_what}", case.ours.took, min(measured) / times)

    if options.delay_ms:
        faster(10, [case.default], "the cli's default")
        return
    if case.atomic:
        if case.pairs == 2:
            faster(1.3, case.atomic, "the cli's atomic way")
        report.add_target(f"{case.name}: longest wait of a client", case.ours.max, 40)
        return
    if case.keys == SMALL:
        faster(2.5, [case.default], "the cli's default")
    else:
        faster(1.3, case.piped, "the cli's best")
    report.add_target(f"{case.name}: longest wait of a client", case.ours.max, 10)


def measure_engine(report, options, engine, ports, keys):
    if not options.fresh:
        measure_cases(report, options, engine, ports, [Case(options, engine, keys, pairs) for pairs in options.pairs])
        return
    for pairs in options.pairs:
        case = Case(options, engine, keys, pairs)
        if options.runs * len(case.ways) * options.slots / 2 >= SLOTS // COUNT:
            raise SystemExit("not so many keys can each be moved once: fewer --runs, --slots or --ways")
        measure_cases(report, options, engine, ports, [case])


def measure_cases(report, options, engine, ports, cases):
    keys = cases[0].keys
    with contextlib.ExitStack() as stack:
        hosts = prefixes = None
        if options.delay_ms:
            network = stack.enter_context(DelayedNetwork(COUNT, options.delay_ms))
            hosts = [network.host(index) for index in range(COUNT)]
            prefixes = [network.prefix(index) for index in range(COUNT)]
        cluster = launch_primaries(lambda: Primaries(engine, ports.take(COUNT), hosts, prefixes))
        stack.callback(cluster.close)
        tell(f"  {engine.name}: {keys:,} keys")
        cluster.fill(keys)
        if not options.fresh:
            warm_up(cluster, cases[0], options)
        for case in cases:
            measure_case(report, cluster, case, options)
            set_targets(report, case, options)


def measure(options):
    where = f", {options.delay_ms:g} ms between hosts" if options.delay_ms else ""
    report = Report(f"Moving {options.slots:,} slots between {COUNT} primaries{where}",
                    ["engine", "keys a slot", "pairs", "by", "took", "keys moved", "ratio", "client p99", "client max"])
    ports = Ports(options.port)
    for engine in found_engines(options, report):
        for keys in options.sizes:
            measure_engine(report, options, engine, ports, keys)
    report.add_note(f"{options.runs} runs each, in turn, of the whole command. Keys of some 10 bytes with values of 32. 2 pairs: from two primaries to"
                    " the third. No key was lost.")
    report.add_note("Each key was moved once at most." if options.fresh else
                    "Slots went round, and some were moved again: their keys lie together in memory, so they move faster than others.")
    report.add_note("Client: one connection to each primary, a request each millisecond, every fourth a write; from asking to the value, redirections"
                    " included. It found every key. \"nobody\": while nothing moves.")
    return report


def main():
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--engines", default="redis-7.0,valkey-9.1", help="engines, as they are called in $KEYWAY_ENGINES")
    parser.add_argument("--slots", type=int, default=1000, help="how many slots each command moves (1000)")
    parser.add_argument("--pairs", type=lambda text: [int(part) for part in text.split(",")], default=[1, 2],
                        help="1, 2 or 1,2: from how many primaries at once (1,2)")
    parser.add_argument("--ways", type=lambda text: text.split(","), default=[""],
                        help="only ways whose names contain one of these, such as keyway,atomic (all)")
    parser.add_argument("--fresh", action="store_true",
                        help="each key moves once at most, into the second primary, from servers filled anew for each number of pairs")
    parser.add_argument("--large", action="store_true", help=f"also with {LARGE:,} keys")
    parser.add_argument("--only-large", action="store_true", help="only those")
    parser.add_argument("--delay-ms", type=float, default=0, help="delay between any two hosts (0)")
    parser.add_argument("--default-once", action="store_true", help="the cli's default, which is slow with a delay, only once")
    options = parser.parse_args()
    options.sizes = [LARGE] if options.only_large else [SMALL, LARGE] if options.large else [SMALL]
    return run_main(measure, options)


if __name__ == "__main__":
    sys.exit(main())
