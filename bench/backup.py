#!/usr/bin/python3
"""How fast a shard's data gets into a file: `keyway backup create` beside `redis-cli --rdb` (or `valkey-cli`), both from the shard's replica to
the same disk, with a client at work on the primary; and how much memory the former takes. The whole commands are timed.

  backup.py                         200 MB: 200,000 keys with values of 1,000 bytes
  backup.py --keys 1000000         1 GB"""

import contextlib
import os
import shutil
import subprocess
import sys
import time

from beside import Beside
from clusters import SLOTS, Ports, found_engines, wait_until
from primaries import START_TIMEOUT_S, Primaries, close_all, expect, launch_primaries
from report import Report, Samples, arguments, number, ratio, run_main, tell
from resp import info_fields

COMMAND_TIMEOUT_S = 1800
LOOK_S = 0.01
BATCH = 200
LEAST_SPEED = 0.8  # of the cli's
MOST_P99 = 1.3     # times that while nothing is backed up
MOST_MEMORY_MIB = 32
PRIMARY, REPLICA = 0, 1


class Shard(Primaries):
    """A primary that owns all slots, and its replica."""

    def join(self):
        clients = [self.connect(index) for index in (PRIMARY, REPLICA)]
        try:
            self.ids = [client.call("CLUSTER", "MYID") for client in clients]
            expect(clients[PRIMARY].call("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1))
            expect(clients[REPLICA].call("CLUSTER", "MEET", *self.places[PRIMARY]))
            wait_until(lambda: all(self.is_whole(client) for client in clients), START_TIMEOUT_S, "a whole cluster")
            wait_until(lambda: clients[REPLICA].call("CLUSTER", "REPLICATE", self.ids[PRIMARY]) == "OK", START_TIMEOUT_S, "the replica")
        finally:
            close_all(clients)

    def wait_in_sync(self):
        clients = [self.connect(index) for index in (PRIMARY, REPLICA)]
        wait_until(lambda: info_fields(clients[REPLICA].call("INFO", "replication"))["master_link_status"] == "up"
                   and clients[PRIMARY].call("DBSIZE") == clients[REPLICA].call("DBSIZE"), COMMAND_TIMEOUT_S, "the replica in sync")
        close_all(clients)


def fill(client, options):
    """Values of hexadecimal digits by chance, which can be compressed to a half at best."""
    for first in range(0, options.keys, BATCH):
        client.pipeline([("SET", f"key:{number}", os.urandom(options.value_bytes // 2).hex())
                         for number in range(first, min(options.keys, first + BATCH))])


def peak_memory_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:")), 0)


class Way:
    """One way to make a file of the shard's data, and what was measured of it."""

    def __init__(self, name, words, keep):
        self.name, self.words, self.keep = name, words, keep
        self.took, self.p99, self.longest, self.memory = Samples("s"), Samples("ms"), Samples("ms"), Samples("MiB")

    def run(self, shard, keys):
        shutil.rmtree(self.keep, ignore_errors=True)
        os.mkdir(self.keep)
        memory_mib = 0
        with Beside(shard, keys) as client:
            begin_s = time.monotonic()
            with open(os.path.join(shard.folder, "command.log"), "w+", encoding="utf-8") as log, \
                    subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
                while process.poll() is None:
                    with contextlib.suppress(OSError):  # it has just ended
                        memory_mib = max(memory_mib, peak_memory_mib(process.pid))
                    time.sleep(LOOK_S)
                self.took.add(time.monotonic() - begin_s)
                log.seek(0)
                if process.returncode != 0:
                    raise RuntimeError(f"{' '.join(self.words)} ended with {process.returncode}:\n{log.read()[-2000:]}")
        self.memory.add(memory_mib)
        self.p99.add(client.p99_ms)
        self.longest.add(client.max_ms)

    def size_bytes(self):
        return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(self.keep) for name in names)


class Nobody(Way):
    """What the client sees while nothing is backed up, for as long as the last backup took."""

    def __init__(self, other):
        super().__init__("nobody", [], "")
        self.other = other

    def run(self, shard, keys):
        with Beside(shard, keys) as client:
            time.sleep(self.other.took.values[-1])
        self.p99.add(client.p99_ms)
        self.longest.add(client.max_ms)

    def size_bytes(self):
        return 0


def ways_of(shard, engine, options):
    folder = os.path.join(shard.folder, "backups")
    port = shard.places[REPLICA][1]
    os.mkdir(folder)
    ours = Way("keyway backup create", [options.program, "backup", "create", "bench", "--to", os.path.join(folder, "keyway"), "--from",
                                        shard.address(PRIMARY)], os.path.join(folder, "keyway"))
    theirs = Way(f"{engine.kind}-cli --rdb", [engine.cli, "-p", str(port), "--rdb", os.path.join(folder, "cli", "dump.rdb")],
                 os.path.join(folder, "cli"))
    return ours, theirs, Nobody(ours)


def measure_engine(report, options, engine, ports):
    shard = launch_primaries(lambda: Shard(engine, ports.take(2), settings={"repl-diskless-sync-delay": 0}))
    try:
        tell(f"  {engine.name}: {options.keys:,} keys")
        client = shard.connect(PRIMARY)
        fill(client, options)
        client.close()
        shard.wait_in_sync()
        ways = ways_of(shard, engine, options)
        for _ in range(options.runs):
            for way in ways:
                way.run(shard, options.keys)
                tell(f"  {engine.name}, {way.name}: {way.took.text()}, p99 {way.p99.values[-1]:.2f} ms")
        sizes = [way.size_bytes() for way in ways]
    finally:
        shard.close()
    ours, theirs, nobody = ways
    for way, size_bytes in zip(ways, sizes):
        report.add_row(engine.name, way.name, way.took, ratio(way.took, ours.took), f"{size_bytes / 1e6:,.0f} MB" if size_bytes else "-",
                       way.memory if way.memory.values else "-", way.p99, way.longest)
    report.add_target(f"{engine.name}: at least {number(LEAST_SPEED)} of the cli's speed", ours.took, theirs.took.median / LEAST_SPEED)
    report.add_target(f"{engine.name}: p99 of clients at most {number(MOST_P99)} times that while nobody is at work", ours.p99,
                      nobody.p99.median * MOST_P99)
    report.add_target(f"{engine.name}: memory of the program", ours.memory, MOST_MEMORY_MIB)


def measure(options):
    report = Report(f"A backup of {options.keys * options.value_bytes / 1e6:,.0f} MB",
                    ["engine", "by", "took", "ratio", "file", "memory", "p99 of a client", "longest wait"])
    ports = Ports(options.port)
    for engine in found_engines(options, report):
        measure_engine(report, options, engine, ports)
    report.add_note(f"{options.runs} runs each, in turn. {options.keys:,} keys, values of {options.value_bytes:,} hexadecimal digits by "
                    "chance. keyway compresses and checks what it writes, and syncs it to the disk; the cli does none of that.")
    return report


def main():
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--engines", default="redis-7.0,valkey-9.1", help="engines, as they are called in $KEYWAY_ENGINES")
    parser.add_argument("--keys", type=int, default=200_000, help="how many keys (200,000)")
    parser.add_argument("--value-bytes", type=int, default=1000, help="of each value (1,000)")
    return run_main(measure, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
