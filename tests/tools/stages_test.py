"""scripts/stages: what the runners say at their end is read right, and nothing that broke passes for a success."""

import pathlib
import sys
import time

import pytest

GTEST_ALL_PASS = """Running main() from gtest_main.cc
[==========] 31 tests from 4 test suites ran. (12 ms total)
[  PASSED  ] 31 tests.
"""
GTEST_SOME_FAIL = """[ RUN      ] Slots.AreEven
a.cc:7: Failure
[  FAILED  ] Slots.AreEven (0 ms)
[==========] 31 tests from 4 test suites ran. (12 ms total)
[  PASSED  ] 28 tests.
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] Slots.OnWindows
[  FAILED  ] 2 tests, listed below:
[  FAILED  ] Slots.AreEven
[  FAILED  ] Slots.AreAll

 2 FAILED TESTS
"""


@pytest.mark.parametrize("output, counts", [
    (GTEST_ALL_PASS, (31, 0, 0)),
    (GTEST_SOME_FAIL, (28, 2, 1)),
    (GTEST_ALL_PASS.replace("PASSED  ] 31", "PASSED  ] 30"), (30, 1, 0)),
    ("Segmentation fault\n", None),
])
def test_gtest(stages, output, counts):
    assert stages.gtest_counts(output) == counts


@pytest.mark.parametrize("output, counts", [
    ("....\n4 passed in 0.10s\n", (4, 0, 0)),
    ("=== 1 failed, 3 passed, 2 skipped, 1 error in 61.00s (0:01:01) ===\n", (3, 2, 2)),
    ("2 passed, 1 xfailed, 1 warning in 0.10s\n", (3, 0, 0)),
    ("no tests ran in 0.01s\n", None),
    ("ERROR: file or directory not found: tests/x\n", None),
])
def test_pytest(stages, output, counts):
    assert stages.pytest_counts(output) == counts


@pytest.mark.parametrize("output, counts", [
    ("1000 seeds, 0 failed\nseed 7: lost a write\n10000 seeds, 1 failed: 3.0 h of virtual time\n", (9999, 1, 0)),
    ("10000 seeds, 0 failed: 3.0 h of virtual time\n", (10000, 0, 0)),
    ("1000 seeds, 0 failed\n", None),
])
def test_the_simulation(stages, output, counts):
    assert stages.seed_counts(output) == counts


def test_the_scripts_own_lines(stages):
    assert stages.rule_counts("380 files, 14 rules: 12 hold, 2 broken (9 findings)\n") == (12, 2, 0)
    assert stages.tidy_counts("80 files: 70 clean, 1 not, 9 not looked at (40 known from before)\n") == (70, 1, 9)


@pytest.fixture
def in_folder(stages, tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "ROOT", str(tmp_path))
    monkeypatch.setattr(stages, "LOGS", str(tmp_path))
    return stages


def program(text):
    return [sys.executable, "-c", text]


@pytest.mark.parametrize("text, counts", [
    ("print('5 seeds, 0 failed: fine')", (5, 0, 0)),
    ("print('5 seeds, 1 failed: bad'); raise SystemExit(1)", (4, 1, 0)),
    ("print('5 seeds, 0 failed: fine'); raise SystemExit(3)", (5, 1, 0)),
    ("import os; os.abort()", (0, 1, 0)),
    ("pass", (0, 1, 0)),
    ("print('0 seeds, 0 failed: fine')", (0, 1, 0)),
])
def test_no_success_without_tests_that_passed(in_folder, text, counts):
    assert in_folder.tests("title", program(text), "log", in_folder.seed_counts, 30) == counts


GTEST_LATE = """[==========] Running 4 tests from 1 test suite.
x_test.cc:7: Failure
Value of: wait_until([&] { return is_whole(); })
  Actual: false
Expected: true
[  FAILED  ] Engines/Fix.Late/redis_7_0_15, where GetParam() = 4-byte object <01> (30000 ms)
x_test.cc:9: Failure
Value of: keys == 7
  Actual: false
Expected: true
x_test.cc:10: Failure
Value of: wait_until([&] { return is_whole(); })
[  FAILED  ] Fix.LostKeys (12 ms)
x_test.cc:20: Failure
Value of: engine::wait_until([&] { return other(); })
[  FAILED  ] Fix.AlsoLate (30000 ms)
[==========] 4 tests from 1 test suite ran. (60012 ms total)
[  PASSED  ] 1 test.
[  FAILED  ] 3 tests, listed below:
[  FAILED  ] Engines/Fix.Late/redis_7_0_15, where GetParam() = 4-byte object <01>
[  FAILED  ] Fix.LostKeys
[  FAILED  ] Fix.AlsoLate
"""
PYTEST_LATE = """=========================== short test summary info ============================
FAILED tests/x/test_a.py::test_b[redis-7.0.15] - AssertionError: waited 240 s in vain for it; the last look gave None
FAILED tests/x/test_a.py::test_c - subprocess.TimeoutExpired: Command '['x']' timed out after 60 seconds
FAILED tests/x/test_a.py::test_d[two words] - AssertionError: waited 0.5 s in vain for it
FAILED tests/x/test_a.py::test_lost - AssertionError: assert 3 == 4
4 failed, 3 passed in 61.00s (0:01:01)
"""


def test_who_ran_out_of_time(stages):
    assert stages.late_gtest(GTEST_LATE) == ["Engines/Fix.Late/redis_7_0_15", "Fix.AlsoLate"]
    assert stages.late_gtest(GTEST_SOME_FAIL) == []
    assert stages.late_pytest(PYTEST_LATE) == [f"tests/x/test_a.py::{name}" for name in ("test_b[redis-7.0.15]", "test_c", "test_d[two words]")]


@pytest.mark.parametrize("outputs, added", [
    (["1 passed in 3.0s"], (1, -1, 0)),
    (["1 failed in 3.0s"], (0, 0, 0)),
    (["1 skipped in 3.0s"], (0, 0, 0)),
    (["no tests ran in 1.0s"], (0, 0, 0)),
    (["1 passed in 3.0s", "1 failed in 3.0s"], (1, -1, 0)),
    (["1 passed in 3.0s"] * 11, (0, 0, 0)),
])
def test_by_themselves(in_folder, outputs, added):
    late = [("x", program(f"print({output!r})"), "log", in_folder.pytest_counts, 30) for output in outputs]
    assert in_folder.by_themselves(late) == added


def test_a_failure_is_handed_on(in_folder):
    seen = []
    in_folder.tests("x", program("print('5 seeds, 1 failed: a')"), "log", in_folder.seed_counts, 30, failed=seen.append)
    in_folder.tests("x", program("print('5 seeds, 0 failed: b')"), "log", in_folder.seed_counts, 30, failed=seen.append)
    assert seen == ["5 seeds, 1 failed: a\n"]


def test_parts_are_counted_together(in_folder):
    code = "import os; print(f'[==========] {2} tests from 1 test suite ran.'); print('[  PASSED  ] 2 tests.'); " \
           "assert os.environ['GTEST_TOTAL_SHARDS'] == '3' and os.environ['MINE'] == '1'; " \
           "open('part' + os.environ['GTEST_SHARD_INDEX'], 'x')"
    assert in_folder.gtest_in_parts("x", [sys.executable, "-c", code], "x.log", 60, {"MINE": "1"}, 3) == in_folder.Counts(6)
    fails = code + "; import sys; sys.exit(os.environ['GTEST_SHARD_INDEX'] == '1')"
    failed = in_folder.gtest_in_parts("x", [sys.executable, "-c", fails.replace("'x')", "'w')")], "x.log", 60, {"MINE": "1"}, 3)
    assert failed == in_folder.Counts(6, 1)


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_what_does_not_end_is_killed_with_its_children(in_folder, tmp_path):
    text = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(child.pid, "is the child\\n1 seeds, 0 failed: fine", flush=True)
signal.pause()
"""
    assert in_folder.tests("title", program(text), "log", in_folder.seed_counts, 2) == (1, 1, 0)
    child = int((tmp_path / "log").read_text().split()[0])
    deadline = time.monotonic() + 10
    while is_alive(child):
        assert time.monotonic() < deadline, "the child lives on"


def test_a_broken_stage_is_a_failure(in_folder, capsys):
    def works():
        return in_folder.Counts(2)

    def breaks():
        raise in_folder.Broken("the compiler is on holiday")

    def empty():
        return in_folder.Counts()

    assert [in_folder.run_stage(stage)[1] for stage in (works, breaks, empty)] == [(2, 0, 0), (0, 1, 0), (0, 1, 0)]
    assert "the compiler is on holiday" in capsys.readouterr().out


def test_a_step_that_fails_shows_the_first_errors(in_folder, capsys):
    lines = ["[1/2] Building a", "FAILED: a.o", "a.cc:1:1: error: no such thing"]
    text = f"print({chr(10).join(lines)!r}); raise SystemExit(1)"
    with pytest.raises(in_folder.Broken):
        in_folder.do("build", program(text), "log", 30)
    shown = capsys.readouterr().out
    assert "no such thing" in shown and "FAILED" not in shown


def test_some_stages_run_only_when_they_are_named(in_folder, monkeypatch, capsys):
    def quick():
        return in_folder.Counts(1, 0, 0)

    def costly():
        return in_folder.Counts(2, 0, 0)

    monkeypatch.setattr(in_folder, "STAGES", [quick, costly])
    monkeypatch.setattr(in_folder, "NAMED_ONLY", [costly])
    for words, last in ((["stages"], "1 passed, 0 failed"), (["stages", "costly"], "2 passed, 0 failed"), (["stages", "quick", "costly"], "3 passed, 0 failed")):
        monkeypatch.setattr(sys, "argv", words)
        assert in_folder.main() == 0
        assert capsys.readouterr().out.splitlines()[-1] == last


def test_the_last_line(in_folder, monkeypatch, capsys):
    for failed, code in ((0, 0), (1, 1)):
        monkeypatch.setattr(in_folder, "STAGES", [lambda: in_folder.Counts(7, failed, 1)])
        monkeypatch.setattr(sys, "argv", ["stages"])
        assert in_folder.main() == code
        assert capsys.readouterr().out.splitlines()[-1] == f"7 passed, {failed} failed, 1 skipped"
