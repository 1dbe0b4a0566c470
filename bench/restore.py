#!/usr/bin/python3
"""How fast keys get into a cluster of five primaries: `keyway restore` from the files of three, beside `redis-cli --cluster import` (or `valkey-cli`)
from one server that holds the same keys. Both take turns on the same target, emptied in between; the whole commands are timed.

  restore.py                        200 MB: 200,000 keys with values of 1,000 bytes
  restore.py --keys 1000000         1 GB"""

import os
import shutil
import subprocess
import sys
import time

from clusters import Ports, found_engines, wait_until
from primaries import Primaries, close_all, expect, launch_primaries
from report import Report, Samples, arguments, ratio, run_main, tell
from resp import Client, slot_of

SOURCES, TARGETS = 3, 5
BATCH = 200
START_TIMEOUT_S = 30
COMMAND_TIMEOUT_S = 1800


def fill(clients, owner, options):
    """Values of random bytes, so that nothing is gained by compressing them."""
    value = os.urandom(options.value_bytes // 2).hex()
    waiting = [[] for _ in clients]
    for number in range(options.keys):
        key = f"key:{number}"
        index = owner(key)
        waiting[index].append(("SET", key, value[number % 100:] + value[:number % 100]))
        if len(waiting[index]) == BATCH:
            clients[index].pipeline(waiting[index])
            waiting[index].clear()
    for client, batch in zip(clients, waiting):
        client.pipeline(batch)


def saved_files(engine, ports, options, folder):
    """Three primaries' data files, as a backup has them."""
    cluster = launch_primaries(lambda: Primaries(engine, ports.take(SOURCES)))
    try:
        clients = [cluster.connect(index) for index in range(SOURCES)]
        owners = cluster.owners()
        fill(clients, lambda key: owners[slot_of(key)], options)
        for index, client in enumerate(clients):
            expect(client.call("SAVE"))
            place = os.path.join(cluster.folder, f"127.0.0.1-{cluster.places[index][1]}", "dump.rdb")
            shutil.move(place, os.path.join(folder, f"{index}.rdb"))
        close_all(clients)
    finally:
        cluster.close()


class Alone:
    """A server without a cluster, with the same keys."""

    def __init__(self, engine, port, options):
        self.port = port
        words = ["--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        self.process = subprocess.Popen([engine.server, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers, START_TIMEOUT_S, "the source's answer")
        client = Client(port, timeout_s=60)
        fill([client], lambda key: 0, options)
        client.close()

    def answers(self):
        try:
            Client(self.port).close()
            return True
        except OSError:
            return False

    def close(self):
        self.process.kill()
        self.process.wait()


def run_once(target, words, keys):
    clients = [target.connect(index) for index in range(TARGETS)]
    for client in clients:
        expect(client.call("FLUSHALL"))
    close_all(clients)
    begin_s = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
    took_s = time.monotonic() - begin_s
    if done.returncode != 0 or sum(target.key_counts()) != keys:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode} and {sum(target.key_counts())} keys of {keys}:\n"
                           f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return took_s


def measure_engine(report, options, engine, ports):
    target = launch_primaries(lambda: Primaries(engine, ports.take(TARGETS)))
    folder = os.path.join(target.folder, "files")
    alone = None
    try:
        os.mkdir(folder)
        tell(f"  {engine.name}: {options.keys:,} keys")
        saved_files(engine, ports, options, folder)
        alone = Alone(engine, ports.take(1)[0], options)
        ways = {"keyway restore": [options.program, "restore", "--to", target.address(0), "--from", folder],
                f"{engine.kind}-cli --cluster import": [engine.cli, "--cluster", "import", target.address(0), "--cluster-from",
                                                        f"127.0.0.1:{alone.port}", "--cluster-copy"]}
        took = {name: Samples("s") for name in ways}
        for run in range(options.runs):
            for name in list(ways) if run % 2 == 0 else reversed(list(ways)):
                took[name].add(run_once(target, ways[name], options.keys))
                tell(f"  {engine.name}, {name}: {took[name].values[-1]:.2f} s")
    finally:
        if alone:
            alone.close()
        target.close()
    ours, theirs = took.values()
    for name, samples in took.items():
        rate = Samples("keys/s")
        for value in samples.values:
            rate.add(options.keys / value)
        report.add_row(engine.name, name, samples, rate, ratio(samples, ours))
    report.add_target(f"{engine.name}: 5 times as fast as the cli's import", ours, theirs.median / 5)


def measure(options):
    total = options.keys * options.value_bytes / 1e6
    report = Report(f"Restoring {total:,.0f} MB into {TARGETS} primaries", ["engine", "by", "took", "keys", "ratio"])
    ports = Ports(options.port)
    for engine in found_engines(options, report):
        measure_engine(report, options, engine, ports)
    report.add_note(f"{options.runs} runs each, in turn, of the whole command, into the same emptied servers. {options.keys:,} keys, values of "
                    f"{options.value_bytes:,} bytes. keyway reads the files of {SOURCES} primaries, twice; the cli copies from one running server.")
    return report


def main():
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--engines", default="redis-7.0,valkey-9.1", help="engines, as they are called in $KEYWAY_ENGINES")
    parser.add_argument("--keys", type=int, default=200_000, help="how many keys (200,000)")
    parser.add_argument("--value-bytes", type=int, default=1000, help="of each value (1,000)")
    options = parser.parse_args()
    return run_main(measure, options)


if __name__ == "__main__":
    sys.exit(main())
