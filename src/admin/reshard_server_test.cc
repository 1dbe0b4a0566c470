// reshard and rebalance on real servers of every engine at hand, with clients that write all the while, and
// with interruptions that the next run makes up for.
#include <filesystem>
#include <memory>

#include "admin/reshard.h"
#include "admin/test_move.h"
#include "engine/slot_loads.h"

namespace keyway::admin {
namespace {

using engine::KeyWriter;
using engine::tags_in;

// Three primaries with a third of the slots each. Each test ends with even shares.
class ReshardOnServers : public testing::TestWithParam<engine::TestEngine> {
 protected:
  static void SetUpTestSuite() { clusters_ = std::make_unique<engine::ClusterOfEachEngine>(3, 0); }
  static void TearDownTestSuite() { clusters_.reset(); }
  void SetUp() override {
    std::string text = testing::TempDir() + "keyway-reshard-XXXXXX";
    folder_ = mkdtemp(text.data());
    engine::TestFleet fleet;
    cluster_ = clusters_->of(GetParam(), fleet.fleet);
    ASSERT_NE(cluster_, nullptr);
    mover_ = std::make_unique<Mover>(*cluster_);
    mover_->session.journal_folder = folder_;
  }
  void TearDown() override {
    if (mover_ != nullptr) {
      mover_->before = {};
      mover_->after = {};
      mover_->interrupted = [] { return false; };
      even_out();
      for (size_t node = 0; node < 3; ++node) mover_->fill(node, {{"FLUSHALL"}});
    }
    std::filesystem::remove_all(folder_);
  }

  static ChangeOptions at_once() {
    ChangeOptions options;
    options.yes = true;
    return options;
  }
  ReshardOptions words(int slots) const {
    return {.from = {}, .to = cluster_->id(2), .slots = slots, .change = at_once()};
  }
  Result<MoveResult> run(const ReshardOptions& options) {
    return reshard(mover_->session, cluster_->address(0), options);
  }
  Result<MoveResult> run(RebalanceOptions options) {
    options.change = at_once();
    return rebalance(mover_->session, cluster_->address(1), options);
  }
  void even_out() {
    RebalanceOptions options;
    options.use_empty_primaries = true;
    options.threshold_percent = 0;
    auto result = run(options);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_TRUE(engine::wait_until([&] { return counts() == std::vector<int>({5461, 5461, 5462}); }));
  }

  // How many slots each node has by its own word, the fewest first.
  std::vector<int> counts() {
    std::vector<int> all;
    for (size_t node = 0; node < 3; ++node) all.push_back(static_cast<int>(mover_->owned(node).count()));
    std::ranges::sort(all);
    return all;
  }
  int slots_of(size_t node) { return static_cast<int>(mover_->owned(node).count()); }
  int open_slots() {
    Result<cluster::Observed> observed = mover_->look();
    EXPECT_TRUE(observed);
    size_t open = 0;
    for (const cluster::NodeFacts& node : observed->nodes) open += node.server.open_slots.size();
    return static_cast<int>(open);
  }
  bool has_journal() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (entry.path().extension() == ".moves") return true;
    }
    return false;
  }

  inline static std::unique_ptr<engine::ClusterOfEachEngine> clusters_;
  engine::TestCluster* cluster_ = nullptr;
  std::unique_ptr<Mover> mover_;
  std::string folder_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ReshardOnServers);
INSTANTIATE_TEST_SUITE_P(Engines, ReshardOnServers, testing::ValuesIn(engine::test_engines()),
                         engine::test_name);

TEST_P(ReshardOnServers, MovesSoManySlotsUnderClients) {
  KeyWriter writer(mover_->addresses(), tags_in("w", {0, 16383}, 500));
  ASSERT_TRUE(writer.wait_for_writes(500));
  int before = slots_of(2);
  auto result = run(words(301));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->carried_out);
  EXPECT_EQ(result->slots, 301);
  EXPECT_EQ(slots_of(2), before + 301);
  EXPECT_FALSE(has_journal());
  EXPECT_EQ(open_slots(), 0);
  even_out();
  const KeyWriter::Findings& findings = writer.stop();
  EXPECT_THAT(findings.wrong, testing::IsEmpty());
  EXPECT_THAT(findings.refused, testing::IsEmpty());
  EXPECT_EQ(findings.failures, 0);
  writer.expect_all_there();
}

TEST_P(ReshardOnServers, ARebalanceEmptiesSeveralNodes) {
  // Two thirds of all slots move, there and back: one version of each kind is enough.
  if (GetParam().name == "redis-8.0.2" || GetParam().name == "valkey-8.1.1") GTEST_SKIP();
  KeyWriter writer(mover_->addresses(), tags_in("e", {0, 16383}, 300));
  ASSERT_TRUE(writer.wait_for_writes(300));
  RebalanceOptions options;
  options.weights = {{cluster_->id(1), 0}, {to_string(cluster_->address(2)), 0}};
  auto result = run(options);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(slots_of(0), 16384);
  EXPECT_EQ(counts(), std::vector<int>({0, 0, 16384}));
  even_out();
  EXPECT_THAT(writer.stop().wrong, testing::IsEmpty());
  writer.expect_all_there();
}

TEST_P(ReshardOnServers, WhatIsBalancedStays) {
  auto result = run(RebalanceOptions{});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->slots, 0);
  EXPECT_THAT(mover_->reporter.notes, testing::Contains("every node has its share; nothing has to move"));
}

TEST_P(ReshardOnServers, AnInterruptedReshardIsFinishedByTheSameWords) {
  KeyWriter writer(mover_->addresses(), tags_in("i", {0, 16383}, 300));
  ASSERT_TRUE(writer.wait_for_writes(300));
  int before = slots_of(2);
  std::atomic<bool> stop = false;
  mover_->before = [&](const std::vector<engine::Request>& requests) {
    if (asks(requests, {"CLUSTER", "SETSLOT", "*", "NODE"}) || asks(requests, {"CLUSTER", "MIGRATESLOTS"}))
      stop = true;
  };
  mover_->interrupted = [&] { return stop.load(); };
  auto first = run(words(1000));
  ASSERT_TRUE(first) << first.error().message;
  int arrived = slots_of(2) - before;
  EXPECT_EQ(first->slots, arrived);
  if (first->interrupted) {
    EXPECT_TRUE(has_journal());
    mover_->interrupted = [] { return false; };
    auto second = run(words(1000));
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(second->slots, 1000 - arrived);
  }
  EXPECT_EQ(slots_of(2), before + 1000);
  EXPECT_FALSE(has_journal());
  EXPECT_THAT(writer.stop().wrong, testing::IsEmpty());
  writer.expect_all_there();
}

// As if this program, or its machine, had gone in the middle of a move.
TEST_P(ReshardOnServers, ABrokenOffReshardIsFinishedByTheSameWords) {
  KeyWriter writer(mover_->addresses(), tags_in("b", {0, 16383}, 300));
  ASSERT_TRUE(writer.wait_for_writes(300));
  int before = slots_of(2);
  std::atomic<int> exchanges = -1;  // left until nothing gets through any more; -1: not counting yet
  mover_->before = [&](const std::vector<engine::Request>& requests) {
    bool begins = asks(requests, {"CLUSTER", "SETSLOT", "*", "MIGRATING"}) ||
                  asks(requests, {"CLUSTER", "MIGRATESLOTS"});
    if (begins && exchanges < 0) exchanges = 3;
    if (exchanges > 0) --exchanges;
  };
  mover_->after = [&](std::vector<engine::Response>& responses) {
    if (exchanges != 0) return;
    for (engine::Response& response : responses)
      response = {{}, Error{ErrorCode::kDenied, "nothing gets through any more"}};
  };
  auto first = run(words(1000));
  ASSERT_FALSE(first);
  EXPECT_TRUE(has_journal());
  mover_->before = {};
  mover_->after = {};
  if (open_slots() > 0) {
    EXPECT_EQ(run(words(999)).error().code, ErrorCode::kConflict) << "other words, while slots are open";
  }
  auto second = run(words(1000));
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(engine::wait_until([&] { return slots_of(2) == before + 1000 && open_slots() == 0; }));
  EXPECT_FALSE(has_journal());
  EXPECT_THAT(writer.stop().wrong, testing::IsEmpty());
  writer.expect_all_there();
}

TEST_P(ReshardOnServers, MemoryIsSpread) {
  std::vector<resp::Command> commands;
  for (const std::string& tag : tags_in("m", {0, 2000}, 600))
    commands.push_back({"SET", tag, std::string(20'000, 'x')});
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, commands));
  RebalanceOptions options;
  options.by = LoadKind::kMemory;
  auto result = run(options);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_GT(result->slots, 0);
  auto observed = mover_->look();
  ASSERT_TRUE(observed);
  auto loads = engine::slot_loads(mover_->fleet.fleet, *observed, engine::LoadMeasure::kMemory, 3000);
  ASSERT_TRUE(loads) << loads.error().message;
  int64_t most = 0;
  for (size_t node = 0; node < 3; ++node) {
    int64_t keys = 0;
    cluster::SlotSet owned = mover_->owned(node);
    for (size_t slot = 0; slot < 2000; ++slot) keys += owned[slot] ? loads->keys[slot] : 0;
    most = std::max(most, keys);
  }
  EXPECT_LT(most, 400) << "of 600 large keys that were on one node";
}

}  // namespace
}  // namespace keyway::admin
