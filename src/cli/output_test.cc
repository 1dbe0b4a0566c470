#include "cli/output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/json_text.h"
#include "cli/live.h"
#include "cli/sink.h"
#include "cli/table.h"
#include "cli/terminal.h"

namespace keyway::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Terminal, WidthCountsWhatIsSeen) {
  EXPECT_EQ(columns_of("abc"), 3);
  EXPECT_EQ(columns_of("\x1b[32mok\x1b[0m"), 2);
  EXPECT_EQ(columns_of("größe…"), 6);
}

TEST(Terminal, ClipsAndTurnsColourOff) {
  EXPECT_EQ(clip("abcdef", 6, true), "abcdef");
  EXPECT_EQ(clip("abcdef", 4, true), "abc…");
  EXPECT_EQ(clip("abcdefghijkl", 9, false), "abcdef...");
  EXPECT_EQ(clip("\x1b[31mabcdef\x1b[0m", 3, true), "\x1b[31mab…\x1b[0m");
  EXPECT_EQ(clip("abcdef", 0, true), "abcdef");
  EXPECT_LE(columns_of(clip("abcdef", 1, true)), 1);
}

TEST(Terminal, ForeignTextCannotSteerTheTerminal) { EXPECT_EQ(printable("a\x1b[2Jb\tc"), "a\\x1b[2Jb c"); }

TEST(Terminal, ColourOnlyWhereWanted) {
  EXPECT_EQ(paint("x", Style::kBad, false), "x");
  EXPECT_EQ(paint("x", Style::kBad, true), "\x1b[31mx\x1b[0m");
}

Table sample() {
  Table table({{"SHARD", false, 0}, {"KEYS", true, 1}, {"NOTE", false, 2}, {"EMPTY", false, 0}});
  table.add({{"p1"}, {"12"}, {"fine"}});
  table.add({{"p10"}, {"3"}, {""}});
  return table;
}

TEST(Table, AlignsAndLeavesEmptyColumnsOut) {
  EXPECT_THAT(sample().render(Terminal{}),
              ElementsAre("SHARD  KEYS  NOTE", "p1       12  fine", "p10       3"));
}

TEST(Table, LeavesTheLeastImportantColumnsOutWhereItIsNarrow) {
  Terminal narrow;
  narrow.columns = 12;
  EXPECT_THAT(sample().render(narrow), ElementsAre("SHARD  KEYS", "p1       12", "p10       3"));
  narrow.columns = 4;
  EXPECT_THAT(sample().render(narrow), ElementsAre("SHAR", "p1", "p10"));
}

TEST(JsonText, NestsAndEscapes) {
  JsonText json;
  json.open_object();
  json.text("name", "a\"\n\x01");
  json.open_array("list");
  json.number("", 1);
  json.number("", 2);
  json.close();
  json.open_object("empty");
  json.close();
  json.boolean("yes", true);
  json.close();
  EXPECT_EQ(json.take(),
            "{\n  \"name\": \"a\\\"\\n\\u0001\",\n  \"list\": [\n    1,\n    2\n  ],\n  \"empty\": {},\n  "
            "\"yes\": true\n}\n");
}

TEST(JsonText, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(json_quote("ü\xff"), "\"ü\xEF\xBF\xBD\"");
  EXPECT_EQ(json_quote("\xC0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(json_quote("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(Failure, ExitCodeFollowsFromTheError) {
  EXPECT_EQ(Failure(Error{ErrorCode::kInvalidArgument, ""}).exit_code, 2);
  EXPECT_EQ(Failure(Error{ErrorCode::kNotFound, ""}).exit_code, 3);
  EXPECT_EQ(Failure(Error{ErrorCode::kTimeout, ""}).exit_code, 4);
  EXPECT_EQ(Failure(Error{ErrorCode::kConflict, ""}).exit_code, 1);
}

class Pipe : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(pipe2(ends_, O_CLOEXEC), 0);
    ASSERT_EQ(fcntl(ends_[0], F_SETFL, O_NONBLOCK), 0);
  }
  void TearDown() override {
    close(ends_[0]);
    if (ends_[1] >= 0) close(ends_[1]);
  }

  std::string read_all() {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = read(ends_[0], buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<size_t>(size));
    return text;
  }

  int ends_[2] = {-1, -1};
};

TEST_F(Pipe, SinkKeepsOrderAndNeverWaits) {
  Sink sink(ends_[1], 1 << 20);
  std::string text(300'000, 'x');  // more than a pipe holds
  EXPECT_TRUE(sink.offer(text));
  EXPECT_FALSE(sink.flush());
  EXPECT_TRUE(sink.offer("end"));
  std::string got;
  while (!sink.flush()) got += read_all();
  got += read_all();
  EXPECT_EQ(got, text + "end");
}

TEST_F(Pipe, SinkIsBounded) {
  Sink sink(ends_[1], 100'000);
  while (sink.offer(std::string(10'000, 'x'))) {
  }
  EXPECT_FALSE(sink.offer(std::string(100'000, 'x')));
  EXPECT_FALSE(sink.drain(10));
  EXPECT_EQ(fcntl(ends_[1], F_GETFL) & O_NONBLOCK, 0) << "the shared open file must stay as it was";
}

TEST_F(Pipe, LiveViewWithoutATerminalPrintsOnlyWhatStays) {
  {
    LiveView view(ends_[1], Terminal{});
    view.show({"area"});
    view.print("one");
    view.print("two");
    view.show({"area"});
  }
  EXPECT_EQ(read_all(), "one\ntwo\n");
}

TEST_F(Pipe, LiveViewDrawsInPlace) {
  Terminal terminal;
  terminal.interactive = true;
  LiveView view(ends_[1], terminal);
  view.show({"a", "b"});
  EXPECT_EQ(read_all(), "\ra\x1b[K\nb\x1b[K\n\x1b[J");
  view.print("event");
  view.show({"c"});
  EXPECT_EQ(read_all(), "\r\x1b[2Aevent\x1b[K\nc\x1b[K\n\x1b[J");
  view.clear();
  EXPECT_EQ(read_all(), "\r\x1b[1A\x1b[J");
}

TEST_F(Pipe, LiveViewPutsEmptyAndSeveralLinesAbove) {
  Terminal terminal;
  terminal.interactive = true;
  LiveView view(ends_[1], terminal);
  view.print("");
  view.print("x");
  view.show({"a"});
  EXPECT_EQ(read_all(), "\r\x1b[K\nx\x1b[K\na\x1b[K\n\x1b[J");
}

TEST_F(Pipe, FullScreenIsLeftAgain) {
  Terminal terminal;
  terminal.interactive = true;
  {
    LiveView view(ends_[1], terminal, true);
  }
  std::string text = read_all();
  EXPECT_THAT(text, StartsWith("\x1b[?1049h"));
  EXPECT_THAT(text, HasSubstr("\x1b[?1049l"));
}

TEST(Spinner, HasPlainSignsWithoutUtf8) {
  EXPECT_EQ(spinner(0, false), "|");
  EXPECT_EQ(spinner(4, false), "|");
  EXPECT_EQ(columns_of(spinner(3, true)), 1);
}

}  // namespace
}  // namespace keyway::cli
