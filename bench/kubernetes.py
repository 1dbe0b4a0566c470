#!/usr/bin/python3
"""Keyway on Kubernetes: on one made for the run, as tests/kubernetes has it, and before a simulated API server. As root; needs what
`./test kubernetes` needs, which installs and builds it.

Measured are the time from applying a KeywayCluster of 3x2 pods until every shard takes writes, what is asked of the API server while nothing is
to be done, memory, and requests through `kubectl keyway connect` beside `kubectl port-forward`.
"""

import contextlib
import csv
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from idle import memory_mb
from report import ROOT, Report, Samples, arguments, ratio, run_main, tell

TESTS = pathlib.Path(ROOT) / "tests"
SHARDS, PODS = 3, 6
TARGET_LONGER_S = 5.0
TARGET_OPERATOR_MB, TARGET_MANY_MB, TARGET_AGENT_MB, TARGET_PROGRAM_MB = 20.0, 60.0, 6.0, 15.0
TARGET_RECONCILE_MS = 300.0
MANY = 200
QUIET_S = 10  # after the last change, agents let go of memory that they needed for it
LOCAL_PORT = 13500
SLOW_S = 300
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
READS = ("get", "list", "watch")


def stat_of(pid):
    """(parent, seconds since the machine was started at which it was) of a process."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[1]), int(fields[19]) / TICKS_PER_S


def is_within(pid, ancestor):
    while pid not in (0, 1, ancestor):
        pid = stat_of(pid)[0]
    return pid == ancestor


def processes(testbed, word):
    """The pids of `keyway WORD` in the testbed's pods."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"/keyway") and words[1:2] == [word.encode()] and is_within(int(pid), testbed.first):
                found.append(int(pid))
    return found


def share_mb(pid):
    """Memory of which each page counts as the part of it that is left when all who have it share it."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    return int(re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE).group(1)) * 1024 / 1e6


class Bench:
    """A Kubernetes, and what was measured on it."""

    def __init__(self, options, cluster, testbed):
        self.options, self.cluster, self.testbed = options, cluster, testbed
        self.samples = {}

    def add(self, name, unit, value):
        self.samples.setdefault(name, Samples(unit)).add(value)

    @contextlib.contextmanager
    def namespace(self, number):
        """kubectl in a namespace with an operator, and both gone afterwards."""
        # pylint: disable=import-outside-toplevel
        from operated import install_operator
        name = f"bench{number}"
        self.cluster.run("create", "namespace", name)
        kubectl = self.cluster.within(name)
        install_operator(kubectl, self.options.images["keyway"])
        yield kubectl
        kubectl.run("delete", "keywayclusters", "--all", "--wait=false")
        self.cluster.run("delete", "namespace", name, "--wait=false")
        kubectl.wait(lambda: not processes(self.testbed, "agent"), "the pods to end", SLOW_S)

    def create(self, kubectl):
        """A cluster, from its apply until every shard takes writes and all is settled."""
        # pylint: disable=import-outside-toplevel
        from operated import Operated
        begin_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        made = Operated(kubectl, self.options.images, "sharded")
        made.wait_writes()
        took_s = time.clock_gettime(time.CLOCK_BOOTTIME) - begin_s
        agents = processes(self.testbed, "agent")
        if len(agents) != PODS:
            raise RuntimeError(f"{len(agents)} agents run, not {PODS}")
        last_s = max(stat_of(pid)[1] for pid in agents) - begin_s
        self.add("apply to writes", "s", took_s)
        self.add("apply to the last pod's start", "s", last_s)
        self.add("longer", "s", took_s - last_s)
        made.wait_settled(PODS)
        return made

    def idle(self, kubectl, made):
        """What the pods of the namespace ask of the API server while nothing is to be done, and what memory they have then."""
        time.sleep(QUIET_S)
        before = made.object()["metadata"]["resourceVersion"]
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        time.sleep(self.options.idle_s)
        for who, verb, what in requests(self.testbed, kubectl.namespace, stamp):
            kind = "renewals" if what == "leases" and verb not in READS else "reads" if verb in READS else "writes"
            self.samples.setdefault((who, kind), []).append(what)
        if made.object()["metadata"]["resourceVersion"] != before:
            raise RuntimeError("the KeywayCluster was changed while nothing was to be done")
        for pid in processes(self.testbed, "operator"):
            self.add("operator", "MB", memory_mb(pid, "VmRSS"))
        for pid in processes(self.testbed, "agent"):
            self.add("agent", "MB", memory_mb(pid, "VmRSS"))
            self.add("agent's own", "MB", memory_mb(pid, "RssAnon"))
            self.add("agent's share", "MB", share_mb(pid))


def requests(testbed, namespace, since):
    """(who, verb, resource) of each request of the namespace's pods since then."""
    found = []
    for line in (testbed.home / "log" / "audit.log").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        user, at = entry["user"]["username"], entry["requestReceivedTimestamp"]
        if user.startswith(f"system:serviceaccount:{namespace}:") and at > since:
            who = "operator" if user.endswith(":keyway-operator") else "agents"
            found.append((who, entry["verb"], entry.get("objectRef", {}).get("resource", "")))
    return found


@contextlib.contextmanager
def forwarding(command, environment, ready):
    """The command while it runs, from when it prints what `ready` matches."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said = ""
        while not re.search(ready, said):
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"{command[:3]} has ended: {said}")
            said += line
        try:
            yield said
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


def benchmark(port, password, key, clients, count):
    """(requests a second, p50 in ms, p99 in ms) of GETs."""
    program = next(pathlib.Path(os.environ["KEYWAY_ENGINES"]).glob("redis-7*/redis-benchmark"))
    done = subprocess.run([program, "-p", str(port), "--user", "workload", "-a", password, "-c", str(clients), "-n", str(count), "--csv",
                           "GET", key], capture_output=True, text=True, check=True, timeout=SLOW_S)
    rows = [row for row in csv.DictReader(io.StringIO(done.stdout[done.stdout.index('"test"'):]))]
    return float(rows[0]["rps"]), float(rows[0]["p50_latency_ms"]), float(rows[0]["p99_latency_ms"])


def compare_connections(bench, kubectl, made):
    """GETs of one key from its server, each way in turn."""
    folder = pathlib.Path(bench.options.folder)
    plugin = folder / "kubectl-keyway"
    plugin.symlink_to(pathlib.Path(bench.options.program).resolve())
    environment = {**os.environ, "KUBECONFIG": kubectl.kubeconfig, "PATH": f"{folder}:{os.environ['PATH']}"}
    password = made.users()["workload"]
    pod = kubectl.get("pods", selector="partition=p1,shard-role=primary")[0]
    client = made.pods().connection(pod["status"]["podIP"], 6379, "workload", password)
    key = next(f"k{number}" for number in range(1000) if takes(client, f"k{number}"))
    name = pod["metadata"]["name"]
    place = ["--namespace", kubectl.namespace]
    ways = {"kubectl port-forward": ([kubectl.program, *place, "port-forward", name, f"{LOCAL_PORT}:6379"], r"Forwarding from 127"),
            "kubectl keyway connect": ([kubectl.program, "keyway", "connect", *place, "--port", str(LOCAL_PORT)], r"Ctrl-C ends it")}
    for run in range(bench.options.runs):
        for way, (command, ready) in ways.items():
            tell(f"{way}, run {run + 1}")
            with forwarding(command, environment, ready) as said:
                at = re.search(rf"127\.0\.0\.1:(\d+) +primary +{name}", said)
                port = int(at.group(1)) if at else LOCAL_PORT
                for clients, count in ((1, 2000), (20, 20000)):
                    rate, p50_ms, p99_ms = benchmark(port, password, key, clients, count)
                    bench.add((way, clients, "rate"), "/s", rate)
                    bench.add((way, clients, "p50"), "ms", p50_ms)
                    bench.add((way, clients, "p99"), "ms", p99_ms)


def takes(client, key):
    try:
        return client.set(key, "x" * 64)
    except Exception as error:  # pylint: disable=broad-except
        if "MOVED" in str(error):
            return False
        raise


def simulate(options, samples):
    """An operator before a simulated API server: its memory with many clusters, and how soon it has looked at one."""
    # pylint: disable=import-outside-toplevel
    from operator_process import Operator, apply, report, state
    from simulated_kubernetes import SimulatedKubernetes
    from waiting import wait_for
    for count, runs in ((1, options.runs), (MANY, 1)):
        for _ in range(runs):
            tell(f"{count} clusters before a simulated API server")
            kubernetes = SimulatedKubernetes(options.port)
            names = [f"ns{number}" for number in range(count)]
            for name in names:
                apply(kubernetes, name)
            with tempfile.TemporaryDirectory() as folder:
                running = Operator(kubernetes, pathlib.Path(folder), options.port + 1)
                try:
                    wait_for(lambda: any(plural == "statefulsets" for _, plural, *_ in kubernetes.writes), "the first write")
                    if count == 1:
                        samples.setdefault("reconcile", Samples("ms")).add(1000 * (time.monotonic() - running.begin))
                    wait_for(lambda: all(state(kubernetes, name) for name in names), "all clusters to be made", SLOW_S)
                    for name in names:
                        report(kubernetes, name)
                    wait_for(lambda: all(state(kubernetes, name) == "ready" for name in names), "all clusters to be ready", SLOW_S)
                    wait_for(lambda: running.count("waiting_clusters") == 0, "nothing to be left to do", SLOW_S)
                    samples.setdefault(("simulated", count), Samples("MB")).add(running.resident_bytes() / 1e6)
                finally:
                    running.end()
                    kubernetes.close()


def on_kubernetes(options, report):
    # pylint: disable=import-outside-toplevel
    import images
    from kubectl import Kubectl
    from testbed import Testbed, why_not
    if why_not():
        raise RuntimeError(why_not())
    programs = subprocess.run([pathlib.Path(ROOT) / "scripts" / "kubernetes", "--present"], capture_output=True, text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="keyway-images-", dir="/var/tmp") as options.folder:
        built = images.build_all(options.program, pathlib.Path(options.folder))
        options.images = {of: name for of, (name, _) in built.items()}
        with Testbed(programs, [archive for _, archive in built.values()]) as testbed:
            testbed.enter()
            bench = Bench(options, Kubectl(f"{programs}/kubectl", testbed.kubeconfig), testbed)
            for run in range(options.runs):
                tell(f"creation {run + 1}")
                with bench.namespace(run) as kubectl:
                    made = bench.create(kubectl)
                    if run + 1 == options.runs:
                        tell(f"idle for {options.idle_s} s")
                        bench.idle(kubectl, made)
                        compare_connections(bench, kubectl, made)
            testbed.leave()
        program = pathlib.Path(options.folder) / "image-root" / "usr" / "bin" / "keyway"
        bench.add("program", "MB", program.stat().st_size / 1e6)
    tell_kubernetes(bench, report)
    return bench.samples


def tell_kubernetes(bench, report):
    samples = bench.samples
    report.add_row("a KeywayCluster of 3x2 pods, apply to every shard takes writes", samples["apply to writes"])
    report.add_row("  of it until the last server's container was started", samples["apply to the last pod's start"])
    report.add_row("  of it after that", samples["longer"])
    report.add_target("longer than the pods take to start", samples["longer"], TARGET_LONGER_S)
    for who in ("operator", "agents"):
        counts = {kind: len(samples.get((who, kind), [])) for kind in ("writes", "renewals", "reads")}
        report.add_row(f"requests of {who} in {bench.options.idle_s} idle seconds",
                       f"{counts['writes']} writes, {counts['renewals']} renewals of Leases, {counts['reads']} reads")
        idle = Samples("writes")
        idle.add(counts["writes"])
        report.add_target(f"writes of {who} in that time", idle, 0)
    report.add_row("operators' resident memory (leader, and one that stands by)", samples["operator"])
    report.add_row("agents' resident memory", samples["agent"])
    report.add_row("  of it their own, the rest is the program's file", samples["agent's own"])
    report.add_row("  of it when shared pages are shared out", samples["agent's share"])
    report.add_row("the program's file, as it is in the image", samples["program"])
    worst = Samples("MB")
    worst.add(max(samples["operator"].values))
    report.add_target("operator with one cluster", worst, TARGET_OPERATOR_MB)
    agent = Samples("MB")
    agent.add(max(samples["agent"].values))
    report.add_target("agent, the biggest", agent, TARGET_AGENT_MB)
    everybody = Samples("MB")
    everybody.add(max(samples["operator"].values + samples["agent"].values))
    report.add_target("the program, wherever it runs here", everybody, TARGET_PROGRAM_MB)
    for clients in (1, 20):
        for what in ("rate", "p50", "p99"):
            ours, other = (samples[(way, clients, what)] for way in ("kubectl keyway connect", "kubectl port-forward"))
            report.add_row(f"GETs, {count_of(clients)}, {what}: connect", ours)
            report.add_row(f"  port-forward, {ratio(other, ours)} of that", other)


def count_of(clients):
    return "1 client" if clients == 1 else f"{clients} clients"


def measure(options):
    sys.path[:0] = [str(TESTS / "kubernetes"), str(TESTS / "integration"), str(TESTS / "kubernetes" / "testbed")]
    os.environ["KEYWAY_PROGRAM"] = options.program
    report = Report("Kubernetes 1.20, three nodes of this machine", ["what", "measured"])
    samples = {}
    simulate(options, samples)
    on_kubernetes(options, report)
    report.add_row("operator, start to the first StatefulSet (simulated API server)", samples["reconcile"])
    report.add_target("start to the first StatefulSet", samples["reconcile"], TARGET_RECONCILE_MS)
    report.add_row("its resident memory with one cluster (simulated)", samples[("simulated", 1)])
    report.add_row(f"its resident memory with {MANY} clusters of 6 pods (simulated)", samples[("simulated", MANY)])
    report.add_target(f"operator with {MANY} clusters", samples[("simulated", MANY)], TARGET_MANY_MB)
    return report


def main():
    parser = arguments(__doc__, 3)
    parser.add_argument("--idle-s", type=int, default=300, help="how long nothing is done, for the count of requests (300)")
    return run_main(measure, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
