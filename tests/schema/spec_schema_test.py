"""The JSON schema and Keyway's parser agree on the documents under src/cluster/testdata/spec.

The parser's verdicts on them are in src/cluster/spec_corpus_test.cc. Here: the schema takes every good document and refuses
every bad one, except those that say "# schema: accepts", which break rules that a schema cannot tell.
"""

import json
import pathlib
import re

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ROOT / "src" / "cluster" / "testdata" / "spec"
SCHEMA = json.loads((ROOT / "deploy" / "schema" / "keywaycluster.json").read_text())


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2's core schema, as Kubernetes's JSON and Keyway have it: `no` is a text, not a truth value."""

    yaml_implicit_resolvers = {}


CoreLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(~|null|Null|NULL|)$"), None)
CoreLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), None)
CoreLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), None)
CoreLoader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
                                 None)


def documents(kind):
    return sorted((DOCUMENTS / kind).glob("*.yaml"))


def errors(path):
    """What is wrong with the document: errors of its YAML or of the schema."""
    try:
        found = yaml.load(path.read_text(), CoreLoader)
    except yaml.YAMLError as error:
        return [str(error)]
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(found)]


def schema_accepts(path):
    return "\n# schema: accepts\n" in path.read_text()


def test_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", documents("good"), ids=lambda path: path.stem)
def test_takes_good(path):
    assert errors(path) == []


@pytest.mark.parametrize("path", documents("bad"), ids=lambda path: path.stem)
def test_refuses_bad(path):
    assert bool(errors(path)) != schema_accepts(path)


def test_there_are_documents():
    assert len(documents("good")) >= 9
    assert len([path for path in documents("bad") if not schema_accepts(path)]) >= 50


def descriptions_missing(schema, path=""):
    """Fields that a reader of the schema is told nothing about, themselves or by what they refer to."""
    for name, field in schema.get("properties", {}).items():
        where = f"{path}.{name}"
        told = "description" in field or "const" in field or "$ref" in field
        if not told and name not in ("name", "enabled", "kind"):
            yield where
        yield from descriptions_missing(field, where)


def test_fields_are_described():
    assert list(descriptions_missing(SCHEMA)) == []
