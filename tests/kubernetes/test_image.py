"""Keyway's image holds what it should and nothing else, and its program runs where there is nothing else."""

import json
import os
import subprocess
import tarfile

import pytest

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tool"}}


def open_layer(archive):
    """(the image's configuration, the names in its one layer) of a docker archive."""
    with tarfile.open(archive) as image:
        manifest = json.load(image.extractfile("manifest.json"))[0]
        config = json.load(image.extractfile(manifest["Config"]))
        layer, = manifest["Layers"]
        with tarfile.open(fileobj=image.extractfile(layer)) as files:
            return config, {member.name.strip("/"): member for member in files.getmembers() if member.name.strip("./")}


def test_the_image_has_the_program_and_no_shell(built):
    config, files = open_layer(built["keyway"][1])
    assert {name for name, member in files.items() if not member.isdir()} == {
        "usr/bin/keyway", "usr/bin/redis-trib", "usr/bin/kubectl-keyway", "etc/passwd", "etc/group", "etc/ssl/certs/ca-certificates.crt"}
    assert files["usr/bin/redis-trib"].linkname == "keyway"
    assert files["usr/bin/keyway"].mode & 0o777 == 0o755
    assert files["home/keyway"].mode & 0o777 == 0o777
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["Labels"]["org.opencontainers.image.title"] == "Keyway"
    assert sum(member.size for member in files.values()) < 16 << 20


def run_alone(root, *command):
    return subprocess.run(["chroot", root, *command], capture_output=True, text=True, check=False, timeout=20)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the root")
def test_the_program_needs_nothing_beside_it(built, tmp_path):
    with tarfile.open(built["keyway"][1]) as image:
        layer, = json.load(image.extractfile("manifest.json"))[0]["Layers"]
        with tarfile.open(fileobj=image.extractfile(layer)) as files:
            for name in ("usr/bin/keyway", "usr/bin/redis-trib", "usr/bin/kubectl-keyway"):
                member = files.getmember(next(one for one in files.getnames() if one.strip("/") == name))
                member.name = os.path.basename(name)
                files.extract(member, tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["keyway", "kubectl-keyway", "redis-trib"]
    assert run_alone(tmp_path, "/keyway", "version").stdout.startswith("keyway ")
    assert "add-node" in run_alone(tmp_path, "/redis-trib", "help").stdout
    assert "connect [NAME]" in run_alone(tmp_path, "/kubectl-keyway", "help").stdout
    # It is a position-independent program: it finds its own parts wherever it was loaded.
    refused = run_alone(tmp_path, "/redis-trib", "check", "127.0.0.1:1")
    assert refused.returncode == 1 and "cannot connect to 127.0.0.1:1" in refused.stdout


@pytest.mark.parametrize("product", ["redis", "valkey"])
def test_it_comes_into_images_of_others(cluster, kubectl, product):
    """An init container brings the program into a server's pod, whose image has other libraries or none."""
    volume = [{"name": "keyway", "mountPath": "/opt/keyway"}]
    kubectl.apply([{**POD, "spec": {
        "initContainers": [{"name": "keyway", "image": cluster.images["keyway"], "args": ["copy-program", "/opt/keyway"], "volumeMounts": volume}],
        "containers": [{"name": product, "image": cluster.images[product], "volumeMounts": volume}],
        "volumes": [{"name": "keyway", "emptyDir": {}}], "securityContext": {"runAsNonRoot": True}}}])
    kubectl.wait(lambda: kubectl.get("pod", "tool").get("status", {}).get("phase") == "Running", "the pod to run")
    assert kubectl.execute("tool", "/opt/keyway/keyway", "version").startswith("keyway ")
    said = kubectl.run("exec", "tool", "--", "/opt/keyway/redis-trib", "check", "localhost:6379", code=1).stdout
    assert "[ERR]" in said and "cluster" in said
