"""scripts/check: each rule finds what it is for, and leaves alone what looks like it."""

import textwrap

import pytest

CMAKE = "keyway_room(base)\nkeyway_room(resp)\nkeyway_room(cluster)\nkeyway_room(engine)\nkeyway_room(cli)\n"


@pytest.fixture
def findings(checker, tmp_path):
    """findings({path: text}) gives (path, line, rule) for a tree of these files."""

    def run(files):
        for path, text in {"CMakeLists.txt": CMAKE, **files}.items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(textwrap.dedent(text))
        _, found = checker.check(str(tmp_path))
        return sorted((finding.path, finding.line, finding.rule) for finding in found)

    return run


def body(lines):
    return "{\n" + "  work();\n" * (lines - 2) + "}\n"


def header(name):
    return f"// What {name} is for.\n#pragma once\n"


def test_an_include_that_climbs(findings):
    found = findings({
        "src/engine/fleet.h": header("fleet"),
        "src/cluster/plan.cc": '#include "engine/fleet.h"\n',
        "src/cli/main_view.cc": '#include "engine/fleet.h"\n',
    })
    assert found == [("src/cluster/plan.cc", 1, "rooms")]


def test_rooms_of_one_level_know_nothing_of_each_other(findings):
    found = findings({"src/resp/reply.h": header("reply"), "src/cluster/plan.cc": '#include "resp/reply.h"\n'})
    assert found == [("src/cluster/plan.cc", 1, "rooms")]


def test_an_include_of_no_file(findings):
    assert findings({"src/base/a.cc": '#include "base/b.h"\n'}) == [("src/base/a.cc", 1, "includes-exist")]


def test_a_bare_include_is_for_neighbours_below_tests_only(findings):
    found = findings({
        "CMakeLists.txt": CMAKE + "file(GLOB x tests/model/*.cc)\n",
        "tests/model/a.cc": '#include "b.h"\n',
        "tests/model/b.h": header("b"),
        "src/base/a.cc": '#include "c.h"\n#include "base/c.h"\n',
        "src/base/c.h": header("c"),
    })
    assert found == [("src/base/a.cc", 1, "includes-exist")]


@pytest.mark.parametrize("line", ["auto a = std::chrono::steady_clock::now();", "#include <random>", "#include <thread>", "#include <fstream>",
                                  "#include <iostream>", "#include <sys/socket.h>", "int a = rand();",
                                  "auto a = ::getenv(\"HOME\");", "auto a = std::time(nullptr);"])
def test_a_pure_room(findings, line):
    found = findings({"src/cluster/plan.cc": line + "\n", "src/cluster/plan_test.cc": line + "\n",
                      "src/engine/fleet.cc": line + "\n"})
    assert found == [("src/cluster/plan.cc", 1, "pure")]


def test_a_pure_room_may_name_what_it_must_not_call(findings):
    assert findings({"src/cluster/plan.cc": "// the time() of the caller\nint a = plan.time() + run_time();\n"
                     "#include <chrono>\nstd::chrono::days a(1);\n"}) == []


def test_the_length_of_functions(findings):
    found = findings({
        "src/base/short.cc": "int fits(int a) " + body(70),
        "src/base/long.cc": "\nint too_long(int a) " + body(71),
    })
    assert found == [("src/base/long.cc", 2, "function-length")]


def test_what_is_no_function_may_be_long(findings):
    rows = '  {"a", 1},\n' * 90
    found = findings({"src/base/table.cc": f"""
namespace keyway {{
struct Row {{
  const char* name;
  int value;
}};
constexpr Row kRows[] = {{
{rows}}};
class Many {{
 public:
{'  int one() const { return 1; }' + chr(10)}{'  int field;' + chr(10) * 2}{'  void call(int a);' * 1}
{('  void more();' + chr(10)) * 90}
}};
}}  // namespace keyway
"""})
    assert found == []


def test_functions_are_found_in_every_shape(checker):
    code = textwrap.dedent("""\
        namespace keyway {
        namespace {
        Thing::Thing(int a, std::string b) : a_{a}, b_(std::move(b)) {
          char brace = '{';
          const char* text = "{{{";
        }
        template <typename T>
        std::optional<T> parse(std::string_view text,
                               int radix) {
          auto inner = [&](int x) {
            return x;
          };
          if (text.empty()) {
            return {};
          }
          return inner(1);
        }
        class Walker final : public Base {
         public:
          void step(int by) override {
            at_ += by;
          }
          bool operator==(const Walker& other) const { return at_ == other.at_; }

         private:
          int at_{0};
          std::vector<int> all_ = {1, 2};
        };
        enum class Kind { kA, kB };
        }  // namespace
        TEST(Slots, AreEven) {
          EXPECT_EQ(1, 1);
        }
        }  // namespace keyway
        """).split("\n")
    found = {function.name: (function.first, function.last) for function in checker.cpp_functions(code)}
    assert found == {"Thing::Thing": (3, 6), "parse": (7, 17), "step": (20, 22), "operator==": (23, 23),
                     "Slots.AreEven": (31, 33)}


def test_the_length_of_python_functions_and_of_files(findings):
    found = findings({"scripts/long.py": "def run():\n" + "    work()\n" * 70,
                      "src/base/long.cc": "int a;\n" * 601})
    assert found == [("scripts/long.py", 1, "function-length"), ("src/base/long.cc", 601, "file-length")]


def test_a_file_that_nothing_compiles(findings):
    found = findings({"src/stray.cc": "int a;\n", "src/nowhere/b.cc": "int b;\n", "src/base/c.cc": "int c;\n"})
    assert found == [("src/nowhere/b.cc", 1, "compiled"), ("src/stray.cc", 1, "compiled")]


def test_a_header_that_only_its_own_files_include(findings):
    found = findings({
        "src/base/dead.h": header("dead"),
        "src/base/dead.cc": '#include "base/dead.h"\n',
        "src/base/dead_test.cc": '#include "base/dead.h"\n',
        "src/base/used.h": header("used"),
        "src/base/user.cc": '#include "base/used.h"\n',
    })
    assert found == [("src/base/dead.h", 1, "header-used")]


def test_the_start_of_a_header(findings):
    found = findings({"src/base/a.h": "int a;\n", "src/base/b.cc": '#include "base/a.h"\n'})
    assert found == [("src/base/a.h", 1, "header-start"), ("src/base/a.h", 1, "header-start")]


def test_blanks_tabs_and_the_last_line(findings):
    found = findings({"docs/a.md": "text \n", "src/base/a.cc": "int\ta;\n", "src/base/b.cc": "int b;",
                      "src/base/testdata/odd": "kept as it is \t"})
    assert found == [("docs/a.md", 1, "blanks"), ("src/base/a.cc", 1, "blanks"), ("src/base/b.cc", 1, "blanks")]


def test_marks_of_unfinished_work(findings):
    mark = "TO" "DO"
    assert findings({"src/base/a.cc": f"// {mark}: later\nint {mark.lower()};\n"}) == [("src/base/a.cc", 1, "finished")]


def test_only_cli_prints(findings):
    line = 'void f() { std::cout << 1; }\nvoid g() { std::printf("x"); }\n// std::cout\nauto s = std::snprintf(b, 1, "");\n'
    found = findings({"src/engine/a.cc": line, "src/engine/a_test.cc": line, "src/cli/a.cc": line})
    assert found == [("src/engine/a.cc", 1, "console"), ("src/engine/a.cc", 2, "console")]


def test_a_test_does_not_sleep(findings):
    found = findings({
        "src/engine/a_test.cc": "TEST(A, B) {\n  std::this_thread::sleep_for(1s);\n}\n",
        "src/engine/b_test.cc": "bool wait_for(auto condition, int deadline_ms) {\n  usleep(1);\n}\n",
        "src/engine/c_test.cc": "bool eventually() {\n  for (int i = 0; i < 9; ++i) {\n    usleep(1);\n  }\n}\n",
        "src/engine/d_test.cc": "void wait_for_ever() {\n  while (!done()) usleep(1);\n}\n",
        "tests/integration/c_test.py": "import time\ndef test_c():\n    time.sleep(1)\n",
        "tests/integration/helper.py": "def until(condition, timeout_s):\n    time.sleep(0.01)\n",
        "tests/integration/run.sh": "#!/bin/bash\nsleep 1\n",
    })
    assert found == [("src/engine/a_test.cc", 2, "sleeps"), ("src/engine/d_test.cc", 2, "sleeps"),
                     ("tests/integration/c_test.py", 3, "sleeps"), ("tests/integration/run.sh", 2, "sleeps")]


def test_scripts_that_cannot_be_parsed(findings):
    found = findings({"scripts/bad": "#!/usr/bin/env bash\nif true; then\n", "scripts/bad.py": "def f(:\n",
                      "scripts/good": "#!/usr/bin/env bash\necho hello\n"})
    assert {(path, rule) for path, _, rule in found} == {("scripts/bad", "shell"), ("scripts/bad.py", "python")}


def test_the_project_names_each_rule(checker):
    assert all(rule.__doc__ and "\n" not in rule.__doc__ for rule in checker.RULES)
