#include "platform/kubernetes/cluster_lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace keyway::platform::kubernetes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kWanted =
    R"({"generation":5,"partitions":["p1","p2"],"replicas":1,"switchover":{"p1":"redis-partition-p1-app-1"}})";

constexpr std::string_view kReport =
    R"({"generation":5,"formed":true,"slots_assigned":16384,"slots_served":16000,)"
    R"("shards":{"p1":{"primary":"redis-partition-p1-app-0","slots":5461,"replicas_in_sync":1}},)"
    R"("drained":["p4"],"doing":"moving 120 slots from p1 to p4",)"
    R"("problems":[{"code":"no_primary","shard":"p1","text":"p1 has no primary"}],)"
    R"("outcomes":[{"n":17,"what":"move slots","why":"p4 goes","ok":false,"text":"no answer"}]})";

Report full_report() {
  Report report;
  report.generation = 5;
  report.formed = true;
  report.slots_assigned = 16384;
  report.slots_served = 16000;
  report.shards["p1"] = {"redis-partition-p1-app-0", 5461, 1};
  report.drained = {"p4"};
  report.doing = "moving 120 slots from p1 to p4";
  report.problems = {{"no_primary", "p1", "p1 has no primary"}};
  report.outcomes = {{17, "move slots", "p4 goes", false, "no answer"}};
  return report;
}

TEST(ClusterLease, ReadsWhatIsWanted) {
  Result<Wanted> wanted = parse_wanted(kWanted);
  ASSERT_TRUE(wanted) << wanted.error().message;
  EXPECT_EQ(wanted->generation, 5);
  EXPECT_THAT(wanted->partitions, ElementsAre("p1", "p2"));
  EXPECT_EQ(wanted->replicas, 1);
  EXPECT_EQ(wanted->switchover.at("p1"), "redis-partition-p1-app-1");
  EXPECT_EQ(wanted_json(*wanted), kWanted);
}

TEST(ClusterLease, ShardsThatDiffer) {
  constexpr std::string_view kDiffering =
      R"({"generation":5,"partitions":["p1","p2"],"replicas":2,"shard_replicas":{"p1":0},)"
      R"("slots":{"p1":"0-99 200","p2":"100-199 201-16383"}})";
  Result<Wanted> wanted = parse_wanted(kDiffering);
  ASSERT_TRUE(wanted) << wanted.error().message;
  EXPECT_EQ(wanted->replicas_of("p1"), 0);
  EXPECT_EQ(wanted->replicas_of("p2"), 2);
  EXPECT_EQ(wanted->slots.at("p1"), (cluster::SlotRanges{{0, 99}, {200, 200}}));
  EXPECT_EQ(wanted_json(*wanted), kDiffering);
  EXPECT_EQ(Wanted{}.replicas_of("p1"), std::nullopt);
}

TEST(ClusterLease, WhatIsNotSaidIsNotWanted) {
  Result<Wanted> wanted = parse_wanted(R"({"generation":7,"later":{"a":[1]}})");
  ASSERT_TRUE(wanted) << wanted.error().message;
  EXPECT_TRUE(wanted->partitions.empty());
  EXPECT_FALSE(wanted->replicas);
  EXPECT_TRUE(wanted->switchover.empty());
  EXPECT_EQ(wanted_json(*wanted), R"({"generation":7})");
}

TEST(ClusterLease, RefusesWhatCannotBeWantedAndNamesTheField) {
  const std::pair<std::string_view, std::string_view> wrong[] = {
      {"", "no JSON object"},
      {"[]", "no JSON object"},
      {R"({"generation":-1})", "\"generation\""},
      {R"({"generation":18446744073709551615})", "\"generation\""},
      {R"({"generation":1e3})", "\"generation\""},
      {R"({"partitions":"p1"})", "\"partitions\""},
      {R"({"partitions":["p1",""]})", "\"partitions[1]\""},
      {R"({"partitions":["P 1"]})", "\"partitions[0]\""},
      {R"({"replicas":6})", "\"replicas\""},
      {R"({"replicas":"1"})", "\"replicas\""},
      {R"({"shard_replicas":{"p1":6}})", "\"shard_replicas.p1\""},
      {R"({"slots":["0-5"]})", "\"slots\""},
      {R"({"slots":{"p1":"5-0"}})", "\"slots.p1\""},
      {R"({"slots":{"p1":7}})", "\"slots.p1\""},
      {R"({"switchover":["p1"]})", "\"switchover\""},
      {R"({"switchover":{"p1":3}})", "\"switchover.p1\""},
      {R"({"switchover":{"":"pod"}})", "\"switchover\""},
  };
  for (const auto& [text, field] : wrong) {
    Result<Wanted> wanted = parse_wanted(text);
    ASSERT_FALSE(wanted) << text;
    EXPECT_EQ(wanted.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(wanted.error().message, HasSubstr("keyway.dev/wanted"));
    EXPECT_THAT(wanted.error().message, HasSubstr(field)) << text;
  }
  EXPECT_FALSE(parse_wanted(R"({"generation":1)" + std::string(kMaxWantedBytes, ' ') + "}"));
  nlohmann::json many = nlohmann::json::array();
  for (int i = 0; i < 1001; ++i) many.push_back("p" + std::to_string(i));
  EXPECT_FALSE(parse_wanted(nlohmann::json{{"partitions", many}}.dump()));
}

TEST(ClusterLease, ReportsAreReadAsTheyAreWritten) {
  EXPECT_EQ(report_json(full_report()), kReport);
  Result<Report> report = parse_report(kReport);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(*report, full_report());
  EXPECT_EQ(*parse_report(report_json(Report{})), Report{});
  EXPECT_EQ(*parse_report("{}"), Report{});
}

TEST(ClusterLease, RefusesReportsThatAreNoneAndNamesTheField) {
  const std::pair<std::string_view, std::string_view> wrong[] = {
      {"{", "no JSON object"},
      {R"({"formed":1})", "\"formed\""},
      {R"({"slots_assigned":16385})", "\"slots_assigned\""},
      {R"({"shards":{"p1":5}})", "\"shards.p1\""},
      {R"({"shards":{"p1":{"slots":"x"}}})", "\"shards.p1.slots\""},
      {R"({"drained":[7]})", "\"drained[0]\""},
      {R"({"doing":[]})", "\"doing\""},
      {R"({"problems":[{"code":"a"},{"text":"b"}]})", "\"problems[1].code\""},
      {R"({"problems":[{"code":"a"},{"code":"a"},{"code":"a"},{"code":"a"},{"code":"a"},)"
       R"({"code":"a"},{"code":"a"},{"code":"a"},{"code":"a"}]})",
       "\"problems\""},
      {R"({"outcomes":[3]})", "\"outcomes[0]\""},
      {R"({"outcomes":[{"n":1,"ok":"yes"}]})", "\"outcomes[0].ok\""},
  };
  for (const auto& [text, field] : wrong) {
    Result<Report> report = parse_report(text);
    ASSERT_FALSE(report) << text;
    EXPECT_THAT(report.error().message, HasSubstr("keyway.dev/report"));
    EXPECT_THAT(report.error().message, HasSubstr(field)) << text;
  }
}

TEST(ClusterLease, ALongReportLosesWhatMattersLeast) {
  Report report = full_report();
  report.outcomes.clear();
  for (int n = 1; n <= 40; ++n)
    report.outcomes.push_back({n, std::string(500, 'a'), "b", true, std::string(300, '\x01')});
  for (int i = 0; i < 1000; ++i) report.shards["s" + std::to_string(i)] = {"pod", 16, 1};
  for (int i = 0; i < 20; ++i) report.problems.push_back({"code", "p1", "text"});
  std::string text = report_json(report);
  EXPECT_LE(text.size(), kMaxReportBytes);
  Result<Report> read = parse_report(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->outcomes.empty());
  EXPECT_TRUE(read->shards.contains("p1"));
  EXPECT_GT(read->shards.size(), 200U);
  EXPECT_EQ(read->slots_assigned, 16384);

  report.shards.erase(++report.shards.begin(), report.shards.end());
  read = parse_report(report_json(report));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->problems.size(), kMaxReportProblems);
  EXPECT_EQ(read->problems.front().code, "no_primary");
  ASSERT_FALSE(read->outcomes.empty());
  EXPECT_EQ(read->outcomes.back().n, 40);
  EXPECT_LE(read->outcomes.back().what.size(), 200U);
}

TEST(ClusterLease, TextsAreCutBetweenLetters) {
  Report report;
  report.doing = "a";
  for (int i = 0; i < 150; ++i) report.doing += "ü";
  Result<Report> read = parse_report(report_json(report));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->doing.ends_with("ü…")) << read->doing;
  EXPECT_EQ(read->doing.find("\xEF\xBF\xBD"), std::string::npos);
}

}  // namespace
}  // namespace keyway::platform::kubernetes
