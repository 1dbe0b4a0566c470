#include "proxy/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "proxy/report.h"
#include "resp/command.h"
#include "resp/command_table.h"

namespace keyway::proxy {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr uint64_t kSlowUs = 1000;

// A worker's stats, to which requests are told one by one.
class TrafficTest : public testing::Test {
 protected:
  void answer(const resp::Command& command, uint64_t took_us, const std::string& reply = "+OK\r\n") {
    Request request = made(command);
    request.reply = copy_of(reply, pool_);
    stats_.traffic.answered(request, took_us, kSlowUs, {"10.0.0.9", 5});
  }

  Request made(const resp::Command& command) {
    std::vector<std::string_view> arguments(command.begin(), command.end());
    Request request;
    request.command = resp::CommandTable::builtin().resolve(arguments);
    std::string bytes;
    resp::append(bytes, command);
    request.bytes = copy_of(bytes, pool_);
    request.answered_by = &server_;
    return request;
  }

  std::string slow() { return report_slow({&stats_}); }
  std::string keys() {
    stats_.traffic.tick(clock_ms_ += 1000);
    return report_keys({&stats_});
  }

  ChunkPool pool_;
  Stats stats_;
  ServerStats server_{"10.0.0.1:7001"};
  int64_t clock_ms_ = 0;
};

TEST_F(TrafficTest, OnlySlowRequestsAreInTheSlowLog) {
  answer({"GET", "quick"}, kSlowUs - 1);
  answer({"GET", "slow"}, kSlowUs);
  EXPECT_THAT(slow(), Not(HasSubstr("quick")));
  for (const char* part : {R"("key": "slow")", R"("command": "get")", R"("took_us": 1000)",
                           R"("upstream": "10.0.0.1:7001")", R"("client": "10.0.0.9:5")"})
    EXPECT_THAT(slow(), HasSubstr(part));
}

TEST_F(TrafficTest, TheSlowLogTellsNoSecret) {
  answer({"AUTH", "somebody", "a-secret"}, kSlowUs);
  answer({"HELLO", "3", "AUTH", "somebody", "a-secret"}, kSlowUs);
  answer({"CONFIG", "SET", "requirepass", "a-secret"}, kSlowUs);
  answer({"SET", "key", "a-secret"}, kSlowUs);
  EXPECT_THAT(slow(), HasSubstr(R"("command": "auth")"));
  EXPECT_THAT(slow(), HasSubstr(R"("command": "hello")"));
  EXPECT_THAT(slow(), Not(HasSubstr("a-secret")));
  EXPECT_THAT(slow(), Not(HasSubstr("somebody")));
}

TEST_F(TrafficTest, TheSlowLogKeepsTheLast) {
  for (size_t i = 0; i < SlowLog::kEntries + 3; ++i) answer({"GET", fmt::format("k{}", i)}, kSlowUs + i);
  std::vector<SlowRequest> entries = stats_.traffic.slow_log().entries();
  ASSERT_EQ(entries.size(), SlowLog::kEntries);
  EXPECT_EQ(entries.front().key.shown(), fmt::format("k{}", SlowLog::kEntries + 2));
  EXPECT_EQ(entries.back().key.shown(), "k3");
}

TEST_F(TrafficTest, WhatWaitsBecauseItWasAskedToIsNotSlow) {
  Request request = made({"BLPOP", "list", "0"});
  request.leased = true;
  stats_.traffic.answered(request, 10 * kSlowUs, kSlowUs, {});
  EXPECT_TRUE(stats_.traffic.slow_log().entries().empty());
}

TEST_F(TrafficTest, HotKeysAreFoundByOneInMany) {
  constexpr int kRequests = 64 * 1000;
  for (int i = 0; i < kRequests; ++i) {
    // Every second one, in a rhythm that sampling must not fall into.
    answer({"GET", i % 2 == 0 ? "hot" : fmt::format("k{}", i)}, 10);
  }
  keys();
  HeavyHitters hot = stats_.traffic.keys().hot;
  // By chance: six standard deviations.
  EXPECT_NEAR(hot.total(), static_cast<double>(kRequests) / Traffic::kSampleEach, 190);
  EXPECT_EQ(hot.hits().front().key.shown(), "hot");
  EXPECT_NEAR(hot.hits().front().count / hot.total(), 0.5, 0.1);
}

TEST_F(TrafficTest, LargeValuesAreNeverMissed) {
  answer({"GET", "huge"}, 10, std::string(Traffic::kLargeBytes, 'x'));
  answer({"SET", "written", std::string(Traffic::kLargeBytes, 'x')}, 10);
  answer({"MGET", "several", "keys"}, 10, std::string(Traffic::kLargeBytes, 'x'));
  Request streamed = made({"GET", "streamed"});
  streamed.streamed_bytes = 3 * Traffic::kLargeBytes;
  stats_.traffic.answered(streamed, 10, kSlowUs, {});
  std::string text = keys();
  EXPECT_THAT(text, HasSubstr(R"("key": "huge")"));
  EXPECT_THAT(text, HasSubstr(R"("key": "written")"));
  EXPECT_THAT(text, HasSubstr(fmt::format(R"("size_bytes": {})", 3 * Traffic::kLargeBytes)));
  EXPECT_THAT(text, Not(HasSubstr("several"))) << "whose it is, is not known";
}

TEST(ServerTable, ForgetsServersThatHaveGone) {
  ServerTable table;
  std::shared_ptr<ServerStats> used = table.of("used");
  used->connections.add();
  std::shared_ptr<ServerStats> gone = table.of("gone");
  table.drop_gone(1);
  table.drop_gone(ServerTable::kKeepMs);
  EXPECT_EQ(table.all().size(), 2U);
  EXPECT_EQ(table.of("gone"), gone);
  table.drop_gone(ServerTable::kKeepMs + 2);
  EXPECT_EQ(table.all().size(), 2U) << "its time begins anew";
  table.drop_gone(2 * ServerTable::kKeepMs + 3);
  ASSERT_EQ(table.all().size(), 1U);
  EXPECT_EQ(table.all().front()->name, "used");
}

TEST(ServerTable, HasARoofUnderWhichAllFit) {
  ServerTable table;
  for (size_t i = 0; i < 2 * ServerTable::kMaxServers; ++i) table.of(std::to_string(i))->errors.add();
  EXPECT_EQ(table.all().size(), ServerTable::kMaxServers + 1);
  EXPECT_EQ(table.of("one more")->errors.read(), ServerTable::kMaxServers);
  EXPECT_EQ(table.of("7")->errors.read(), 1U);
}

}  // namespace
}  // namespace keyway::proxy
