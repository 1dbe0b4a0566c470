"""Objects of the kind KeywayCluster, which `keyway install --print definition` teaches a Kubernetes."""

import subprocess

import yaml
from keyway_home import PROGRAM

# The tests' own Kubernetes knows no rules between fields yet; those of later ones ignore what they know better.
VERSION = "1.20"
KIND = "keywaycluster"
DEFINITION = "keywayclusters.keyway.dev"


def install(*words):
    """What `keyway install` prints."""
    done = subprocess.run([PROGRAM, "install", "--kubernetes", VERSION, *words], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def define(kubectl):
    """Teaches it, also where it is known already, for all namespaces; nobody takes it back."""
    kubectl.run("apply", "-f", "-", text=install("--print", "definition"))
    kubectl.run("wait", "--for=condition=Established", "--timeout=30s", f"customresourcedefinition/{DEFINITION}")


def document(name, **spec):
    return yaml.safe_dump({"apiVersion": "keyway.dev/v1alpha1", "kind": "KeywayCluster", "metadata": {"name": name}, "spec": spec})
