"""The definition of KeywayCluster takes the documents that `keyway up` takes, and refuses what Kubernetes can see is wrong."""

import json
import pathlib
import subprocess

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ROOT / "src" / "cluster" / "testdata" / "spec"
MAX_NAME = 33


@pytest.fixture(scope="module", name="definition")
def printed_definition(keyway):
    [definition] = keyway.objects("install", "--print", "definition")
    return definition


def schema_of(definition):
    [version] = definition["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]


def fields_of(schema, path=""):
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from fields_of(field, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from fields_of(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from fields_of(schema["additionalProperties"], f"{path}{{}}")


def closed(schema):
    """The schema, refusing the fields that Kubernetes would drop without a word."""
    copy = json.loads(json.dumps(schema))
    for path, field in fields_of(copy):
        if "properties" in field and path != ".metadata" and not field.get("x-kubernetes-preserve-unknown-fields"):
            field["additionalProperties"] = False
    return copy


def errors(definition, document):
    return [error.message for error in jsonschema.Draft202012Validator(closed(schema_of(definition))).iter_errors(document)]


# https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
def test_schema_is_structural(definition):
    for path, field in fields_of(schema_of(definition)):
        typed = "type" in field or field.get("x-kubernetes-int-or-string") or field.get("x-kubernetes-preserve-unknown-fields")
        assert typed, f"{path} has no type"
        assert ("properties" in field) <= (field.get("type") == "object"), path
        assert ("items" in field) <= (field.get("type") == "array"), path
        assert field.get("x-kubernetes-int-or-string") or not set(field) & {"anyOf", "oneOf", "allOf", "not", "$ref"}, path


@pytest.mark.parametrize("path", sorted((DOCUMENTS / "good").glob("*.yaml")), ids=lambda path: path.stem)
def test_takes_what_up_takes(definition, path):
    document = yaml.safe_load(path.read_text())
    found = errors(definition, document)
    too_long = len(document["metadata"]["name"]) > MAX_NAME
    # What `kubectl scale` changes has to be a number; namedShards is the list.
    listed = isinstance(document["spec"].get("shards"), list)
    assert bool(found) == (too_long or listed), found


@pytest.mark.parametrize("spec", [{"replicas": 9}, {"shards": 0}, {"shards": 2000}, {"shards": []}, {"shards": [{"name": "a"}]}, {"namedShards": []}, {"namedShards": 3}, {"mode": "ring"}, {"memory": "5x"},
                                  {"users": [{"name": "a"}]}, {"storage": {"onDelete": "Keep"}}, {"replcas": 1},
                                  {"proxy": {"port": 70000}}], ids=json.dumps)
def test_refuses(definition, spec):
    document = {"apiVersion": "keyway.dev/v1alpha1", "kind": "KeywayCluster", "metadata": {"name": "app"}, "spec": spec}
    assert errors(definition, document)


def test_columns_and_subresources(definition):
    [version] = definition["spec"]["versions"]
    assert [column["name"] for column in version["additionalPrinterColumns"]] == ["Mode", "Shards", "Ready", "State", "Version", "Age"]
    known = {path for path, _ in fields_of(schema_of(definition))}
    for column in version["additionalPrinterColumns"]:
        assert column["jsonPath"] in known | {".metadata.creationTimestamp"}
    assert set(version["subresources"]["scale"].values()) <= known
    assert definition["metadata"]["name"] == f"{definition['spec']['names']['plural']}.{definition['spec']['group']}"


# Kubernetes before 1.25 knows no rules, and its kubectl refuses to send them.
def test_rules_are_left_out_for_old_ones(keyway, definition):
    [old] = keyway.objects("install", "--print", "definition", "--kubernetes", "1.20")
    assert "x-kubernetes-validations" in json.dumps(definition)
    assert "x-kubernetes-validations" not in json.dumps(old)

    def without_rules(node):
        if isinstance(node, dict):
            return {name: without_rules(value) for name, value in node.items() if name != "x-kubernetes-validations"}
        return [without_rules(value) for value in node] if isinstance(node, list) else node
    assert without_rules(definition) == old


def rules(definition, path):
    field = dict(fields_of(schema_of(definition)))[path]
    return [rule["rule"] for rule in field["x-kubernetes-validations"]]


def verdicts(node_modules, cases):
    """What another maker's CEL makes of rules: [rule, self, oldSelf] each."""
    done = subprocess.run(["node", pathlib.Path(__file__).parent / "schemas" / "rules.mjs", node_modules], input=json.dumps(cases),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_rules_hold_for_what_is_right_and_not_for_what_is_wrong(definition, node_modules):
    user = lambda rules, name="a": {"name": name, "rules": rules}  # noqa: E731 pylint: disable=unnecessary-lambda-assignment
    proxied = lambda user, users=None: {"proxy": {"user": user}, **({"users": users} if users is not None else {})}  # noqa: E731 pylint: disable=unnecessary-lambda-assignment
    cases = [
        (".spec.mode", "sharded", "sharded", True),
        (".spec.mode", "sharded", "replicated", False),
        (".spec.users[]", user("+@all -@dangerous +info ~*"), None, True),
        (".spec.users[]", user("+@read ~on:* %R~off &reset*"), None, True),
        (".spec.users[]", user("+@all", "admin"), None, False),
        *((".spec.users[]", user(f"{begin}{word}{end}"), None, False)
          for word in (">pw", "<pw", "#0a", "!0a", "nopass", "resetpass", "on", "off", "reset")
          for begin, end in (("", ""), ("+@all ", ""), ("", " ~*"), ("+@all ", " ~*"))),
        (".spec", {}, None, True),
        (".spec", proxied(""), None, True),
        (".spec", proxied("workload"), None, True),
        (".spec", proxied("reports"), None, False),
        (".spec", proxied("reports", [user("~*", "reports")]), None, True),
        (".spec", proxied("workload", []), None, False),
        (".spec", {"proxy": {"port": 1}}, None, True),
    ]
    asked = [[rules(definition, path), given, old] for path, given, old, _ in cases]
    assert verdicts(node_modules, asked) == [right for *_, right in cases]
