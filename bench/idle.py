#!/usr/bin/python3
"""What the supervisor of an idle cluster of 6 nodes costs: its processor time and memory, and the processor time that its looks cost the
servers, told by watching the servers with and without it."""

import os
import signal
import sys
import time

from clusters import KeywayCluster, Ports, find_engine, wait_until
from report import Report, Samples, arguments, run_main, tell
from watch import create

SHARDS = 3
TARGET_CPU_PERCENT = 1.0
TARGET_MB = 15.0
SETTLE_S = 5
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """Processor time of a process so far, in user and kernel mode: to the nanosecond where the kernel tells, else to the 10 ms of stat."""
    try:
        total_ns = 0
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="utf-8") as file:
                total_ns += int(file.read().split()[0])
        return total_ns / 1e9
    except FileNotFoundError:
        return cpu_s_in_ticks(pid)


def cpu_s_in_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_mb(pid, name):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 / 1e6 for line in file if line.startswith(name + ":"))


def cpu_percent(groups, seconds):
    """{name: pids} to {name: percent of one core} over so many seconds."""
    before = {name: sum(cpu_s(pid) for pid in pids) for name, pids in groups.items()}
    begin_s = time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - begin_s
    return {name: 100 * (sum(cpu_s(pid) for pid in pids) - before[name]) / took_s for name, pids in groups.items()}


def has_ended(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def measure_once(cluster, seconds, samples):
    """With the supervisor, then without: it is killed, which the servers survive, and comes back by `keyway up`."""
    status = cluster.status()
    supervisor = status["supervisor_pid"]
    servers = [node["pid"] for shard in status["shards"] for node in [shard["primary"], *shard["replicas"]]]
    time.sleep(SETTLE_S)
    used = cpu_percent({"supervisor": [supervisor], "servers": servers}, seconds)
    samples["cpu"].add(used["supervisor"])
    samples["memory"].add(memory_mb(supervisor, "VmRSS"))
    samples["peak"].add(memory_mb(supervisor, "VmHWM"))
    samples["servers with"].add(used["servers"])
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: has_ended(supervisor), 10, "the end of the supervisor")
    samples["servers without"].add(cpu_percent({"servers": servers}, seconds)["servers"])
    cluster.run("up", cluster.name, "--detach")
    after = [node["pid"] for shard in cluster.status()["shards"] for node in [shard["primary"], *shard["replicas"]]]
    if sorted(after) != sorted(servers):
        raise RuntimeError("the next supervisor did not adopt the servers as they were")


def measure(options):
    engine = find_engine(options.engine)
    if engine is None:
        raise SystemExit(f"{options.engine} is not there; name another with --engine")
    report = Report(f"An idle supervisor of {2 * SHARDS} nodes, {engine.name}", ["what", "of one core, or memory"])
    ports = Ports(options.port)
    cluster, _ = create(lambda: KeywayCluster(options.program, engine, ports.take(2 * SHARDS), SHARDS))
    samples = {"cpu": Samples("%"), "memory": Samples("MB"), "peak": Samples("MB"), "servers with": Samples("%"),
               "servers without": Samples("%")}
    try:
        for run in range(options.runs):
            measure_once(cluster, options.seconds, samples)
            tell(f"  run {run + 1}: " + ", ".join(f"{name} {taken.values[-1]:.2f} {taken.unit}" for name, taken in samples.items()))
    finally:
        cluster.close()
    report.add_row("supervisor, processor", samples["cpu"])
    report.add_row("supervisor, resident memory", samples["memory"])
    report.add_row("supervisor, most resident memory so far", samples["peak"])
    report.add_row("all servers, processor, with the supervisor", samples["servers with"])
    report.add_row("all servers, processor, without", samples["servers without"])
    report.add_target("processor", samples["cpu"], TARGET_CPU_PERCENT)
    report.add_target("resident memory", samples["memory"], TARGET_MB)
    report.add_note(f"{options.runs} runs of {options.seconds} s with and {options.seconds} s without it, from /proc/PID/task/*/schedstat and /proc/PID/status; no client connected.")
    return report


def main():
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--engine", default="redis-7.0", help="engine, as it is called in $KEYWAY_ENGINES")
    parser.add_argument("--seconds", type=int, default=30, help="how long each is watched (30)")
    return run_main(measure, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
