"""Notes from before there was an operator: six pods in one StatefulSet, and redis-trib through kubectl exec."""

import pathlib
import re

import pytest
from kubectl import address_of
from pods import PORT, PodCluster

from checker import Checker

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "examples" / "six-pods"
SELECTOR = "app=redis-cluster"
NAME = "redis-cluster"
HERE = f"localhost:{PORT}"


class Notes:
    """What a person does who follows them."""

    def __init__(self, kubectl, images, product):
        self.kubectl = kubectl
        objects = kubectl.kustomize(EXAMPLE)
        for item in objects:
            if item["kind"] == "StatefulSet":
                pod = item["spec"]["template"]["spec"]
                pod["initContainers"][0]["image"] = images["keyway"]
                pod["containers"][0]["image"] = images[product]
        kubectl.apply(objects)

    def pods(self, count):
        return self.kubectl.wait_ready(count, SELECTOR)

    def scale(self, count):
        self.kubectl.run("scale", f"statefulset/{NAME}", f"--replicas={count}")
        return self.pods(count)

    def trib(self, *words, **options):
        return self.kubectl.execute(f"{NAME}-0", "redis-trib", *map(str, words), **options)

    def id_of(self, number):
        return self.kubectl.execute(f"{NAME}-{number}", "redis-cli", "cluster", "myid").strip()


def slots_of(said, node):
    """How many slots a node has, as `check` says."""
    found = re.search(rf"^M: {node} .*\n +slots:.*\((\d+) slots\)", said, re.MULTILINE)
    return int(found.group(1)) if found else 0


@pytest.fixture(name="notes")
def applied(cluster, kubectl):
    return Notes(kubectl, cluster.images, "redis")


def test_six_pods_become_eight_and_six_again(notes, kubectl):
    addresses = [f"{address_of(pod)}:{PORT}" for pod in notes.pods(6)]
    said = notes.trib("create", "--replicas", 1, *addresses, text="yes\n")
    assert "[OK] All 16384 slots covered." in said
    assert len(re.findall("^M: ", said, re.MULTILINE)) == 3 and len(re.findall("^S: ", said, re.MULTILINE)) == 3

    with Checker(PodCluster(kubectl, SELECTOR)) as checker:
        notes.scale(8)
        assert "[OK] New node added correctly." in notes.trib("add-node", f"{NAME}-6.{NAME}:{PORT}", HERE)
        assert "[OK] New node added correctly." in notes.trib("add-node", "--slave", f"{NAME}-7.{NAME}:{PORT}", HERE)
        sixth, seventh = notes.id_of(6), notes.id_of(7)
        assert f"replicates {sixth}" in notes.trib("check", HERE)

        notes.trib("rebalance", "--use-empty-masters", HERE)
        assert slots_of(notes.trib("check", HERE), sixth) == 4096
        first = notes.id_of(0)
        notes.trib("reshard", "--yes", "--from", first, "--to", sixth, "--slots", 100, HERE)
        assert slots_of(notes.trib("check", HERE), sixth) == 4196

        # A node with slots is not removed by mistake.
        refused = kubectl.run("exec", f"{NAME}-0", "--", "redis-trib", "del-node", HERE, sixth, code=1)
        assert "[ERR]" in refused.stdout + refused.stderr
        notes.trib("rebalance", "--weight", f"{sixth}=0", HERE)
        notes.trib("del-node", HERE, seventh)
        notes.trib("del-node", HERE, sixth)
        notes.scale(6)
        assert "[OK] All 16384 slots covered." in notes.trib("check", HERE)
    checker.verify()
