"""A Kubernetes of one's own for as long as somebody wants it: a control plane and nodes in namespaces of their own."""

import os
import pathlib
import select
import subprocess
import sys
import tempfile
import time

import namespaces
import network
from keeper import PREFIX
from possible import PLACE, why_not

HERE = pathlib.Path(__file__).resolve().parent
START_S = 240
STOP_S = 90
OWN = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Testbed:
    __test__ = False  # pytest takes its name for that of tests

    """A context: the cluster is there inside of it. Owned by one thread, which is on the cluster's network from `enter` to `leave`; so is
    what it starts meanwhile."""

    def __init__(self, programs, images=(), nodes=3):
        self.programs, self.images, self.count = pathlib.Path(programs), images, nodes
        self.home = self.keeper = self.first = None

    def __enter__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir=PLACE))
        # pylint: disable-next=consider-using-with
        self.keeper = subprocess.Popen(
            [sys.executable, HERE / "keeper.py", self.home, self.programs, str(self.count), *map(str, self.images)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        try:
            self.wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.keeper.stdin.close()
        self.keeper.wait(timeout=STOP_S)

    def wait_ready(self):
        deadline = time.monotonic() + START_S
        said = ""
        while "\nready\n" not in said:
            readable, _, _ = select.select([self.keeper.stdout], [], [], max(deadline - time.monotonic(), 0))
            text = os.read(self.keeper.stdout.fileno(), 65536).decode() if readable else ""
            said += text
            if not text:
                raise AssertionError(f"no Kubernetes {'' if readable else f'after {START_S} s'}: {said}")
        self.first = int(said.split()[1])

    @property
    def kubeconfig(self):
        return self.home / "kubeconfig"

    def enter(self):
        namespaces.enter_network(f"/proc/{self.first}/ns/net")

    @staticmethod
    def leave():
        namespaces.enter_network(f"/proc/self/fd/{OWN}")

    def inside(self, *command):
        """What the command prints that is run in there, with the testbed's processes, mounts and network."""
        done = subprocess.run(["nsenter", f"--target={self.first}", "--mount", "--pid", "--net", *map(str, command)],
                              check=False, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def kill_node(self, node):
        """The node's power is cut: nothing on it says goodbye. Its volumes stay."""
        self.inside(sys.executable, HERE / "node.py", "die", self.home, node)

    def start_node(self, node):
        self.inside(sys.executable, HERE / "node.py", "start", self.home, node, self.programs)

    def cut_off(self, node):
        """All on the node goes on running, and reaches nobody on other nodes or the control plane."""
        self.inside("ip", "link", "set", network.link(node), "down")

    def connect(self, node):
        self.inside("ip", "link", "set", network.link(node), "up")
