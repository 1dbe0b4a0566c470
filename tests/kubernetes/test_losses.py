"""What nobody plans: volumes and nodes that are lost. Writes that a replica had are there afterwards, and nothing is done by hand."""

import pytest
from generated import SLOW_S, is_new
from nodes import node_away, node_of

from checker import Checker


def new_primary(made, shard, old_uid):
    """The pod that is marked as the primary of a shard, when it is another one."""
    made.kubectl.wait(lambda: made.primaries_of(shard) and old_uid not in made.primaries_of(shard), f"another primary of {shard}", SLOW_S)


def lose_volume(kubectl, pod):
    """The pod's claim is deleted, and its volume with it; the next pod of its name begins with an empty one."""
    claim = f"data-{pod['metadata']['name']}"
    volume = kubectl.get("pvc", claim)["spec"]["volumeName"]
    kubectl.run("delete", "pvc", claim, "--wait=false")
    kubectl.run("delete", "pod", pod["metadata"]["name"], "--wait=false")

    def back():
        again = kubectl.get("pod", pod["metadata"]["name"])
        if again and again["metadata"]["uid"] != pod["metadata"]["uid"] and kubectl.get("pvc", claim) is None:
            # A StatefulSet makes claims only when it makes a pod.
            kubectl.run("delete", "pod", pod["metadata"]["name"], "--wait=false")
        return is_new(again, pod["metadata"]["uid"])
    kubectl.wait(back, f"{pod['metadata']['name']} with a new volume", SLOW_S)
    assert kubectl.get("pvc", claim)["spec"]["volumeName"] != volume


def empty_volume(kubectl, pod):
    """All files go, and the server dies before it can write them again; its agent stays."""
    kubectl.run("exec", pod["metadata"]["name"], "--", "sh", "-c", "rm -rf /data/* /data/.[!.]*; kill -9 -1", code=None)


@pytest.mark.parametrize("kind, count", [("single", 3), ("sharded", 6)])
def test_the_volume_of_a_primary_is_lost(request, kubectl, kind, count):
    made = request.getfixturevalue(kind)
    with Checker(made.pods, durable=True, deadline_s=SLOW_S) as checker:
        lose_volume(kubectl, made.primary_of("p1"))
        made.wait_whole(count, SLOW_S)
    checker.verify()


@pytest.mark.parametrize("kind, count", [("single", 3), ("sharded", 6)])
def test_the_files_of_a_primary_are_lost(request, kubectl, kind, count):
    """Its pod and its address stay, so that its replicas reach who is started there."""
    made = request.getfixturevalue(kind)
    with Checker(made.pods, durable=True, deadline_s=SLOW_S) as checker:
        pod = made.primary_of("p1")
        empty_volume(kubectl, pod)
        new_primary(made, "p1", pod["metadata"]["uid"])
        made.wait_whole(count, SLOW_S)
    checker.verify()


@pytest.mark.parametrize("kind, count, how", [("single", 3, "killed"), ("sharded", 6, "killed"), ("sharded", 6, "cut off")])
def test_a_node_is_away_and_comes_back(request, testbed, kubectl, kind, count, how):
    """Of a cluster, two of the three primaries may be on it: then the servers that are left have no majority."""
    made = request.getfixturevalue(kind)
    with Checker(made.pods, durable=True, deadline_s=SLOW_S) as checker:
        pod = made.primary_of("p1")
        with node_away(testbed, kubectl, node_of(pod), how):
            new_primary(made, "p1", pod["metadata"]["uid"])
        made.wait_whole(count, SLOW_S)
    checker.verify()
