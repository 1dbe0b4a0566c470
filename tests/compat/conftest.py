"""The fixtures of tests/integration, and the cluster with a proxy that all clients here are tried on."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

# pylint: disable=wrong-import-position
from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,unused-wildcard-import
from proxies import proxy_before, whole_cluster  # noqa: E402


@pytest.fixture(scope="module", name="proxy")
def proxy_before_three_shards(make_servers):
    """Two workers, so that clients of one test are not all served by the same."""
    with proxy_before(whole_cluster(make_servers, 3), "--workers", "2") as proxy:
        yield proxy
