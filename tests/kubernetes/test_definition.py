"""An API server that has been taught what a KeywayCluster is keeps such objects, and refuses what is wrong with them."""

import pytest
import yaml
from definition import KIND, define, document

WHOLE = {"engine": {"kind": "valkey", "image": "valkey/valkey:9.1"}, "shards": 3, "replicas": 1, "memory": "256Mi",
         "storage": {"size": "1Gi"}, "config": {"maxmemory-policy": "allkeys-lru", "databases": 1},
         "users": [{"name": "workload", "rules": "+@all ~*", "enabled": True}], "proxy": {"user": "workload"}}


@pytest.fixture(name="defined", autouse=True)
def taught(cluster):
    define(cluster.kubectl)


def apply(kubectl, text, code=0):
    done = kubectl.run("apply", "-f", "-", text=text, code=code)
    return done.stdout + done.stderr


def spec(kubectl):
    return kubectl.get(KIND, "app")["spec"]


def test_an_object_is_made_read_scaled_edited_and_deleted(kubectl):
    assert "created" in apply(kubectl, document("app", **WHOLE))
    made = kubectl.get(KIND, "app")
    assert made["metadata"]["generation"] == 1
    # What is left out is filled in as the document's description says.
    assert made["spec"] == {**WHOLE, "mode": "sharded", "storage": {"size": "1Gi", "onDelete": "Retain"}}
    columns = kubectl.run("get", "kwc").stdout.splitlines()
    assert columns[0].split() == ["NAME", "MODE", "SHARDS", "READY", "STATE", "VERSION", "AGE"]
    assert columns[1].split()[:2] == ["app", "sharded"]

    kubectl.run("scale", f"{KIND}/app", "--replicas=5")
    assert spec(kubectl)["shards"] == 5 and kubectl.get(KIND, "app")["metadata"]["generation"] == 2
    assert "configured" in apply(kubectl, document("app", **{**WHOLE, "shards": 5, "memory": "512Mi"}))
    assert "unchanged" in apply(kubectl, document("app", **{**WHOLE, "shards": 5, "memory": "512Mi"}))
    kubectl.run("patch", KIND, "app", "--type=merge", "--patch", '{"spec": {"config": {"databases": null, "hz": 20}}}')
    assert spec(kubectl)["memory"] == "512Mi" and spec(kubectl)["config"] == {"maxmemory-policy": "allkeys-lru", "hz": 20}
    # By server-side apply two may edit one object, each its own fields.
    own = yaml.safe_load(document("app", replicas=2))
    kubectl.run("apply", "--server-side", "--force-conflicts", "--field-manager=other", "-f", "-", text=yaml.safe_dump(own))
    assert spec(kubectl)["replicas"] == 2 and spec(kubectl)["memory"] == "512Mi"

    kubectl.run("delete", KIND, "app")
    kubectl.wait_gone(KIND, "app")


@pytest.mark.parametrize("name, wrong, part", [
    ("app", {"replicas": 6}, "spec.replicas"), ("app", {"mode": "clustered"}, "spec.mode"), ("app", {"memory": "lots"}, "spec.memory"),
    ("app", {"users": [{"name": "a"}]}, "rules"), ("a" * 34, {}, "metadata.name"), ("app", {"storage": {"onDelete": "Ask"}}, "onDelete"),
    # What `kubectl scale` changes has to be a number.
    ("app", {"shards": [{"name": "hot"}]}, "spec.shards")])
def test_what_is_wrong_is_refused(kubectl, name, wrong, part):
    said = apply(kubectl, document(name, **wrong), code=1)
    assert part in said and ("is invalid" in said or "error validating" in said)
    assert kubectl.get(KIND) == []
