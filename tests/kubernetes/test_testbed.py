"""The tests' own Kubernetes is one: names, volumes, nodes that go; it leaves nothing behind, and does not meet another one."""

import os
import pathlib
import signal

import pytest
from kubectl import is_ready
from testbed import PLACE, PREFIX, Testbed

import processes
from waiting import wait_for

LABELS = {"app": "idle"}
SELECTOR = "app=idle"
MEBIBYTE = 1 << 20


def idle_set(image, count, size="16Mi"):
    """A StatefulSet of pods that do nothing, with volumes, and its headless Service."""
    container = {"name": "idle", "image": image, "command": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"],
                 "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "idle"}, "spec": {"clusterIP": "None", "selector": LABELS}},
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "idle"}, "spec": {
            "serviceName": "idle", "replicas": count, "podManagementPolicy": "Parallel", "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container], "tolerations": [
                {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}]}},
            "volumeClaimTemplates": [claim]}}]


@pytest.fixture(name="idle")
def idle_pods(cluster, kubectl):
    kubectl.apply(idle_set(cluster.images["redis"], 2))
    return kubectl.wait_ready(2, SELECTOR)


def test_names_of_pods_and_services(kubectl, idle):
    for pod in idle:
        name, address = pod["metadata"]["name"], pod["status"]["podIP"]
        kubectl.wait(lambda n=name, a=address: a in kubectl.execute("idle-0", "nslookup", f"{n}.idle.{kubectl.namespace}.svc.cluster.local",
                                                                    code=None), f"the name of {name}")
        # By the search list of the pod, as people write it. Only root may send a ping: it is the name that counts.
        assert f"({address})" in kubectl.run("exec", "idle-1", "--", "ping", "-c", "1", f"{name}.idle", code=None).stdout
    said = kubectl.execute("idle-0", "nslookup", f"idle.{kubectl.namespace}.svc.cluster.local")
    assert all(pod["status"]["podIP"] in said for pod in idle)
    assert "NXDOMAIN" in kubectl.execute("idle-0", "nslookup", f"nobody.{kubectl.namespace}.svc.cluster.local", code=None)


def volume_size(kubectl):
    return int(kubectl.execute("idle-0", "df", "-k", "/data").splitlines()[-1].split()[1]) << 10


def test_a_volume_fills_grows_and_goes(kubectl, testbed, idle):
    assert len(idle) == 2 and volume_size(kubectl) == 16 * MEBIBYTE
    full = kubectl.run("exec", "idle-0", "--", "dd", "if=/dev/zero", "of=/data/much", "bs=1M", "count=20", code=1)
    assert "No space left" in full.stderr
    kubectl.run("patch", "pvc", "data-idle-0", "--patch", '{"spec": {"resources": {"requests": {"storage": "32Mi"}}}}')
    kubectl.wait(lambda: volume_size(kubectl) == 32 * MEBIBYTE, "the volume to grow")
    kubectl.execute("idle-0", "dd", "if=/dev/zero", "of=/data/more", "bs=1M", "count=10")

    # Nobody but its own node's kubelet cleans up after a pod.
    node, uid = idle[0]["spec"]["nodeName"], idle[0]["metadata"]["uid"]
    logs = {name: os.listdir(testbed.home / name / "log" / "pods") for name in ready_nodes(kubectl)}
    assert [name for name, pods in logs.items() if any(uid in pod for pod in pods)] == [node]

    # A pod that comes back finds its data.
    before = kubectl.get("pod", "idle-0")["metadata"]["uid"]
    kubectl.run("delete", "pod", "idle-0", "--grace-period=1")
    assert kubectl.wait_ready(2, SELECTOR)[0]["metadata"]["uid"] != before
    assert "more" in kubectl.execute("idle-0", "ls", "/data")

    volume = kubectl.get("pvc", "data-idle-0")["spec"]["volumeName"]
    kubectl.run("delete", "statefulset", "idle")
    kubectl.run("delete", "pvc", "--all", "--wait=false")
    kubectl.wait_gone("pv", volume)
    assert volume not in os.listdir(testbed.home / "volumes")


def ready_nodes(kubectl):
    return {node["metadata"]["name"] for node in kubectl.get("nodes") if is_ready(node)}


def test_a_node_dies_and_comes_back(kubectl, testbed, idle):
    node = idle[0]["spec"]["nodeName"]
    number = int(node.removeprefix("node"))
    testbed.kill_node(number)
    kubectl.wait(lambda: node not in ready_nodes(kubectl), f"{node} to be missed")
    testbed.start_node(number)
    kubectl.wait(lambda: node in ready_nodes(kubectl), f"{node} to be ready")
    kubectl.wait(lambda: kubectl.run("exec", "idle-0", "--", "true", code=None).returncode == 0, "its pod to run again")


def test_a_node_is_cut_off(kubectl, testbed, idle):
    node = idle[0]["spec"]["nodeName"]
    number = int(node.removeprefix("node"))
    testbed.cut_off(number)
    try:
        kubectl.wait(lambda: node not in ready_nodes(kubectl), f"{node} to be missed")
    finally:
        testbed.connect(number)
    kubectl.wait(lambda: node in ready_nodes(kubectl), f"{node} to be ready")


def traces():
    """What testbeds have on this machine: folders and cgroups. (Their processes, mounts and networks are in namespaces.)"""
    groups = pathlib.Path("/sys/fs/cgroup").glob(f"{PREFIX}*"), pathlib.Path("/sys/fs/cgroup").glob(f"*/{PREFIX}*")
    return {path for found in (*groups, pathlib.Path(PLACE).glob(f"{PREFIX}*")) for path in found}


def test_two_at_once_and_what_an_interrupted_one_leaves(testbed, kubectl):
    before = traces()
    with Testbed(testbed.programs, nodes=1) as second:
        assert ready_nodes(kubectl) == {"node1", "node2", "node3"}
        inside = [processes.process(pid) for pid in pids_in_namespace_of(second.first)]
        assert len(inside) > 5 and traces() > before
        os.kill(second.keeper.pid, signal.SIGKILL)
        wait_for(lambda: not any(map(processes.lives, inside)), "its processes to end with the keeper")
        assert second.home in traces() and not os.path.ismount(second.home)
    with Testbed(testbed.programs, nodes=1) as third:
        assert second.home not in traces() and third.home in traces()
    assert traces() == before
    assert ready_nodes(kubectl) == {"node1", "node2", "node3"}


def pids_in_namespace_of(first):
    own = os.stat(f"/proc/{first}/ns/pid").st_ino
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{entry}/ns/pid").st_ino == own:
                found.append(int(entry))
        except OSError:
            continue
    return found
