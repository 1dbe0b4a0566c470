"""What nobody plans, in clusters that an operator makes: it sees to them afterwards, or is what is lost."""

import os
import pathlib
import random
import signal
import threading

import pytest
from generated import ROLE, SLOW_S
from kubectl import is_ready
from nodes import node_away, node_of
from operated import NAME, OPERATORS, Operated, install_operator, kill_operators, leaders, told

from checker import Checker

MOST_LED_S = 8


@pytest.fixture(name="operator", autouse=True)
def installed(cluster, kubectl):
    install_operator(kubectl, cluster.images["keyway"])


@pytest.fixture(name="sharded")
def made_sharded(cluster, kubectl):
    made = Operated(kubectl, cluster.images, "sharded")
    made.wait_settled(6)
    return made


def primary_of(kubectl, shard):
    pod, = kubectl.get("pods", selector=f"{ROLE},shard-role=primary,partition={shard}")
    return pod


def save_status(pods, pod):
    """Of the server's last snapshot, after it was told to make one: "ok" or "err"; None while it is at it."""
    server = pods.admin(pod["status"]["podIP"])
    found = server.info("persistence")
    return None if found["rdb_bgsave_in_progress"] else found["rdb_last_bgsave_status"]


def uids(made):
    return {pod["metadata"]["uid"] for pod in made.server_pods() if is_ready(pod)}


def fill(testbed, kubectl, pod):
    """From outside: volumes are in memory here, and what a pod writes there counts as the pod's."""
    volume = kubectl.get("pvc", f"data-{pod['metadata']['name']}")["spec"]["volumeName"]
    with pytest.raises(AssertionError, match="No space left"):
        testbed.inside("dd", "if=/dev/zero", f"of={testbed.home}/volumes/{volume}/much", "bs=64k")


def test_a_full_volume_is_mended_by_a_bigger_one(sharded, testbed, kubectl):
    pods = sharded.pods()
    pod = primary_of(kubectl, "p1")
    before = uids(sharded)
    with Checker(pods, durable=True, deadline_s=SLOW_S) as checker:
        fill(testbed, kubectl, pod)
        pods.admin(pod["status"]["podIP"]).bgsave()
        kubectl.wait(lambda: save_status(pods, pod) == "err", "a snapshot to fail")
        sharded.edit(storage={"size": "160Mi"})
        sharded.wait_settled(6)
        pods.admin(pod["status"]["podIP"]).bgsave()
        kubectl.wait(lambda: save_status(pods, pod) == "ok", "a snapshot to be made", SLOW_S)
        written = checker.written
        kubectl.wait(lambda: checker.written > written + 100, "writes to go on", SLOW_S)
    told("a full volume", checker)
    checker.verify()
    assert uids(sharded) == before, "no pod was replaced for that"
    sizes = {claim["spec"]["resources"]["requests"]["storage"] for claim in kubectl.get("pvc")}
    assert sizes == {"160Mi"}


def test_a_node_is_gone(sharded, testbed, kubectl):
    """The status tells so, and is as before when the node is back."""
    with Checker(sharded.pods(), durable=True, deadline_s=SLOW_S) as checker:
        pod = primary_of(kubectl, "p1")
        with node_away(testbed, kubectl, node_of(pod), "killed"):
            kubectl.wait(lambda: any(one["metadata"]["uid"] != pod["metadata"]["uid"] for one in
                                     kubectl.get("pods", selector=f"{ROLE},shard-role=primary,partition=p1")), "another primary", SLOW_S)
            kubectl.wait(lambda: sharded.conditions()["Redundant"][0] == "False" and sharded.conditions()["Ready"][0] == "True",
                         "the status to say that copies are missing and writes are taken", SLOW_S)
        sharded.wait_settled(6, 2 * SLOW_S)
    told("a node gone", checker)
    checker.verify()


def test_the_users_secret_is_deleted(sharded, kubectl):
    """The operator hears of it with the next change in the cluster: at the latest when a pod cannot start without it."""
    before = sharded.users()
    kubectl.run("delete", "secret", f"redis-etc-{NAME}")
    pod = kubectl.get("pods", selector=f"{ROLE},shard-role=replica,partition=p2")[0]["metadata"]["name"]
    kubectl.run("delete", "pod", pod, "--wait=false")
    after = kubectl.wait(sharded.users, "the Secret to be there again")
    assert set(after) == set(before) and not set(after.values()) & set(before.values())
    sharded.wait_settled(6)
    sharded.wait_writes()


def process_of(pod):
    """The pid of a pod's operator."""
    wanted = f"HOSTNAME={pod['metadata']['name']}".encode()
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and b"/keyway\0operator\0" in (folder / "cmdline").read_bytes() and \
                    wanted in (folder / "environ").read_bytes().split(b"\0"):
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError(f"no process of {pod['metadata']['name']}")


def test_an_operator_that_stood_still_follows_the_next_one(sharded, testbed, kubectl):  # pylint: disable=unused-argument
    leader, = kubectl.wait(lambda: leaders(kubectl), "an operator to lead")
    pid = process_of(leader)
    os.kill(pid, signal.SIGSTOP)
    try:
        with Checker(sharded.pods()) as checker:
            sharded.edit(shards=4)
            sharded.wait_settled(8)
            sharded.edit(shards=3)
            os.kill(pid, signal.SIGCONT)
            sharded.wait_settled(6)
    finally:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass  # its probes had failed for too long
    told("an operator that stood still", checker)
    checker.verify()
    assert len(kubectl.wait(lambda: leaders(kubectl), "an operator to lead")) == 1


class Killer(threading.Thread):
    """Kills all operators at a random moment after one has begun to lead, again and again until it is left."""

    def __init__(self, kubectl):
        super().__init__(daemon=True)
        self.kubectl, self.ending, self.kills = kubectl, threading.Event(), 0
        self.seed = random.randrange(1 << 32)
        self.random = random.Random(self.seed)

    def run(self):
        while not self.ending.wait(0.5):
            if not leaders(self.kubectl) or self.ending.wait(self.random.uniform(0, MOST_LED_S)):
                continue
            kill_operators(self.kubectl)
            self.kills += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join(timeout=60)


def test_operators_are_killed_at_random(cluster, kubectl):
    """While a cluster is made, its pods are replaced, and replicas come and go."""
    with Killer(kubectl) as killer:
        print(f"seed {killer.seed}")
        made = Operated(kubectl, cluster.images, "sharded")
        made.wait_settled(6, 2 * SLOW_S)
        before = {pod["metadata"]["uid"] for pod in made.server_pods()}
        with Checker(made.pods()) as checker:
            made.edit(config={"databases": 1, "io-threads": 2}, replicas=2)
            kubectl.wait(lambda: not before & {pod["metadata"]["uid"] for pod in made.server_pods()}, "all pods to be others", 3 * SLOW_S)
            made.wait_settled(9, 2 * SLOW_S)
            made.edit(replicas=1)
            made.wait_settled(6, 2 * SLOW_S)
    told(f"operators killed {killer.kills} times", checker)
    assert killer.kills > 2
    checker.verify()
    kubectl.wait(lambda: sum(map(is_ready, kubectl.get("pods", selector=OPERATORS))) == 2, "two operators")
