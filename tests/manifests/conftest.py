"""What the manifests are held against: Kubernetes's own types, as an npm package has them."""

import os
import pathlib
import subprocess

import pytest
import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROGRAM = os.environ.get("KEYWAY_PROGRAM") or str(ROOT / "build" / "release" / "keyway")


@pytest.fixture(scope="session", name="node_modules")
def node_modules_folder():
    """$KEYWAY_NODE_MODULES, or what scripts/node-modules makes."""
    if given := os.environ.get("KEYWAY_NODE_MODULES"):
        return pathlib.Path(given)
    done = subprocess.run([ROOT / "scripts" / "node-modules", HERE / "schemas"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.splitlines()[-1])


class Keyway:
    """The program."""

    def run(self, *arguments, code=0, **options):
        done = subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                              check=False, **options)
        assert done.returncode == code, f"keyway {arguments} ended with {done.returncode}: {done.stderr}"
        return done

    def objects(self, *arguments):
        return [document for document in yaml.safe_load_all(self.run(*arguments).stdout) if document is not None]


@pytest.fixture(scope="session", name="keyway")
def keyway_program():
    return Keyway()
