"""Redis's own Tcl suite through the proxy, before a cluster of one node and of three. tcl_suite.yaml says how many tests of each unit
pass without the proxy, and which ones do not pass with it, and why."""

import pathlib
import subprocess

import pytest
import yaml

from tcl_suite import run_suite

HERE = pathlib.Path(__file__).resolve().parent
KNOWN = yaml.safe_load((HERE / "tcl_suite.yaml").read_text(encoding="utf-8"))


def excepted(nodes, kind):
    return {name: entry["reason"] for entry in KNOWN["exceptions"] if nodes in entry["nodes"] for name in entry.get(kind, [])}


@pytest.fixture(scope="session", name="suite")
def suite_folder():
    done = subprocess.run([HERE / "install-tcl-suite"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("nodes", [1, 3])
def test_the_suite_passes(suite, engine, base_folder, ports, nodes):
    if engine.product != "redis" or engine.numbers[:2] != (7, 0):
        pytest.skip("the suite is that of Redis 7.0")
    fails, unsteady, skipped = (excepted(nodes, kind) for kind in ("fail", "unsteady", "skipped"))
    outcomes = run_suite(suite, engine, base_folder / f"tcl{nodes}", ports, nodes, KNOWN["direct"], list(skipped))
    problems, passed = [], 0
    for unit, outcome in outcomes.items():
        passed += len(outcome.passed)
        print(f"{unit}: {len(outcome.passed)} of {KNOWN['direct'][unit]} pass")
        if outcome.ended:
            problems.append(f"{unit} was not run to its end: {outcome.ended}")
        for name, why in outcome.failed.items():
            if name not in fails and name not in unsteady:
                problems.append(f"{unit}: '{name}' fails: {why}")
        problems += [f"{unit}: '{name}' passes; it is no exception any more" for name in outcome.passed if name in fails]
    print(f"{passed} of {sum(KNOWN['direct'].values())} pass with {nodes} nodes")
    assert not problems, "\n".join(problems)
    assert passed >= KNOWN["floor"][nodes]
