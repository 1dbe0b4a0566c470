#include "cli/restore_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

admin::RestoreResult some_result() {
  admin::RestoreResult result;
  result.keys = 12'345;
  result.left_out = 5;
  result.expired = 40;
  result.written = 12'300;
  result.bytes = 3 << 20;
  result.by_type = {{"hash", 300}, {"string", 12'040}};
  result.functions = 1;
  result.after = 12'300;
  result.elapsed_ms = 1000;
  return result;
}

TEST(RestoreView, TellsWhatWasRestored) {
  EXPECT_THAT(
      restore_lines(some_result(), false),
      ElementsAre("12,300 of 12,345 keys restored, 5 left out as asked for, 40 had expired, 1 library "
                  "of functions; 3.0 MiB in 1.0 s (12,300 keys/s).",
                  "By type: hash 300, string 12,040.",
                  "The target held 0 keys before and holds 12,300 now."));
}

TEST(RestoreView, TellsWhatWouldBe) {
  admin::RestoreResult result = some_result();
  result.unchecked = true;
  result.before = 1;
  EXPECT_THAT(restore_lines(result, true),
              ElementsAre(HasSubstr("All of it can be read: 12,345 keys"), HasSubstr("By type"),
                          HasSubstr("no checksum"), "The target holds 1 key now. Nothing was written."));
}

TEST(RestoreView, SaysThatItWasInterrupted) {
  admin::RestoreResult result = some_result();
  result.interrupted = true;
  std::vector<std::string> lines = restore_lines(result, false);
  EXPECT_TRUE(lines.front().starts_with("Interrupted: "));
  EXPECT_EQ(lines.back(), "The same command again finishes it.");
}

TEST(RestoreView, WritesAllOfItAsJson) {
  JsonText json;
  json.open_object();
  write_restore(json, some_result(), false);
  json.close();
  std::string text = json.take();
  EXPECT_THAT(text, HasSubstr("\"written\": 12300"));
  EXPECT_THAT(text, HasSubstr("\"hash\": 300"));
  EXPECT_THAT(text, HasSubstr("\"checksummed\": true"));
}

}  // namespace
}  // namespace keyway::cli
