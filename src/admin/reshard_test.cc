// reshard and rebalance up to the moment when slots move, with servers that are not real.
#include "admin/reshard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "admin/fake_nodes.h"
#include "admin/journal.h"
#include "cluster/rebalance.h"

namespace keyway::admin {
namespace {

using cluster::SlotRanges;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// `primaries` with even shares, `empty` primaries without slots, then a replica of the first.
class ReshardTest : public testing::Test {
 protected:
  ReshardTest() {
    std::string text = testing::TempDir() + "keyway-reshard-XXXXXX";
    folder_ = mkdtemp(text.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void make(int primaries, int empty) {
    fake_.emplace(primaries + empty + 1);
    for (int i = 1; i <= primaries; ++i) nodes(i).self.slots = {cluster::even_range(i - 1, primaries)};
    for (int i = 1; i <= primaries + empty; ++i) nodes(i).self.epoch = static_cast<uint64_t>(i);
    nodes(primaries + empty + 1).self.primary_id = id(1);
    fake_->nodes.join_all();
    fake_->session.journal_folder = folder_;
    fake_->nodes.instead = [this](uint16_t port, const resp::Command& command) {
      return answer(port, command);
    };
  }

  FakeNodes::Node& nodes(int port) { return fake_->nodes[static_cast<uint16_t>(port)]; }
  static std::string id(int port) { return FakeNodes::id_of(static_cast<uint16_t>(port)); }
  static Address seed() { return FakeNodes::at(1); }

  // No slot holds a key, unless a test says so; a table has the open slots that a test wants.
  std::optional<resp::Reply> answer(uint16_t port, const resp::Command& command) {
    if (command.size() > 1 && command[1] == "COUNTKEYSINSLOT") {
      resp::Reply reply;
      reply.type = resp::ReplyType::kInteger;
      return reply;
    }
    bool asks_table = command.size() > 1 && command[0] == "CLUSTER" && command[1] == "NODES";
    if (!asks_table || !open_.contains(port)) return std::nullopt;
    std::string table;
    for (const auto& [other, flags] : open_) {
      const FakeNodes::Node& node = nodes(other);
      table += fmt::format("{} 127.0.0.1:{}@{} {}master - 0 0 {} connected {}{}\n", node.id, other,
                           other + 10000, other == port ? "myself," : "", node.self.epoch,
                           cluster::to_string(node.self.slots), other == port ? flags : "");
    }
    return text_reply(table);
  }

  // Primaries 1 to `count` tell of each other and of these open slots of their own.
  void open(int count, uint16_t port, const std::string& flags) {
    for (int i = 1; i <= count; ++i) open_[static_cast<uint16_t>(i)];
    open_[port] = " " + flags;
  }

  Result<MoveResult> run(ReshardOptions options) {
    options.change.dry_run = true;
    return reshard(fake_->session, seed(), options);
  }
  Result<MoveResult> run(RebalanceOptions options) {
    options.change.dry_run = true;
    return rebalance(fake_->session, seed(), options);
  }

  template <typename Options>
  void expect_error(const Options& options, ErrorCode code, const std::string& part) {
    auto result = run(options);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_THAT(result.error().message, HasSubstr(part));
  }

  std::optional<FakeSession> fake_;
  std::string folder_;
  std::map<uint16_t, std::string> open_;
};

ReshardOptions words(std::vector<std::string> from, std::string to, int slots) {
  return {.from = std::move(from), .to = std::move(to), .slots = slots, .change = {}};
}

TEST_F(ReshardTest, SixteenSlotsFromTenSourcesAreSixteen) {
  make(10, 1);
  auto result = run(words({}, id(11), 16));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_FALSE(result->carried_out);
  EXPECT_EQ(result->plan.slots(), 16);
  EXPECT_EQ(result->plan.moves.size(), 10U);
  for (const PlannedMove& move : result->plan.moves) EXPECT_EQ(move.to_id, id(11));
  EXPECT_THAT(fake_->reporter.questions, IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(ReshardTest, TakesTheSourcesThatAreNamed) {
  make(3, 0);
  auto result = run(words({id(1).substr(0, 4), "127.0.0.1:2", id(1)}, id(3), 100));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->plan.moves.size(), 2U);
  EXPECT_EQ(result->plan.slots(), 100);
}

TEST_F(ReshardTest, BadInputIsNamed) {
  make(3, 1);
  std::string target = id(3);
  expect_error(words({}, target, 0), ErrorCode::kInvalidArgument, "cannot move 0 slots");
  expect_error(words({}, target, -5), ErrorCode::kInvalidArgument, "-5");
  expect_error(words({}, target, 16385), ErrorCode::kInvalidArgument, "16385");
  expect_error(words({id(1)}, target, 6000), ErrorCode::kInvalidArgument, "which holds 5462");
  expect_error(words({id(4)}, target, 1), ErrorCode::kInvalidArgument, "which holds 0");
  expect_error(words({id(1), target}, target, 10), ErrorCode::kInvalidArgument, "both source and target");
  expect_error(words({}, id(5), 10), ErrorCode::kInvalidArgument, "its primary is " + id(1));
  expect_error(words({id(5)}, target, 10), ErrorCode::kInvalidArgument, "a source: ");
  expect_error(words({}, "127.0.0.1:99", 10), ErrorCode::kNotFound, "127.0.0.1:99");
  expect_error(words({"nobody"}, target, 10), ErrorCode::kNotFound, "nobody");
  nodes(2).up = false;
  expect_error(words({id(2)}, target, 10), ErrorCode::kUnavailable, id(2));
}

TEST_F(ReshardTest, AnAmbiguousNameIsRefused) {
  make(3, 0);
  nodes(2).id = "0003bbbb" + std::string(32, '0');
  for (int i : {1, 3, 4}) {
    nodes(i).known[nodes(2).id] = nodes(2).self;
    nodes(i).known.erase(id(2));
  }
  expect_error(words({}, "0003", 10), ErrorCode::kInvalidArgument, "0003bbbb");
}

TEST_F(ReshardTest, RefusesWhatFixMustMendFirst) {
  make(3, 0);
  nodes(3).self.slots = {{10923, 16000}};
  fake_->nodes.join_all();
  expect_error(words({}, id(3), 10), ErrorCode::kConflict, "383 slots are owned by nobody (16001-16383)");
  nodes(3).self.slots = {{10000, 16383}};
  fake_->nodes.join_all();
  expect_error(words({}, id(3), 10), ErrorCode::kConflict, "claimed by two nodes (10000-10922)");
}

TEST_F(ReshardTest, RefusesOpenSlots) {
  make(3, 0);
  open(3, 1, fmt::format("[7->-{}]", id(3)));
  expect_error(words({}, id(3), 10), ErrorCode::kConflict, "1 slot is open");
  expect_error(RebalanceOptions{}, ErrorCode::kConflict, "run fix");
}

TEST_F(ReshardTest, AnInterruptedRunIsResumed) {
  make(3, 0);
  nodes(1).self.slots = {{0, 10}, {21, 5461}};
  nodes(3).self.slots = {{11, 20}, {10923, 16383}};
  fake_->nodes.join_all();
  open(3, 1, fmt::format("[7->-{}]", id(3)));
  MoveJournal journal(folder_, "reshard", fmt::format("reshard {} 21", id(3)));
  ASSERT_TRUE(journal.write({{id(1), id(3), {{0, 20}}}}));
  auto result = run(words({}, id(3), 21));
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->plan.moves.size(), 1U);
  EXPECT_EQ(result->plan.moves[0].slots, (SlotRanges{{0, 10}}));
  EXPECT_THAT(fake_->reporter.notes, Contains("resuming: of 21 slots 10 arrived before, 11 are left"));
  expect_error(words({}, id(3), 22), ErrorCode::kConflict, "open");
  EXPECT_TRUE(journal.read().value().has_value());
}

TEST_F(ReshardTest, APlanWhoseSlotsAllArrivedIsDone) {
  make(3, 0);
  MoveJournal journal(folder_, "reshard", fmt::format("reshard {} 100", id(3)));
  ASSERT_TRUE(journal.write({{id(1), id(3), {{11000, 11099}}}}));
  auto result = reshard(fake_->session, seed(), words({}, id(3), 100));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->carried_out);
  EXPECT_EQ(result->slots, 0);
  EXPECT_FALSE(journal.read().value().has_value());
}

TEST_F(ReshardTest, APlanThatDoesNotFitAnyMoreIsPutAside) {
  make(3, 0);
  for (const std::vector<cluster::SlotMove>& plan :
       {std::vector<cluster::SlotMove>{{id(1), id(3), {{8000, 8000}}}}, {{id(9), id(3), {{0, 9}}}}}) {
    MoveJournal journal(folder_, "reshard", fmt::format("reshard {} 10 {}", id(3), id(1)));
    ASSERT_TRUE(journal.write(plan));
    auto result = run(words({id(1)}, id(3), 10));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->plan.slots(), 10);
    EXPECT_THAT(fake_->reporter.notes.back(), HasSubstr("put aside"));
    EXPECT_TRUE(journal.read().value().has_value()) << "a dry run changes nothing";
    fake_->reporter.answer = false;
    ASSERT_TRUE(reshard(fake_->session, seed(), words({id(1)}, id(3), 10)));
    EXPECT_FALSE(journal.read().value().has_value());
  }
}

TEST_F(ReshardTest, ASecondCommandAtTheSameTimeIsRefused) {
  make(3, 0);
  auto lock = ClusterLock::take(folder_, id(1));
  ASSERT_TRUE(lock);
  auto result = reshard(fake_->session, seed(), words({}, id(3), 10));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kConflict);
  EXPECT_FALSE(rebalance(fake_->session, seed(), {.weights = {{id(1), 2}}, .change = {}}));
  EXPECT_TRUE(run(words({}, id(3), 10))) << "a dry run disturbs nobody";
}

TEST_F(ReshardTest, NothingHappensWithoutConsent) {
  make(3, 0);
  fake_->reporter.answer = false;
  auto result = reshard(fake_->session, seed(), words({}, id(3), 10));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_FALSE(result->carried_out);
  EXPECT_THAT(fake_->reporter.questions, testing::ElementsAre(HasSubstr("move 10 slots with 0 keys")));
  EXPECT_THAT(fake_->nodes.sent("CLUSTER SETSLOT", 1), IsEmpty());
  EXPECT_FALSE(MoveJournal(folder_, "reshard", fmt::format("reshard {} 10", id(3))).read().value());
}

// --- rebalance

TEST_F(ReshardTest, RebalanceTakesEmptyPrimariesIfAsked) {
  make(3, 1);
  auto result = run(RebalanceOptions{});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->plan.slots(), 0);
  EXPECT_THAT(fake_->reporter.notes, Contains("every node has its share; nothing has to move"));
  EXPECT_EQ(run(RebalanceOptions{.weights = {}, .use_empty_primaries = true, .change = {}})->plan.slots(),
            4096);
  EXPECT_EQ(run(RebalanceOptions{.weights = {{id(4), 1}}, .change = {}})->plan.slots(), 4096);
}

TEST_F(ReshardTest, RebalanceEmptiesSeveralNodes) {
  make(5, 0);
  auto result = run(RebalanceOptions{.weights = {{id(1), 0}, {"127.0.0.1:4", 0}}, .change = {}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->plan.slots(), 3277 + 3277);
  for (const PlannedMove& move : result->plan.moves)
    EXPECT_TRUE(move.from_id == id(1) || move.from_id == id(4));
}

TEST_F(ReshardTest, RebalanceNamesBadInput) {
  make(3, 0);
  auto weighted = [](std::map<std::string, double> weights) {
    return RebalanceOptions{.weights = std::move(weights), .change = {}};
  };
  expect_error(weighted({{id(1), 0}, {id(2), 0}, {id(3), 0}}), ErrorCode::kInvalidArgument,
               "no weight is above zero");
  expect_error(weighted({{id(1), -1}}), ErrorCode::kInvalidArgument, id(1));
  expect_error(weighted({{"abcd", 1}}), ErrorCode::kNotFound, "a weight: the cluster has no node 'abcd'");
  expect_error(weighted({{id(4), 1}}), ErrorCode::kInvalidArgument, "is a replica");
  expect_error(weighted({{id(1), 1}, {"127.0.0.1:1", 2}}), ErrorCode::kInvalidArgument, "two weights");
  nodes(2).up = false;
  expect_error(weighted({}), ErrorCode::kUnavailable, id(2));
}

TEST_F(ReshardTest, RebalanceByMemoryWithoutKeysCountsSlots) {
  make(3, 1);
  auto result = run(
      RebalanceOptions{.weights = {}, .use_empty_primaries = true, .by = LoadKind::kMemory, .change = {}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->plan.slots(), 4096);
  EXPECT_THAT(fake_->reporter.notes, Contains(HasSubstr("slots are counted instead")));
}

TEST_F(ReshardTest, RebalanceFinishesWhatItLeftOpen) {
  make(3, 1);
  open(3, 1, fmt::format("[7->-{}]", id(3)));
  MoveJournal journal(folder_, "rebalance", id(1));
  ASSERT_TRUE(journal.write({{id(1), id(3), {{0, 20}}}}));
  auto result = run(RebalanceOptions{});
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->plan.moves.size(), 1U);
  EXPECT_EQ(result->plan.moves[0].slots, (SlotRanges{{7, 7}}));
}

}  // namespace
}  // namespace keyway::admin
