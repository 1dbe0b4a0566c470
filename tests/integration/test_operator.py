"""`keyway operator` as a process, before a simulated API server: what it makes, how it ends, what it costs."""

import subprocess
import time

import pytest

from keyway_home import PROGRAM
from operator_process import LEASES, Operator, apply, report, state
from simulated_kubernetes import SimulatedKubernetes
from waiting import wait_for

SETS = ("apis/apps/v1", "statefulsets")
MIB = 1 << 20
# An idle machine needs a tenth of it.
BUSY_START_S = 1.5


@pytest.fixture(name="kubernetes")
def simulated(ports):
    server = SimulatedKubernetes(ports.take())
    yield server
    server.close()


@pytest.fixture(name="operator")
def running(kubernetes, tmp_path, ports):
    made = []

    def start():
        made.append(Operator(kubernetes, tmp_path, ports.take()))
        return made[-1]
    yield start
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_it_makes_a_cluster_ends_when_told_and_goes_on_later(kubernetes, operator):
    apply(kubernetes, "data")
    first = operator()
    wait_for(lambda: (*LEASES, "data", "redis-app") in kubernetes.objects and state(kubernetes, "data"), "the first pass")
    report(kubernetes, "data")
    wait_for(lambda: state(kubernetes, "data") == "ready", "the status to say so")
    assert first.end() == 0
    leader = kubernetes.objects[(*LEASES, "default", "keyway-operator")]
    assert not leader["spec"].get("holderIdentity")
    apply(kubernetes, "data", shards=4)
    second = operator()
    wait_for(lambda: (*SETS, "data", "redis-partition-p4-app") in kubernetes.objects, "the fourth shard")
    second.process.kill()
    second.process.wait()
    apply(kubernetes, "data", shards=5)
    operator()
    wait_for(lambda: (*SETS, "data", "redis-partition-p5-app") in kubernetes.objects, "the fifth shard, after the Lease of the killed one has ended")


def test_a_user_who_gives_a_wrong_flag_is_told(tmp_path):
    done = subprocess.run([PROGRAM, "operator", "--http", "nowhere"], capture_output=True, text=True, check=False, timeout=20, cwd=tmp_path)
    assert done.returncode == 2 and "--http" in done.stderr


@pytest.mark.parametrize("count, most_bytes", [(1, 20 * MIB), (200, 60 * MIB)])
def test_its_memory(kubernetes, operator, count, most_bytes):
    names = [f"ns{number}" for number in range(count)]
    for name in names:
        apply(kubernetes, name)
    running_one = operator()
    wait_for(lambda: any(plural == "statefulsets" for _, plural, *_ in kubernetes.writes), "the first write")
    start_s = time.monotonic() - running_one.begin
    wait_for(lambda: all(state(kubernetes, name) for name in names), "all clusters to be made", 300)
    for name in names:
        report(kubernetes, name)
    wait_for(lambda: all(state(kubernetes, name) == "ready" for name in names), "all clusters to be ready", 300)
    wait_for(lambda: running_one.count("waiting_clusters") == 0, "nothing to be left to do", 60)
    after_all = running_one.resident_bytes()
    assert running_one.end() == 0
    again = operator()
    wait_for(lambda: (again.count("passes_total") or 0) >= count, "all to be looked at again", 300)
    after_start = again.resident_bytes()
    print(f"{count} clusters of 6 pods: {after_all / MIB:.1f} MiB resident after making them, {after_start / MIB:.1f} MiB after a start; "
          f"the first StatefulSet {start_s * 1000:.0f} ms after the start")
    assert max(after_all, after_start) < most_bytes
    assert start_s < BUSY_START_S
