"""The Kubernetes that these tests run on: one of their own, with three nodes and no way out, or with KUBECONFIG set that cluster.

KEYWAY_PROGRAM              the program (build/release/keyway)
KEYWAY_ENGINES              a folder of servers, such as scripts/engines makes
KEYWAY_KUBERNETES_PROGRAMS  the folder that scripts/kubernetes prints; else it is asked
KUBECONFIG                  run against this cluster instead. Its pods' addresses must be in reach from here, and it must have, or be
KEYWAY_TEST_REGISTRY        able to pull from REGISTRY/…, the images; they are pushed there
"""

import itertools
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "integration"), str(HERE / "testbed")]

# pylint: disable=wrong-import-position
import images  # noqa: E402
import processes  # noqa: E402
from generated import Generated  # noqa: E402
from keyway_home import PROGRAM  # noqa: E402
from kubectl import Kubectl  # noqa: E402
from operated import OPERATORS  # noqa: E402
from testbed import Testbed, why_not  # noqa: E402

namespaces = (f"story{number}" for number in itertools.count(1))


def pytest_configure():
    # By default a SIGTERM would end the tests without their clean-up.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated"))


def pytest_collection_modifyitems(items):
    reason = "" if "KUBECONFIG" in os.environ else why_not()
    for item in items if reason else []:
        item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.when == "call":
        item.failed = report.failed


@pytest.fixture(scope="session", name="built")
def built_images():
    """{what it is of: (name, archive)}: of "keyway", "redis", "valkey"."""
    folder = tempfile.mkdtemp(prefix="keyway-images-", dir="/var/tmp")
    # Deletes the folder when the tests end, also when they are killed.
    # pylint: disable-next=consider-using-with
    reaper = subprocess.Popen([sys.executable, processes.__file__, folder], stdin=subprocess.PIPE, start_new_session=True)
    yield images.build_all(PROGRAM, pathlib.Path(folder))
    reaper.stdin.close()
    reaper.wait(timeout=60)


def kubernetes_programs():
    if "KEYWAY_KUBERNETES_PROGRAMS" in os.environ:
        return os.environ["KEYWAY_KUBERNETES_PROGRAMS"]
    done = subprocess.run([HERE.parents[1] / "scripts" / "kubernetes", "--present"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError("Kubernetes is not built: run scripts/install kubernetes && scripts/kubernetes")
    return done.stdout.strip()


class Cluster:
    """What the tests share: the administrator's kubectl, the names of the images, and the testbed, or None on somebody's cluster."""

    def __init__(self, kubectl, image_names, testbed):
        self.kubectl, self.images, self.testbed = kubectl, image_names, testbed


@pytest.fixture(scope="session", name="cluster")
def whole_cluster(built):
    if "KUBECONFIG" in os.environ:
        yield Cluster(Kubectl("kubectl", os.environ["KUBECONFIG"]), images.push_all(built), None)
        return
    programs = kubernetes_programs()
    archives = [archive for _, archive in built.values()]
    with Testbed(programs, archives) as testbed:
        testbed.enter()
        try:
            yield Cluster(Kubectl(f"{programs}/kubectl", testbed.kubeconfig), {of: name for of, (name, _) in built.items()}, testbed)
        finally:
            testbed.leave()


@pytest.fixture(name="testbed")
def own_cluster(cluster):
    """For tests that kill nodes or cut them off."""
    if cluster.testbed is None:
        pytest.skip("this needs a cluster of the tests' own")
    return cluster.testbed


@pytest.fixture(name="kubectl")
def in_namespace(cluster, request):
    """kubectl in an empty namespace, which goes with all in it when the test ends. What went wrong in there is told before."""
    name = next(namespaces)
    cluster.kubectl.run("create", "namespace", name)
    kubectl = cluster.kubectl.within(name)
    yield kubectl
    if getattr(request.node, "failed", False):
        print(kubectl.told())
    if cluster.kubectl.get("namespace", name) is None:
        return  # that was the story
    # In the controllers' own order this takes a minute or two. Nobody waits for the rest of it.
    # An operator first: it would make again what goes.
    kubectl.run("delete", "deployments,replicasets", "--all", "--cascade=orphan")
    kubectl.run("delete", "pods", "--selector", OPERATORS, "--force", "--grace-period=0", "--wait=false")
    kubectl.run("delete", "statefulsets,services", "--all", "--cascade=orphan")
    kubectl.run("delete", "pods", "--all", "--force", "--grace-period=0", "--wait=false")
    kubectl.run("delete", "persistentvolumeclaims", "--all", "--wait=false")
    kubectl.run("delete", "namespace", name, "--wait=false")


@pytest.fixture(name="sharded")
def whole_sharded(cluster, kubectl, tmp_path):
    made = Generated(kubectl, cluster.images, tmp_path / "app", "cluster")
    made.wait_whole(6)
    return made


@pytest.fixture(name="single")
def whole_single(cluster, kubectl, tmp_path):
    made = Generated(kubectl, cluster.images, tmp_path / "app", "single", "replicas=2", product="valkey")
    made.wait_whole(3)
    return made
