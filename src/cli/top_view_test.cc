#include "cli/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "base/strings.h"
#include "proxy/report.h"

namespace keyway::cli {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Le;
using testing::Not;
using testing::ResultOf;

constexpr Terminal kPlain = {};

// What the proxy's own counts become on their way through its JSON.
ProxySample sample_of(const proxy::Stats& stats, int64_t clock_us) {
  Result<ProxySample> sample = read_sample(proxy::report_stats({&stats}, clock_us),
                                           proxy::report_keys({&stats}), proxy::report_slow({&stats}));
  EXPECT_TRUE(sample) << sample.error().message;
  return sample ? *sample : ProxySample{};
}

void count_requests(proxy::Stats& stats, size_t kind, uint64_t us, int times) {
  for (int i = 0; i < times; ++i) {
    stats.latency[kind].add(us);
    stats.servers.of("10.0.0.1:7001")->latency[kind].add(us);
  }
}

TEST(TopView, ShowsWhatWasBetween) {
  proxy::Stats stats;
  count_requests(stats, 0, 100, 1000);
  stats.errors.add(50);
  ProxySample before = sample_of(stats, 1'000'000);
  count_requests(stats, 0, 100, 980);
  count_requests(stats, 0, 5000, 20);
  count_requests(stats, 1, 300, 400);
  stats.errors.add(10);
  stats.clients.set(7);
  ProxySample after = sample_of(stats, 3'000'000);
  Pace reads = pace_of(before.requests[0], after.requests[0], 2);
  EXPECT_EQ(reads.per_s, 500);
  EXPECT_GT(reads.p50_ms, 0.064);
  EXPECT_LE(reads.p50_ms, 0.128) << "within the bucket of 100 microseconds";
  EXPECT_GT(reads.p99_ms, 4.096);
  EXPECT_LE(reads.p99_ms, 8.192);
  std::string text = join(top_lines(before, after, kPlain), "\n");
  EXPECT_THAT(text, HasSubstr("700 requests/s"));
  EXPECT_THAT(text, HasSubstr("7 clients"));
  EXPECT_THAT(text, HasSubstr("errors 5/s"));
  EXPECT_THAT(text, HasSubstr("10.0.0.1:7001"));
  EXPECT_THAT(text, Not(HasSubstr("HOT KEY"))) << "there is none";
  std::string json = top_json(before, after);
  EXPECT_THAT(json, HasSubstr(R"("errors_per_s": 5.000)"));
  EXPECT_THAT(json, HasSubstr(R"("per_s": 500.000)"));
}

TEST(TopView, NothingHappens) {
  proxy::Stats stats;
  ProxySample sample = sample_of(stats, 5);
  EXPECT_THAT(join(top_lines(sample, sample, kPlain), "\n"), HasSubstr("0 requests/s"));
  Pace pace = pace_of(sample.requests[0], sample.requests[0], 1);
  EXPECT_EQ(pace.p99_ms, 0);
}

TEST(TopView, AProxyThatWasStartedAnew) {
  proxy::Stats old;
  count_requests(old, 0, 100, 1000);
  proxy::Stats fresh;
  count_requests(fresh, 0, 100, 30);
  ProxySample before = sample_of(old, 9'000'000);
  ProxySample after = sample_of(fresh, 10'000'000);
  EXPECT_EQ(pace_of(before.requests[0], after.requests[0], 1).per_s, 30);
}

TEST(TopView, KeysAndSlowRequestsCannotSteerTheTerminal) {
  proxy::Stats stats;
  ProxySample sample = sample_of(stats, 1);
  sample.hot = {{"hot\x1b[2J", 0.5, 0}};
  sample.big = {{"big\n", "get", 4096}};
  sample.slow = {{0, 20'000, "10.0.0.1:7001", "10.0.0.9:5", "eval", "short"},
                 {0, 90'000, "10.0.0.1:7001", "10.0.0.9:5", "eval", "long"}};
  std::vector<std::string> lines = top_lines(sample, sample, kPlain);
  for (const std::string& line : lines)
    EXPECT_THAT(line, Not(Contains(ResultOf([](char c) { return c < ' '; }, true))));
  std::string text = join(lines, "\n");
  EXPECT_THAT(text, HasSubstr("50.0%"));
  EXPECT_THAT(text, HasSubstr("4.0 KiB"));
  EXPECT_LT(text.find("90 ms"), text.find("20 ms")) << "the slowest first";
  Terminal narrow;
  narrow.columns = 50;
  for (const std::string& line : top_lines(sample, sample, narrow)) {
    if (line.find("requests/s") == std::string::npos && line.find("errors") == std::string::npos) {
      EXPECT_THAT(columns_of(line), Le(50)) << line;
    }
  }
}

TEST(TopView, WhatIsNoAnswerOfAProxy) {
  for (const char* text : {"", "[]", "{}", "{\"clock_us\": \"x\"}", "nonsense"}) {
    Result<ProxySample> sample = read_sample(text, "{\"hot\": [], \"big\": []}", "{\"slow\": []}");
    ASSERT_FALSE(sample) << text;
    EXPECT_EQ(sample.error().code, ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace keyway::cli
