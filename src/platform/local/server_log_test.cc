#include "platform/local/server_log.h"

#include <gtest/gtest.h>

namespace keyway::platform::local {
namespace {

TEST(StripPrefix, TakesTimeAndPidAway) {
  EXPECT_EQ(strip_prefix("19228:M 22 Nov 2026 01:03:56.279 # Server initialized"), "Server initialized");
  EXPECT_EQ(strip_prefix("19228:C 22 Nov 2026 01:03:56.279 * a # b"), "a # b");
  EXPECT_EQ(strip_prefix("*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***"),
            "*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***");
  EXPECT_EQ(strip_prefix("12:"), "12:");
  EXPECT_EQ(strip_prefix(""), "");
}

TEST(ReadVerdict, TheFirstCauseCountsWhileItStarts) {
  LogVerdict verdict = read_verdict(
      "1:M 22 Nov 2026 01:03:56.279 # Server initialized\n"
      "1:M 22 Nov 2026 01:03:56.279 # Can't handle RDB format version 99\n"
      "1:M 22 Nov 2026 01:03:56.279 # Fatal error loading the DB, check server logs. Exiting.\n");
  EXPECT_TRUE(verdict.unloadable);
  EXPECT_FALSE(verdict.answered);
  EXPECT_EQ(verdict.reason, "Can't handle RDB format version 99");
}

TEST(ReadVerdict, ACauseOutsideTheDataIsNotTheDatasFault) {
  LogVerdict verdict = read_verdict(
      "1:M 22 Nov 2026 01:03:56.279 # Failed opening the RDB file dump.rdb (in server root dir /x): "
      "Permission denied\n"
      "1:M 22 Nov 2026 01:03:56.279 # Fatal error loading the DB: Permission denied. Exiting.\n");
  EXPECT_FALSE(verdict.unloadable);
  verdict = read_verdict(
      "1:M 22 Nov 2026 01:03:56.279 # Warning: Could not create server TCP listening socket 127.0.0.1:7000: "
      "bind: Address already in use\n");
  EXPECT_FALSE(verdict.unloadable);
  EXPECT_NE(verdict.reason.find("Address already in use"), std::string::npos);
}

TEST(ReadVerdict, OnceItAnsweredTheLastCauseCounts) {
  LogVerdict verdict = read_verdict(
      "1:M 22 Nov 2026 01:03:56.279 # bind: Address already in use\n"
      "1:M 22 Nov 2026 01:03:57.279 * Ready to accept connections tcp\n"
      "1:S 22 Nov 2026 01:03:58.279 # Short read or OOM loading DB. Unrecoverable error, aborting now.\n"
      "1:M 22 Nov 2026 01:03:59.279 # Redis 7.0.15 crashed by signal: 11, si_code: 0\n");
  EXPECT_TRUE(verdict.answered);
  EXPECT_FALSE(verdict.unloadable);
  EXPECT_EQ(verdict.reason, "Redis 7.0.15 crashed by signal: 11, si_code: 0");
}

TEST(ReadVerdict, ALogThatSaysNothingIsNoVerdict) {
  LogVerdict verdict = read_verdict("");
  EXPECT_FALSE(verdict.answered);
  EXPECT_FALSE(verdict.unloadable);
  EXPECT_EQ(verdict.reason, "");
}

}  // namespace
}  // namespace keyway::platform::local
