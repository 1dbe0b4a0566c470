"""Loads the scripts, which have no .py at the end, as modules."""

import importlib.machinery
import importlib.util
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True


def load(name):
    path = ROOT / "scripts" / name
    loader = importlib.machinery.SourceFileLoader(f"keyway_{name}", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def checker():
    return load("check")


@pytest.fixture(scope="session")
def stages():
    return load("stages")


@pytest.fixture(scope="session")
def tidy():
    return load("tidy")
