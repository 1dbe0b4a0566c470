"""Nodes that go and come back."""

import contextlib

from kubectl import is_ready


def node_of(pod):
    return int(pod["spec"]["nodeName"].removeprefix("node"))


@contextlib.contextmanager
def node_away(testbed, kubectl, number, how):
    """Inside of it the node is away, and Kubernetes has seen that."""
    leave, come_back = {"killed": (testbed.kill_node, testbed.start_node), "cut off": (testbed.cut_off, testbed.connect)}[how]
    leave(number)
    try:
        kubectl.wait(lambda: not is_ready(kubectl.get("node", f"node{number}")), f"node{number} to be missed")
        yield
    finally:
        come_back(number)
    kubectl.wait(lambda: is_ready(kubectl.get("node", f"node{number}")), f"node{number} to be back")
