"""A node of a testbed: a containerd, a kubelet and a kube-proxy on the node's own network.

Run as a program inside of the testbed (Testbed.inside does that): `node.py die HOME NODE` ends all that runs on the node, as if its
power were cut; `node.py start HOME NODE PROGRAMS` starts it again.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))

# pylint: disable=wrong-import-position
import network  # noqa: E402
from services import Services  # noqa: E402
from waiting import wait_for  # noqa: E402

PAUSE = "keyway.test/pause:1"
DNS_DOMAIN = "cluster.local"
CONTAINERD = """version = 2
root = "{folder}/containerd"
state = "{folder}/run"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  stream_server_address = "{address}"
  # Without it runc may not lower oom_score_adj where the tests run in a container themselves, and every pod fails.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def proxy_command(home, programs, name):
    """What makes the addresses of Services lead to pods on the network that it runs on."""
    return [programs / "kube-proxy", f"--kubeconfig={home}/kubeconfig", f"--hostname-override={name}", "--proxy-mode=iptables",
            f"--cluster-cidr={network.PODS}", "--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0"]


class Node:
    def __init__(self, home, number):
        self.home, self.number = pathlib.Path(home), number
        self.name, self.address = f"node{number}", network.node_address(number)
        self.folder = self.home / self.name
        # Short: the path of a socket is limited to 107 bytes.
        self.socket = self.folder / "containerd.sock"
        self.services = Services(home)

    def set_up(self):
        """Once, before anything is started."""
        for name in ("cni", "kubelet", "log"):
            (self.folder / name).mkdir(parents=True)
        self.write_configuration()
        # A kubelet deletes the logs of pods that it does not know, so each has its own. The namespace of its mounts is this process's.
        self.services.start(f"{self.name}-mounts", [
            "unshare", "--mount", "--propagation=slave", "sh", "-c", 'mount --bind "$0" /var/log && touch "$0/mounted" && exec sleep infinity',
            self.folder / "log"])
        wait_for((self.folder / "log" / "mounted").exists, f"the mounts of {self.name}")

    def write_configuration(self):
        (self.folder / "containerd.toml").write_text(
            CONTAINERD.format(folder=self.folder, pause=PAUSE, address=self.address), encoding="utf-8")
        (self.folder / "cni" / "10-bridge.conflist").write_text(json.dumps({
            "cniVersion": "0.4.0", "name": "testbed", "plugins": [
                {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True,
                 "ipam": {"type": "host-local", "dataDir": str(self.folder / "ipam"),
                          "ranges": [[{"subnet": network.pod_range(self.number)}]], "routes": [{"dst": "0.0.0.0/0"}]}},
                {"type": "portmap", "capabilities": {"portMappings": True}}]}), encoding="utf-8")
        (self.folder / "kubelet.yaml").write_text(json.dumps({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "address": self.address,
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"}, "cgroupDriver": "cgroupfs", "cgroupsPerQOS": False, "enforceNodeAllocatable": [],
            "failSwapOn": False, "resolvConf": "/dev/null", "clusterDNS": [network.GATEWAY], "clusterDomain": DNS_DOMAIN,
            "nodeStatusUpdateFrequency": "4s", "syncFrequency": "10s", "serializeImagePulls": False,
            "volumePluginDir": str(self.folder / "kubelet" / "plugins"),
            "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "50Mi"}}), encoding="utf-8")

    def start_on_node(self, name, *command):
        self.services.start(f"{self.name}-{name}", network.in_node(
            self.number, f"--mount=/proc/{self.services.pid(f'{self.name}-mounts')}/ns/mnt", "--", *command))

    def start_containerd(self):
        self.start_on_node("containerd", "containerd", "-c", self.folder / "containerd.toml")

    def ctr(self, *words):
        return subprocess.run(["ctr", "-a", self.socket, "-n", "k8s.io", *words], check=False, capture_output=True, text=True)

    def wait_containerd(self):
        wait_for(lambda: self.ctr("version").returncode == 0, f"containerd; see {self.home}/log/{self.name}-containerd.log", 60)

    def import_image(self, archive):
        done = self.ctr("images", "import", archive)
        if done.returncode != 0:
            raise AssertionError(f"{self.name} cannot import {archive}: {done.stderr}")

    def start_kubelet(self, programs):
        config = f"--kubeconfig={self.home}/kubeconfig"
        self.start_on_node(
            "kubelet", programs / "kubelet", config, f"--config={self.folder}/kubelet.yaml", f"--root-dir={self.folder}/kubelet",
            f"--hostname-override={self.name}", f"--node-ip={self.address}", "--container-runtime=remote",
            f"--container-runtime-endpoint=unix://{self.socket}", f"--pod-infra-container-image={PAUSE}",
            f"--node-labels=topology.kubernetes.io/zone=zone{self.number}")
        self.start_on_node("proxy", *proxy_command(self.home, programs, self.name))

    def processes(self):
        """All that runs on the node: what is on its network, and what the shims of its containerd have started."""
        network_id = os.stat(f"/run/netns/{self.name}").st_ino
        parents, found = {}, set()
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                    parents[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
                if os.stat(f"/proc/{entry}/ns/net").st_ino == network_id:
                    found.add(int(entry))
            except OSError:
                continue
        grown = True
        while grown:
            below = {pid for pid, parent in parents.items() if parent in found}
            grown, found = not below <= found, found | below
        return found - {os.getpid()}

    def die(self):
        def none_left():
            left = self.processes()
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not left
        wait_for(none_left, f"the processes of {self.name} to end")


if __name__ == "__main__":
    action, node = sys.argv[1], Node(sys.argv[2], int(sys.argv[3]))
    if action == "die":
        node.die()
    else:
        node.start_containerd()
        node.wait_containerd()
        node.start_kubelet(pathlib.Path(sys.argv[4]))
