"""`keyway operator` as a process before a simulated API server, and what a person and a steward do there."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request

from keyway_home import PROGRAM

CLUSTERS = ("apis/keyway.dev/v1alpha1", "keywayclusters")
LEASES = ("apis/coordination.k8s.io/v1", "leases")


class Operator:
    """Runs until end()."""

    def __init__(self, kubernetes, folder, http_port):
        config = folder / "kubeconfig"
        config.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            "clusters": [{"name": "x", "cluster": {"server": f"http://127.0.0.1:{kubernetes.server_address[1]}"}}],
            "users": [{"name": "x", "user": {}}]}), encoding="utf-8")
        self.http_port = http_port
        self.log = (folder / "operator.log").open("ab")
        self.begin = time.monotonic()
        self.process = subprocess.Popen([PROGRAM, "operator", "--image", "keyway:test", "--http", f"127.0.0.1:{http_port}"],
                                        env={"KUBECONFIG": str(config), "PATH": os.environ["PATH"]}, stderr=self.log)

    def count(self, name):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=5) as answer:
                return int(re.search(rf"^keyway_operator_{name} (-?\d+)$", answer.read().decode(), re.MULTILINE).group(1))
        except OSError:
            return None

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return 1024 * int(re.search(r"^VmRSS:\s+(\d+) kB", file.read(), re.MULTILINE).group(1))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=20)
        self.log.close()
        return code


def apply(kubernetes, namespace, **spec):
    kubernetes.put((*CLUSTERS, namespace, "app"), {"spec": {"mode": "sharded", "shards": 3, "memory": "64Mi", "storage": {"size": "1Gi"}, **spec}})


def report(kubernetes, namespace):
    """What a steward would say."""
    key = (*LEASES, namespace, "redis-app")
    with kubernetes.lock:
        lease = kubernetes.objects[key]
        wanted = json.loads(lease["metadata"]["annotations"]["keyway.dev/wanted"])
        shards = {name: {"primary": f"redis-partition-{name}-app-0", "slots": 5461, "replicas_in_sync": 1} for name in wanted["partitions"]}
        lease["metadata"]["annotations"]["keyway.dev/report"] = json.dumps({
            "generation": wanted["generation"], "formed": True, "slots_assigned": 16384, "slots_served": 16384, "shards": shards,
            "outcomes": [{"n": n, "what": "give slots 0-5460 to p1", "why": "the cluster is new", "ok": True} for n in range(1, 17)]})
        kubernetes.put(key, lease)


def state(kubernetes, namespace):
    return kubernetes.objects[(*CLUSTERS, namespace, "app")].get("status", {}).get("state")
