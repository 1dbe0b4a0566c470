"""Where no testbed can run, the tests are skipped with a reason, and nothing of the attempt stays."""

import os
import pathlib
import subprocess
import sys

import pytest
from possible import PLACE, PREFIX, why_not

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="others are told at once that they are not root")
FOLDERS = [pathlib.Path(__file__).parent / "testbed", pathlib.Path(__file__).parents[1] / "integration"]
ASK = f"import sys; sys.path[:0] = {list(map(str, FOLDERS))}; import possible; print(possible.why_not())"


def why_not_without(capability):
    """What is said to a root that lacks a capability, as one in a container does."""
    command = ["setpriv", f"--inh-caps=-{capability}", f"--bounding-set=-{capability}", sys.executable, "-c", ASK]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@pytest.mark.parametrize("capability, part", [
    ("sys_admin", "namespaces of its own"), ("net_admin", "networks and links between them"), ("sys_chroot", "pivot_root, chroot")])
def test_what_is_missing_is_said_in_a_sentence(capability, part):
    said = why_not_without(capability)
    assert said.startswith("a Kubernetes cannot run on this machine") and part in said
    assert len(said.splitlines()) == 1 and "not permitted" in said


def test_nothing_of_the_attempt_stays():
    why_not()
    groups = (pathlib.Path("/sys/fs/cgroup").glob(pattern) for pattern in (f"{PREFIX}*", f"*/{PREFIX}*"))
    assert not [path for found in (*groups, pathlib.Path(PLACE).glob(f"{PREFIX}*")) for path in found]
