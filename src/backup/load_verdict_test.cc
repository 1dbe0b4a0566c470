#include "backup/load_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::backup {
namespace {

using testing::HasSubstr;

class LoadVerdict : public testing::Test {
 protected:
  Error judge(std::string_view line, std::string_view exit = "exit code 1") {
    std::string log =
        "100:C 22 Nov 2026 01:03:56.279 * Redis is starting\n100:S 22 Nov 2026 01:03:56.280 # " +
        std::string(line) + "\n";
    return judge_failed_load({log, exit, engine_, file_}, shard_);
  }
  void SetUp() override {
    engine_.kind = cluster::EngineKind::kRedis;
    engine_.version = "7.2.4";
    engine_.major = 7;
    engine_.minor = 2;
    engine_.server = "/usr/bin/redis-server";
    shard_.engine = cluster::EngineKind::kRedis;
    shard_.server_version = "7.0.15";
  }

  platform::local::EngineProgram engine_;
  rdb::Header file_{rdb::Family::kRedis, 10};
  BackedUpShard shard_;
};

constexpr std::string_view kRefused =
    "Internal error in RDB reading offset 33, function at rdb.c:2054 -> bad";

TEST_F(LoadVerdict, ARefusalCountsOnlyIfTheServerKnowsAllThatTheOtherKnew) {
  EXPECT_EQ(judge(kRefused).code, ErrorCode::kCorrupt);
  EXPECT_THAT(judge(kRefused).message, HasSubstr("Internal error in RDB reading offset 33"));
  for (const char* later : {"7.4.0", "8.0.1", "", "unknown"}) {
    shard_.server_version = later;
    EXPECT_EQ(judge(kRefused).code, ErrorCode::kUnsupported) << later;
  }
  shard_.server_version = "6.2.0";
  EXPECT_EQ(judge(kRefused).code, ErrorCode::kCorrupt);
  shard_.engine = cluster::EngineKind::kValkey;
  EXPECT_EQ(judge(kRefused).code, ErrorCode::kUnsupported);
}

TEST_F(LoadVerdict, WhatIsTooNewOrForeignIsNoFaultOfTheFile) {
  EXPECT_EQ(judge("Can't handle RDB format version 12").code, ErrorCode::kUnsupported);
  EXPECT_EQ(judge("The RDB file contains module data I can't load: no matching module type 'x'").code,
            ErrorCode::kUnsupported);
  std::string_view signature = "Wrong signature trying to load DB from file";
  EXPECT_EQ(judge(signature).code, ErrorCode::kCorrupt);
  file_ = {rdb::Family::kValkey, 80};
  EXPECT_EQ(judge(signature).code, ErrorCode::kUnsupported);
}

TEST_F(LoadVerdict, WhatComesFromOutside) {
  EXPECT_EQ(
      judge("Warning: Could not create server TCP listening socket 127.0.0.1:7: bind: Address already in use")
          .code,
      ErrorCode::kConflict);
  EXPECT_EQ(judge("whatever", "killed by signal 9 (Killed)").code, ErrorCode::kExhausted);
  EXPECT_EQ(judge("Out Of Memory allocating 100 bytes!").code, ErrorCode::kExhausted);
  EXPECT_EQ(judge("Redis 7.2.4 crashed by signal: 11").code, ErrorCode::kUnavailable);
  EXPECT_THAT(judge("nothing of interest").message, HasSubstr("it says nothing"));
}

}  // namespace
}  // namespace keyway::backup
