#!/usr/bin/python3
"""What `keyway proxy` adds: GET of 64-byte values by 50 clients, with and without a pipeline of 16, and by one client, through Keyway with
one worker and with two, through twemproxy (if `nutcracker` is installed, in front of three servers on their own) and straight to a server,
in turn: requests a second, the proxy's processor time a request, and its system calls a request if strace is there."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from clusters import Ports, find_engine, is_free, wait_until
from report import Report, Samples, arguments, ratio, run_main, tell

SERVERS = 3
VALUE_BYTES = 64
KEYS = 100_000
ONE_CLIENT = "one client"
LOADS = {"no pipeline": (50, 1), "pipeline 16": (50, 16), ONE_CLIENT: (1, 1)}  # clients, and requests that each sends at once
TWO_WORKERS = "keyway, 2 workers"
TARGET_US = {"no pipeline": 0.8, "pipeline 16": 0.5}  # of twemproxy's
TARGET_CALLS = {"no pipeline": 2.3, "pipeline 16": 0.2}
TARGET_OVER_DIRECT_MS = 0.02  # of one client
SLOW_CORE = "pipeline 16, each worker a tenth of a core"
SLOW_CORE_LOAD = (50, 16)
SLOW_CORE_SHARE = 0.1
CGROUPS = "/sys/fs/cgroup/cpu"  # of the first version, where each thread can have a group of its own
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
START_TIMEOUT_S = 20


class SlowCores:
    """While it lasts, each thread of a process has but a share of a core: what a worker more brings shows on a machine with few cores, too."""

    def __init__(self, pid):
        self.groups = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            group = os.path.join(CGROUPS, f"keyway-bench-{thread}")
            os.mkdir(group)
            self.groups.append(group)
            self.write(group, "cpu.cfs_period_us", 10_000)
            self.write(group, "cpu.cfs_quota_us", int(SLOW_CORE_SHARE * 10_000))
            self.write(group, "tasks", thread)

    @staticmethod
    def can_be():
        return os.access(os.path.join(CGROUPS, "cpu.cfs_quota_us"), os.R_OK) and os.access(CGROUPS, os.W_OK)

    @staticmethod
    def write(group, name, value):
        with open(os.path.join(group, name), "w", encoding="utf-8") as file:
            file.write(str(value))

    def close(self):
        for group in self.groups:
            self.write(CGROUPS, "tasks", group.rsplit("-", 1)[1])
            os.rmdir(group)


class Processes:
    """Everything that is started here, in one folder; ended by pid."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="keyway-bench-")
        self.running = []

    def start(self, name, words):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder)
        with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
            process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def close(self):
        for process in self.running:
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def start_server(processes, engine, port, clustered):
    words = [engine.server, "--port", str(port), "--save", "", "--bind", "127.0.0.1", "--cluster-enabled", "yes" if clustered else "no"]
    processes.start(f"server-{port}", words)


def cli(engine, port, *words):
    done = subprocess.run([engine.cli, "-p", str(port), *words], capture_output=True, text=True, check=False)
    return done.stdout


def start_targets(processes, engine, program, ports):
    """{name: (port, process or None)} of those that can be measured here."""
    alone, clustered = ports[:SERVERS], ports[SERVERS:2 * SERVERS]
    for port in alone + clustered:
        start_server(processes, engine, port, port in clustered)
    for port in alone + clustered:
        wait_until(lambda port=port: "PONG" in cli(engine, port, "PING"), START_TIMEOUT_S, f"the server at {port}")
    cli(engine, clustered[0], "--cluster", "create", *(f"127.0.0.1:{port}" for port in clustered), "--cluster-yes")
    for port in clustered:
        wait_until(lambda port=port: "cluster_state:ok" in cli(engine, port, "CLUSTER", "INFO"), START_TIMEOUT_S, "the cluster")
    targets = {"direct": (alone[0], None)}
    listen = ports[2 * SERVERS]
    seeds = [f"127.0.0.1:{port}" for port in clustered]
    for name, port, workers in (("keyway", listen, 1), (TWO_WORKERS, listen + 3, 2)):
        targets[name] = (port, processes.start(
            name, [program, "proxy", "--listen", f"127.0.0.1:{port}", "--workers", str(workers), *seeds]))
    nutcracker = shutil.which("nutcracker") or shutil.which("nutcracker", path="/usr/sbin")
    if nutcracker:
        targets["twemproxy"] = (listen + 1, start_twemproxy(processes, nutcracker, listen + 1, listen + 2, alone))
    for name, (port, _) in targets.items():
        wait_until(lambda port=port: not is_free(port), START_TIMEOUT_S, name)
    return targets


def start_twemproxy(processes, program, port, stats_port, servers):
    path = os.path.join(processes.folder, "twemproxy.yml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"bench:\n  listen: 127.0.0.1:{port}\n  hash: fnv1a_64\n  distribution: ketama\n  redis: true\n  servers:\n")
        file.writelines(f"   - 127.0.0.1:{server}:1\n" for server in servers)
    return processes.start("twemproxy", [program, "-c", path, "-s", str(stats_port), "-o", os.path.join(processes.folder, "twemproxy.log")])


def cpu_us(process):
    """User and system time so far."""
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return [int(field) * 1e6 / TICKS_PER_S for field in fields[11:13]]


def load(engine, port, requests, shape, test="get"):
    """Runs redis-benchmark; gives requests a second, p50 and p99 in ms."""
    program = engine.cli.replace("-cli", "-benchmark")
    clients, depth = shape
    words = [program, "-p", str(port), "-c", str(clients), "-n", str(requests), "-P", str(depth), "-d", str(VALUE_BYTES), "-r", str(KEYS),
             "-t", test, "--csv"]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    fields = [field.strip('"') for field in text.strip().splitlines()[-1].split(",")]
    return float(fields[1]), float(fields[4]), float(fields[6])


def system_calls(engine, port, process, requests, shape):
    """A request's, under strace, which slows everything down alike; None without strace."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as summary:
        tracer = subprocess.Popen([strace, "-f", "-c", "-o", summary.name, "-p", str(process.pid)], stderr=subprocess.DEVNULL)
        wait_until(lambda: "TracerPid:\t0" not in open(f"/proc/{process.pid}/status", encoding="utf-8").read(), START_TIMEOUT_S, "strace")
        load(engine, port, requests, shape)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        total = re.search(r"^\s*100\.00\s+\S+\s+\S*\s*?(\d+)(\s+\d+)?\s+total$", summary.read(), re.MULTILINE)
    return int(total.group(1)) / requests if total else None


def requests_of(options, shape):
    clients, depth = shape
    if clients == 1:
        return options.requests // 5
    return options.requests * (1 if depth == 1 else 5)


def measure_run(options, engine, targets, samples):
    for load_name, shape in LOADS.items():
        requests = requests_of(options, shape)
        for name, (port, process) in targets.items():
            before = cpu_us(process) if process else [0, 0]
            rate, p50_ms, p99_ms = load(engine, port, requests, shape)
            after = cpu_us(process) if process else [0, 0]
            cell = samples[(name, load_name)]
            cell["rate"].add(rate)
            cell["p50"].add(p50_ms)
            cell["p99"].add(p99_ms)
            if process:
                cell["user"].add((after[0] - before[0]) / requests)
                cell["cpu"].add((sum(after) - sum(before)) / requests)
            tell(f"  {name}, {load_name}: {rate:,.0f} a second")


def measure_slow_cores(options, engine, targets, samples):
    """One worker beside two, when the workers are what binds."""
    requests = requests_of(options, SLOW_CORE_LOAD)
    for name in ("keyway", TWO_WORKERS):
        port, process = targets[name]
        cores = SlowCores(process.pid)
        try:
            rate, p50_ms, p99_ms = load(engine, port, requests, SLOW_CORE_LOAD)
        finally:
            cores.close()
        for what, value in (("rate", rate), ("p50", p50_ms), ("p99", p99_ms)):
            samples[(name, SLOW_CORE)][what].add(value)
        tell(f"  {name}, {SLOW_CORE}: {rate:,.0f} a second")


def measure(options):
    engine = find_engine(options.engine)
    if engine is None:
        raise SystemExit(f"{options.engine} is not there; name another with --engine")
    report = Report(f"GET through a proxy, 50 clients or one, {VALUE_BYTES} bytes, {engine.name}",
                    ["how", "through", "requests/s", "p50", "p99", "processor a request", "of it user", "system calls a request"])
    processes = Processes()
    try:
        targets = start_targets(processes, engine, options.program, Ports(options.port).take(2 * SERVERS + 4))
        for port in {port for port, _ in targets.values()}:
            load(engine, port, KEYS * 2, (50, 16), test="set")
        units = {"rate": "1/s", "p50": "ms", "p99": "ms", "cpu": "us", "user": "us", "calls": ""}
        samples = {(name, shape): {what: Samples(unit) for what, unit in units.items()} for name in targets for shape in LOADS}
        if SlowCores.can_be():
            samples.update({(name, SLOW_CORE): {what: Samples(unit) for what, unit in units.items()} for name in ("keyway", TWO_WORKERS)})
        for run in range(options.runs):
            tell(f"run {run + 1}")
            measure_run(options, engine, targets, samples)
            if SlowCores.can_be():
                measure_slow_cores(options, engine, targets, samples)
        for (name, shape), cell in samples.items():
            port, process = targets[name]
            calls = system_calls(engine, port, process, options.requests // 4, LOADS[shape]) if process and shape in LOADS else None
            if calls is not None:
                cell["calls"].add(calls)
    finally:
        processes.close()
    add_results(report, samples)
    return report


def add_results(report, samples):
    for (name, shape), cell in sorted(samples.items(), key=lambda item: item[0][1]):
        report.add_row(shape, name, *(cell[what] for what in ("rate", "p50", "p99", "cpu", "user", "calls")))
    for shape, target in TARGET_US.items():
        ours, other = samples[("keyway", shape)], samples.get(("twemproxy", shape))
        report.add_target(f"system calls, {shape}", ours["calls"], TARGET_CALLS[shape])
        if other:
            report.add_target(f"processor, {shape}", ours["cpu"], target * other["cpu"].median)
            report.add_note(f"{shape}: twemproxy takes {ratio(other['cpu'], ours['cpu'])} the processor time of Keyway.")
    for shape in (shape for name, shape in samples if name == TWO_WORKERS):
        more = samples[(TWO_WORKERS, shape)]["rate"].median / samples[("keyway", shape)]["rate"].median
        report.add_note(f"{shape}: two workers answer {more:.2f} times as many requests a second as one.")
    direct = samples[("direct", ONE_CLIENT)]["p50"].median
    report.add_target("p50 of one client", samples[("keyway", ONE_CLIENT)]["p50"], direct + TARGET_OVER_DIRECT_MS)
    report.add_note("System calls are counted in runs of their own. When other work takes the processor, batches grow and processor time"
                    " a request falls: compare only what ran side by side.")


def main():
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--engine", default="redis-7.0", help="engine, as it is called in $KEYWAY_ENGINES")
    parser.add_argument("--requests", type=int, default=200_000, help="of one run without a pipeline; five times as many with it (200000)")
    return run_main(measure, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
