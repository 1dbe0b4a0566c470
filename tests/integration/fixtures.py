"""Fixtures: state homes of the program under test with clusters of real servers in them; whatever a test does, its processes
end with it.

KEYWAY_PROGRAM     the program (build/release/keyway)
KEYWAY_ENGINE      one server program to test with, or
KEYWAY_ENGINES     a folder of them, such as scripts/engines makes; else what PATH has
KEYWAY_TEST_PORTS  FIRST-LAST: ports for the clusters
"""

import collections
import os
import shutil
import signal

import pytest

from bare_servers import Servers, Tool
from engines import find_engines
from keyway_home import PROGRAM, Cluster, Home
from ports import Ports
from scratch import scratch_folder

ENGINES = find_engines()
LOG_LINES = 60


def pytest_configure(config):
    config.addinivalue_line("markers", "every_engine: run with every server version, not with the main ones only")
    if not os.access(PROGRAM, os.X_OK):
        raise pytest.UsageError(f"{PROGRAM} is not there; build it, or set KEYWAY_PROGRAM")
    if not ENGINES:
        raise pytest.UsageError("no redis-server and no valkey-server is installed; set KEYWAY_ENGINES")
    # By default a SIGTERM would end the tests without their clean-up.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated"))


def pytest_generate_tests(metafunc):
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ENGINES, ids=repr, indirect=True, scope="session")


def pytest_collection_modifyitems(config, items):
    """All tests of one engine in a row, so that they can share clusters."""
    place = {engine.name: number for number, engine in enumerate(ENGINES)}

    def engine_of(item):
        return item.callspec.params.get("engine") if hasattr(item, "callspec") else None

    def wanted(item):
        return engine_of(item) is None or engine_of(item).main or item.get_closest_marker("every_engine")

    left = [item for item in items if not wanted(item)]
    if left:
        config.hook.pytest_deselected(items=left)
    items[:] = sorted((item for item in items if wanted(item)),
                      key=lambda item: place[engine_of(item).name] if engine_of(item) else -1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for value in getattr(item, "funcargs", {}).values():
        homes = [value] if isinstance(value, Home) else [value.home] if isinstance(value, Cluster) else []
        for home in homes:
            for log in sorted(home.folder.glob("clusters/*/supervisor.log")):
                lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
                report.sections.append((f"the end of {log}", "\n".join(lines)))


@pytest.fixture(scope="session")
def base_folder():
    """Where all homes are."""
    with scratch_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def ports():
    return Ports()


@pytest.fixture(scope="session")
def engine(request):
    return request.param


@pytest.fixture(scope="session")
def make_home(base_folder, ports):
    count = iter(range(10**6))

    def make(engine):
        return Home(base_folder / f"h{next(count)}", engine, ports)

    return make


@pytest.fixture
def home(make_home, engine):
    """An empty state home of this test's own."""
    made = make_home(engine)
    yield made
    made.end()
    shutil.rmtree(made.folder, ignore_errors=True)


@pytest.fixture
def bare_home(make_home):
    """A home for tests that start no server."""
    made = make_home(ENGINES[0])
    yield made
    made.end()
    shutil.rmtree(made.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def make_servers(engine, base_folder, ports):
    """Makes servers in cluster mode, or others with `lines` of configuration, that nobody keeps."""
    made = []

    def make(count, lines=(), **account):
        made.append(Servers(engine, base_folder / f"s{ports.next}", ports, count, lines, **account))
        return made[-1]

    yield make
    for servers in made:
        servers.end()
        shutil.rmtree(servers.folder, ignore_errors=True)


@pytest.fixture
def tool(home):
    """The cluster tool in its three spellings."""
    return Tool(home)


Kind = collections.namedtuple("Kind", "name arguments")
SHARDED = Kind("sharded", ("--shards", "3", "--replicas", "1"))
REPLICATED = Kind("replicated", ("--mode", "replicated", "--replicas", "2"))


class Shared:
    """Clusters that several tests of one engine use one after the other. One that a test left other than it was is replaced."""

    def __init__(self, make_home):
        self.make_home, self.made, self.engine = make_home, {}, None

    def get(self, engine, kind):
        if self.engine is not engine:
            self.end()
            self.engine = engine
        cluster, spec = self.made.get(kind, (None, None))
        if cluster and not self.as_it_was(cluster, spec):
            self.drop(kind)
            cluster = None
        if cluster is None:
            cluster = self.make_home(engine).up(kind.name, *kind.arguments)
            self.made[kind] = (cluster, cluster.state()["spec"])
        return cluster

    @staticmethod
    def as_it_was(cluster, spec):
        try:
            return cluster.wait_ready() and cluster.state()["spec"] == spec
        except (AssertionError, OSError, ValueError):
            return False

    def drop(self, kind):
        cluster, _ = self.made.pop(kind)
        cluster.home.end()
        shutil.rmtree(cluster.home.folder, ignore_errors=True)

    def end(self):
        for kind in list(self.made):
            self.drop(kind)


@pytest.fixture(scope="session")
def shared(make_home):
    clusters = Shared(make_home)
    yield clusters
    clusters.end()


@pytest.fixture
def sharded(shared, engine):
    """A whole cluster of 3 shards with 1 replica each. It need not be left whole; what is in it may be anything."""
    return shared.get(engine, SHARDED)


@pytest.fixture
def replicated(shared, engine):
    """A replicated server: a primary and 2 replicas. As `sharded`."""
    return shared.get(engine, REPLICATED)
