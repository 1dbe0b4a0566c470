"""The network of a testbed: a bridge, and a namespace for each node with a link to it. Nothing leads anywhere else.

The testbed's own namespace, where the control plane and the tests are, is 10.88.0.1; node i is 10.88.0.(10 + i) and its pods are
10.89.i.0/24. All of them reach each other as they do in a cloud, by routes and without address translation.
"""

import subprocess

GATEWAY = "10.88.0.1"
PODS = "10.89.0.0/16"
SERVICES = "10.96.0.0/16"
FIRST_SERVICE = "10.96.0.1"


def node_address(node):
    return f"10.88.0.{10 + node}"


def pod_range(node):
    return f"10.89.{node}.0/24"


def link(node):
    """The testbed's end of a node's link: down means that the node is cut off."""
    return f"node{node}"


def in_node(node, *command):
    """The command, run on the network of a node. `ip netns exec` would mount /sys anew, and hide the cgroups from the kubelet."""
    return ["nsenter", f"--net=/run/netns/node{node}", *command]


def do(*command):
    subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)


def set_up(nodes):
    do("ip", "link", "set", "lo", "up")
    do("ip", "link", "add", "br0", "type", "bridge")
    do("ip", "addr", "add", f"{GATEWAY}/24", "dev", "br0")
    do("ip", "link", "set", "br0", "up")
    do("sysctl", "-qw", "net.ipv4.ip_forward=1")
    do("ip", "route", "add", SERVICES, "dev", "br0")  # some route, so that kube-proxy gets to say where it really is
    for node in nodes:
        add_node(node)
    for node in nodes:
        for other in nodes:
            if other != node:
                do(*in_node(node, "ip", "route", "add", pod_range(other), "via", node_address(other)))


def add_node(node):
    do("ip", "netns", "add", f"node{node}")
    do("ip", "link", "add", link(node), "type", "veth", "peer", "name", "eth0", "netns", f"node{node}")
    do("ip", "link", "set", link(node), "master", "br0", "up")
    for command in (("ip", "link", "set", "lo", "up"), ("ip", "addr", "add", f"{node_address(node)}/24", "dev", "eth0"),
                    ("ip", "link", "set", "eth0", "up"), ("ip", "route", "add", "default", "via", GATEWAY),
                    ("sysctl", "-qw", "net.ipv4.ip_forward=1")):
        do(*in_node(node, *command))
    do("ip", "route", "add", pod_range(node), "via", node_address(node))
