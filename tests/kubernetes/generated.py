"""A cluster out of `keyway gen kustomization`, as a person makes one: the folder, `kubectl apply -k`, and nothing by hand after it."""

import re
import subprocess

import redis

from keyway_home import PROGRAM
from kubectl import is_ready
from pods import PORT, PodCluster

# The API that the tests' own Kubernetes has.
KUBERNETES = "kubernetes=1.20"
NAME = "app"
ROLE = "role=partition-shard"
# What is enough for a write to be taken again after the worst here: all pods gone at once.
SLOW_S = 180
PRIMARY = f"{ROLE},shard-role=primary"


def generate(*words):
    """What `keyway gen` prints."""
    done = subprocess.run([PROGRAM, "gen", *map(str, words)], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Generated:
    """`mode` is cluster or single; `words` are further ones of gen's. Waits for nothing."""

    def __init__(self, kubectl, images, folder, mode, *words, product="redis"):
        self.kubectl, self.folder, self.sharded = kubectl, folder, mode == "cluster"
        self.command = ("kustomization", "--mode", mode, "--name", NAME, "--namespace", kubectl.namespace)
        self.words = (KUBERNETES, f"engine={product}", f"image={images[product]}", f"keywayImage={images['keyway']}", "memory=256Mi",
                      "cpu=20m", "storage=64Mi", *words)
        self.apply()
        users = (folder / "users.acl").read_text(encoding="utf-8")
        # As scripts do that people have: the password is the word after ">".
        self.passwords = dict(re.findall(r"^user (\S+) .*? >(\S+)", users, re.MULTILINE))
        self.pods = PodCluster(kubectl, ROLE, self.sharded, "workload", self.passwords["workload"],
                               admin=("default", self.passwords["default"]))

    def apply(self, *words):
        """Writes the folder, anew where it is there, with the passwords that it has, and applies it; `words` outweigh the first ones.
        Gives a line for each object."""
        merged = dict(word.split("=", 1) for word in (*self.words, *words))
        generate(*self.command, *(f"{key}={value}" for key, value in merged.items()), "--force", self.folder)
        return self.kubectl.run("apply", "-k", self.folder).stdout.splitlines()

    def wait_whole(self, count, deadline_s=180):
        """The pods, when all are ready and each shard has exactly one that is marked as its primary."""
        pods = self.kubectl.wait_ready(count, ROLE, deadline_s)
        shards = {pod["metadata"]["labels"]["partition"] for pod in pods}
        self.kubectl.wait(lambda: self.marked() == sorted(shards), f"one primary of each of {sorted(shards)} to be marked")
        return pods

    def marked(self):
        """The shards of the pods that are marked as primaries."""
        return sorted(pod["metadata"]["labels"]["partition"] for pod in self.kubectl.get("pods", selector=PRIMARY))

    def primaries_of(self, shard):
        """The uids of the pods that are marked as primaries of a shard."""
        return {pod["metadata"]["uid"] for pod in self.kubectl.get("pods", selector=f"{PRIMARY},partition={shard}")}

    def primary_of(self, shard):
        """The pod that is marked as the primary of a shard."""
        pod, = self.kubectl.get("pods", selector=f"{PRIMARY},partition={shard}")
        return pod

    def primary_service(self):
        """A connection to whom the Service for writes leads to."""
        return self.pods.connection(self.service_address(f"redis-primary-{NAME}"), PORT, "workload", self.passwords["workload"])

    def service_address(self, name):
        return self.kubectl.get("service", name)["spec"]["clusterIP"]


def answers(connection):
    try:
        return connection.ping()
    except redis.RedisError:
        return False


def is_new(pod, old_uid):
    """Whether a pod of that name is there again, and ready."""
    return pod is not None and pod["metadata"]["uid"] != old_uid and is_ready(pod)


def replace(kubectl, pod, deadline_s):
    """Deletes a pod as a person does, and returns when there is another of its name that is ready."""
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    kubectl.run("delete", "pod", name, "--wait=false")
    kubectl.wait(lambda: is_new(kubectl.get("pod", name), uid), f"{name} to be another and ready", deadline_s)
