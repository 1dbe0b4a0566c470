"""scripts/tidy: a file is looked at again when something that its verdict depends on has changed, and only then."""

import subprocess

import pytest


@pytest.fixture
def project(tmp_path):
    """A clone with one source file; gives its root and the compile command."""

    def make(name):
        root = tmp_path / name
        (root / "src" / "base").mkdir(parents=True)
        (root / ".clang-tidy").write_text("Checks: bugprone-*\n")
        (root / "src/base/a.cc").write_text('#include "base/a.h"\n#include <vector>\nint a;\n')
        (root / "src/base/a.h").write_text('#include "base/b.h"\n')
        (root / "src/base/b.h").write_text('#include "base/a.h"\nint b;\n')
        (root / "src/base/other.h").write_text("int other;\n")
        build = root / "build" / "x"
        entry = {"directory": str(build), "command": f"clang++ -I{root}/src -O1 -o {build}/a.o {root}/src/base/a.cc",
                 "file": str(root / "src/base/a.cc")}
        return root, entry

    return make


def test_the_same_in_every_clone(tidy, project):
    (one, one_entry), (two, two_entry) = project("one"), project("two")
    assert tidy.key_of(one_entry, str(one), "19") == tidy.key_of(two_entry, str(two), "19")


@pytest.mark.parametrize("path", ["src/base/a.cc", "src/base/a.h", "src/base/b.h", ".clang-tidy"])
def test_what_a_verdict_depends_on(tidy, project, path):
    root, entry = project("one")
    before = tidy.key_of(entry, str(root), "19")
    (root / path).write_text((root / path).read_text() + "int more;\n")
    assert tidy.key_of(entry, str(root), "19") != before


def test_flags_and_version_count_and_other_files_do_not(tidy, project):
    root, entry = project("one")
    before = tidy.key_of(entry, str(root), "19")
    assert tidy.key_of({**entry, "command": entry["command"].replace("-O1", "-O2")}, str(root), "19") != before
    assert tidy.key_of(entry, str(root), "20") != before
    (root / "src/base/other.h").write_text("int changed;\n")
    assert tidy.key_of(entry, str(root), "19") == before


def test_what_is_left_when_time_is_over(tidy, monkeypatch, capsys):
    monkeypatch.setattr(tidy, "look_at", lambda entry, build: "a.cc:1: wrong\n" if entry == "a" else "")
    entries = {"a.cc": "a", "b.cc": "b"}
    passed = []
    assert tidy.look_at_all(entries, "build", list(entries), float("inf"), passed.append) == (1, 0)
    assert passed == ["b.cc"] and "wrong" in capsys.readouterr().out
    assert tidy.look_at_all(entries, "build", list(entries), float("-inf"), passed.append) == (0, 2)
    assert passed == ["b.cc"]


def test_what_was_changed_last_comes_first(tidy, tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@x", *words], cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setattr(tidy, "ROOT", str(tmp_path))
    git("init", "-q")
    for name in ("b.cc", "a.cc", "c.cc"):
        (tmp_path / name).write_text("int x;\n")
        git("add", name)
        git("commit", "-q", "-m", name)
    paths = [str(tmp_path / name) for name in ("a.cc", "b.cc", "c.cc", "new.cc")]
    assert [path.split("/")[-1] for path in tidy.by_last_change(paths)] == ["new.cc", "c.cc", "a.cc", "b.cc"]
