"""Keyway's own client of the Kubernetes API, which tests/ has in C++ beside it, against a real API server."""

import os
import pathlib
import subprocess

import pytest
from keyway_home import PROGRAM

# Built beside the program, unless told otherwise.
TESTS = pathlib.Path(os.environ.get("KEYWAY_PLATFORM_TEST", pathlib.Path(PROGRAM).parent / "platform_test"))


def test_the_client(cluster):
    if not TESTS.exists():
        pytest.skip(f"{TESTS} is not built")
    done = subprocess.run([TESTS, "--gtest_filter=RealApiServerTest.*"], capture_output=True, text=True, check=False, timeout=300,
                          env={**os.environ, "KEYWAY_TEST_KUBECONFIG": cluster.kubectl.kubeconfig})
    assert done.returncode == 0, done.stdout
    assert "SKIPPED" not in done.stdout and "[  PASSED  ]" in done.stdout, done.stdout
