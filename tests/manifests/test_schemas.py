"""Every object that the program prints is what Kubernetes 1.30 takes: no field that it does not know, none of another type.

The types are those of the npm package kubernetes-types, which are made of that version's OpenAPI document; TypeScript checks them.
"""

import json
import pathlib
import subprocess

import pytest

MODULES = {"v1": "core/v1", "apps/v1": "apps/v1", "policy/v1": "policy/v1", "rbac.authorization.k8s.io/v1": "rbac/v1",
           "apiextensions.k8s.io/v1": "apiextensions/v1"}
SETTINGS = {"compilerOptions": {"noEmit": True, "strict": True, "skipLibCheck": True, "types": [], "module": "esnext",
                                "moduleResolution": "bundler", "target": "es2022"}, "files": ["objects.ts"]}
COMMANDS = [
    ["gen", "single-partition", "partition=index", "replicas=2", "memory=64Gi", "storageClassName=standard-rwo", "storage=128Gi"],
    ["gen", "single-partition", "partition=index", "replicas=0", "engine=valkey", "cpu=2", "config.save=3600 1"],
    ["gen", "cluster-partition", "partition=p1", "name=app", "namespace=data", "partitions=p1,p2", "memory=1G"],
    ["gen", "proxy", "name=app", "namespace=data", "user=workload"],
    ["install", "--image", "registry.example/keyway:1"],
    ["install", "--namespace", "data"],
]


def without_extensions(node):
    """The package leaves these fields out of what a definition's schema may have; test_definition.py looks at them."""
    if isinstance(node, dict):
        return {name: without_extensions(value) for name, value in node.items() if not name.startswith("x-kubernetes-")}
    return [without_extensions(item) for item in node] if isinstance(node, list) else node


def type_errors(folder, node_modules, objects):
    """What TypeScript says of the objects as constants of their kinds' types."""
    lines = []
    for number, found in enumerate(objects):
        kind, module = found["kind"], MODULES[found["apiVersion"]]
        lines.append(f'import type {{{kind} as Kind{number}}} from "kubernetes-types/{module}";')
        lines.append(f"export const object{number}: Kind{number} = {json.dumps(without_extensions(found))};")
    (folder / "objects.ts").write_text("\n".join(lines) + "\n")
    (folder / "tsconfig.json").write_text(json.dumps(SETTINGS))
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(node_modules)
    done = subprocess.run(["node", pathlib.Path("node_modules/typescript/bin/tsc"), "-p", "."], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    return done.stdout.splitlines() or ([] if done.returncode == 0 else ["tsc failed and said nothing"])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command[:3]))
def test_objects_are_what_kubernetes_takes(keyway, node_modules, tmp_path, command):
    objects = keyway.objects(*command)
    assert objects
    assert type_errors(tmp_path, node_modules, objects) == []


def test_what_kubernetes_does_not_take_is_seen(keyway, node_modules, tmp_path):
    objects = keyway.objects(*COMMANDS[0])
    pod = next(found for found in objects if found["kind"] == "StatefulSet")["spec"]["template"]["spec"]
    pod["containers"][0]["readinesProbe"] = pod["containers"][0].pop("readinessProbe")
    assert any("readinesProbe" in line for line in type_errors(tmp_path, node_modules, objects))


def test_only_versions_of_today(keyway):
    for command in COMMANDS:
        assert {found["apiVersion"] for found in keyway.objects(*command)} <= set(MODULES)
    old = keyway.objects("gen", "proxy", "name=app", "kubernetes=1.20")
    assert {found["apiVersion"] for found in old if found["kind"] == "PodDisruptionBudget"} == {"policy/v1beta1"}
