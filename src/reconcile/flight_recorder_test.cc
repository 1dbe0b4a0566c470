#include "reconcile/flight_recorder.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cluster/plan_testing.h"

namespace keyway::reconcile {
namespace {

using cluster::PlanScene;

class FlightRecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/keyway-history-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    ASSERT_GE(scene_.settle(), 0);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/history.jsonl"; }

  Tick look() {
    Tick tick;
    tick.planned_ms = scene_.now_ms;
    tick.desired = scene_.desired;
    tick.observed = scene_.observed;
    tick.plan = scene_.next();
    return tick;
  }

  Tick slice() {
    Tick tick = look();
    cluster::MoveSlots move{"p1-0", "p2-0", {{0, 1}}};
    tick.outcomes.push_back({tick.planned_ms, {move, "p1", "balance"}, {}, "3 keys"});
    return tick;
  }

  std::vector<FlightRecord> read() const {
    std::ifstream file(path());
    std::vector<FlightRecord> records;
    for (std::string line; std::getline(file, line);) {
      Result<FlightRecord> record = parse_flight_record(line);
      EXPECT_TRUE(record) << line;
      if (record) records.push_back(std::move(*record));
    }
    return records;
  }

  std::string folder_;
  PlanScene scene_{cluster::Mode::kSharded, 3, 1};
};

TEST_F(FlightRecorderTest, ARestingClusterIsWrittenOnce) {
  FlightRecorder recorder(path());
  for (int i = 0; i < 10; ++i) {
    scene_.now_ms += 1000;
    scene_.node("p1-0").server.offset += 100;
    scene_.node("p1-0").server.memory_bytes += 100;
    recorder.record(look());
  }
  EXPECT_EQ(read().size(), 1U);
}

TEST_F(FlightRecorderTest, ANodeThatDiesIsNewsAndSoIsEachStep) {
  FlightRecorder recorder(path());
  recorder.record(look());
  scene_.kill("p1-0");
  scene_.now_ms += 10;
  recorder.record(look());
  std::vector<FlightRecord> records = read();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_TRUE(records[1].has_facts);
  EXPECT_EQ(records[1].at_ms, scene_.now_ms);
  EXPECT_FALSE(records[1].steps.empty());
  EXPECT_TRUE(replay(records[1], scene_.policy).empty());
}

TEST_F(FlightRecorderTest, OfManySlicesOfAMoveOneASecondHasFacts) {
  FlightRecorder recorder(path());
  recorder.record(look());
  for (int i = 0; i < 30; ++i) {
    scene_.now_ms += 100;
    recorder.record(slice());
  }
  std::vector<FlightRecord> records = read();
  ASSERT_EQ(records.size(), 31U);
  int with_facts = 0;
  for (const FlightRecord& record : records) {
    if (record.has_facts) ++with_facts;
    EXPECT_EQ(record.outcomes.size(), &record == &records.front() ? 0U : 1U);
  }
  EXPECT_EQ(with_facts, 4);
}

TEST_F(FlightRecorderTest, NeverOutgrowsItsLimit) {
  constexpr size_t kLimit = 20'000;
  FlightRecorder recorder(path(), kLimit);
  for (int i = 0; i < 200; ++i) {
    scene_.now_ms += 1000;
    recorder.record(slice());
  }
  EXPECT_LE(std::filesystem::file_size(path()), kLimit);
  EXPECT_LE(std::filesystem::file_size(path() + ".1"), kLimit);
  EXPECT_GT(std::filesystem::file_size(path() + ".1"), 0U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 2);
  EXPECT_EQ(std::filesystem::status(path()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(FlightRecorderTest, WhereItCannotWriteTheLoopGoesOn) {
  FlightRecorder recorder(folder_ + "/none/history.jsonl");
  recorder.record(look());
  std::filesystem::create_directory(folder_ + "/none");
  recorder.record(slice());
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/none/history.jsonl"));
}

}  // namespace
}  // namespace keyway::reconcile
