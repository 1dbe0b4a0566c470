"""scripts/tidy: a file is looked at again when something that its verdict depends on has changed, and only then."""

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
