"""What `keyway gen` prints is taken by an API server as it stands, and gives pods what they need to start."""

import pytest
from generated import KUBERNETES, NAME, ROLE, Generated, generate

SIZES = ("memory=256Mi", "storage=64Mi", f"name={NAME}", KUBERNETES)


@pytest.mark.parametrize("words", [
    ("single-partition", "partition=index", "replicas=2", *SIZES), ("cluster-partition", "partition=p1", *SIZES),
    ("cluster-partition.yaml", "partition=p1", "engine=valkey", "partitions=p1,p2", *SIZES), ("proxy", f"name={NAME}", KUBERNETES)], ids=lambda words: words[0])
def test_each_template_is_taken(kubectl, words):
    printed = generate(*words, f"namespace={kubectl.namespace}")
    said = kubectl.run("apply", "--dry-run=server", "-f", "-", text=printed).stdout
    assert said.count("created (server dry run)") == printed.count("\nkind: ") > 1


def init_ended(pod):
    states = pod.get("status", {}).get("initContainerStatuses") or [{}]
    return states[0].get("state", {}).get("terminated", {}).get("exitCode") == 0


def generations(kubectl):
    """How often what the StatefulSets should be has changed, by name."""
    return {one["metadata"]["name"]: one["metadata"]["generation"] for one in kubectl.get("statefulsets")}


@pytest.mark.parametrize("mode, count", [("single", 3), ("cluster", 6)])
def test_a_folder_is_applied(cluster, kubectl, tmp_path, mode, count):
    replicas = ["replicas=2"] if mode == "single" else []
    made = Generated(kubectl, cluster.images, tmp_path / "app", mode, *replicas)
    before = generations(kubectl)
    made.apply()
    assert generations(kubectl) == before, "the second time nothing is to be done"

    def prepared():
        pods = kubectl.get("pods", selector=ROLE)
        return len(pods) == count and all(map(init_ended, pods)) and pods
    pods = kubectl.wait(prepared, f"{count} pods to have the program")
    places = [(pod["metadata"]["labels"]["partition"], pod["spec"]["nodeName"]) for pod in pods]
    assert len(set(places)) == count, "no two pods of a shard are on one node"
    claims = kubectl.get("pvc")
    assert len(claims) == count and all(claim["status"]["phase"] == "Bound" for claim in claims)
    assert set(made.passwords) == {"default", "workload"}
