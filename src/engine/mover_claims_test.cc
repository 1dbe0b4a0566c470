#include "engine/mover_claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_mover_model.h"

namespace keyway::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// a, with slots 0 to 15, moves some to b, which misses claims; what it forgot it hears 100 ms after they met.
class Claims : public testing::Test {
 protected:
  Claims() {
    task.from_id = "a";
    task.from = {"127.0.0.1", 1};
    task.to_id = "b";
    task.to = {"127.0.0.1", 2};
    task.slots = {{0, 1}};
    task.target_misses_claims = true;
    limits.slice_ms = 1000;
    limits.clock_ms = [this] { return model.now_ms; };
    limits.pause_ms = [this](int64_t pause_ms) { model.now_ms += pause_ms; };
    model.refuse = [this](uint16_t port, const resp::Command& command) { return answer(port, command); };
  }

  std::optional<resp::Reply> answer(uint16_t port, const resp::Command& command) {
    if (hears && !met_ms.empty() && model.now_ms > met_ms.back() + 100) model.nodes[2].unheard.clear();
    const std::string& what = command[1];
    if (what == "SETSLOT" && port == 2 && command.back() == "b") taken_ms.push_back(model.now_ms);
    if (command[0] != "CONFIG" && what != "DELSLOTS" && what != "MEET") return std::nullopt;
    said.push_back(fmt::format("{} {}", port, join(command, " ")));
    if (what == "GET") return coverage_reply();
    if (what == "SET") coverage = command[3];
    if (what == "DELSLOTS") model.nodes[2].unheard.insert(static_cast<int>(*parse_int(command[2])));
    if (what == "MEET") met_ms.push_back(model.now_ms);
    return refused == what ? error_reply("NOPERM no") : status_reply("OK");
  }

  resp::Reply coverage_reply() const {
    if (refused == "GET") return error_reply("NOPERM no");
    resp::Reply reply;
    reply.type = resp::ReplyType::kArray;
    reply.elements = {status_reply("cluster-require-full-coverage"), status_reply(coverage)};
    return reply;
  }

  Result<MoveProgress> move() { return move_slots(model, task, limits, memory); }

  MoverModel model{16};
  MoveTask task;
  MoveLimits limits;
  MoveMemory memory;
  std::vector<std::string> said;
  std::vector<int64_t> met_ms;
  std::vector<int64_t> taken_ms;  // slots, by the target
  std::string coverage = "yes";
  std::string refused;
  bool hears = true;
};

TEST_F(Claims, TheTargetHearsThemBeforeItTakesAny) {
  Result<MoveProgress> moved = move();
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->slots_done, 2);
  EXPECT_THAT(said, ElementsAre("2 CONFIG GET cluster-require-full-coverage",
                                "2 CONFIG SET cluster-require-full-coverage no", "2 CLUSTER DELSLOTS 2",
                                "1 CLUSTER MEET 127.0.0.1 2 10002",
                                "2 CONFIG SET cluster-require-full-coverage yes"));
  ASSERT_EQ(met_ms.size(), 1u);
  EXPECT_GE(met_ms[0], 250) << "what was late is outwaited first";
  ASSERT_EQ(taken_ms.size(), 2u);
  EXPECT_GE(taken_ms[0] - met_ms[0], 100);
  EXPECT_EQ(model.log[0], "2 0 IMPORTING a") << "keys move meanwhile";
}

TEST_F(Claims, ASliceThatIsTooShortForThemLeavesThemToTheNext) {
  limits.slice_ms = 100;
  int slices = 0;
  for (int done = 0; done < 2 && slices < 20; ++slices) {
    Result<MoveProgress> moved = move();
    ASSERT_TRUE(moved) << moved.error().message;
    done += moved->slots_done;
    model.now_ms += 20;
  }
  EXPECT_GT(slices, 1);
  EXPECT_EQ(met_ms.size(), 1u);
  EXPECT_EQ(taken_ms.size(), 2u);
}

TEST_F(Claims, AServerThatNeedsNoFullCoverageIsLeftSo) {
  coverage = "no";
  ASSERT_TRUE(move());
  EXPECT_THAT(said, testing::Not(testing::Contains(HasSubstr("SET"))));
  EXPECT_EQ(met_ms.size(), 1u);
}

TEST_F(Claims, WhoMayNotUseConfigMovesAllTheSame) {
  refused = "GET";
  ASSERT_TRUE(move());
  EXPECT_EQ(coverage, "yes");
  EXPECT_EQ(model.nodes[2].owned.size(), 2u);
}

TEST_F(Claims, OneThatIsToMoveIsForgottenIfThereIsNoOther) {
  task.slots = {{0, 15}};
  ASSERT_TRUE(move());
  ASSERT_EQ(met_ms.size(), 1u);
  EXPECT_GE(met_ms[0], 250);
  EXPECT_THAT(said, testing::Contains("2 CLUSTER DELSLOTS 0"));
  EXPECT_EQ(model.nodes[2].owned.size(), 16u);
}

TEST_F(Claims, WhoIsAtWorkHasHeardThem) {
  ASSERT_TRUE(move());
  task.slots = {{2, 5}};
  model.now_ms += 1000;
  ASSERT_TRUE(move());
  EXPECT_EQ(met_ms.size(), 1u);
  model.now_ms += 60'000;
  task.slots = {{6, 7}};
  ASSERT_TRUE(move());
  EXPECT_EQ(met_ms.size(), 2u) << "others may have moved slots meanwhile";
}

TEST_F(Claims, ASlotThatCameBackIsHeardOfAgain) {
  ASSERT_TRUE(move());
  model.nodes[2].owned.erase(1);
  model.nodes[1].owned.insert(1);
  task.slots = {{1, 1}};
  ASSERT_TRUE(move());
  EXPECT_EQ(met_ms.size(), 2u);
}

TEST_F(Claims, WhereNothingIsHeardNothingIsMoved) {
  hears = false;
  Result<MoveProgress> moved = move();
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(moved.error().message, HasSubstr("hears nothing from 127.0.0.1:1"));
  EXPECT_EQ(met_ms.size(), 6u);
  EXPECT_EQ(model.log.back(), "2 2 NODE a") << "what it forgot is told by hand";
  EXPECT_THAT(taken_ms, IsEmpty());
  EXPECT_EQ(coverage, "yes");
}

TEST_F(Claims, ARefusalIsTold) {
  refused = "DELSLOTS";
  Result<MoveProgress> moved = move();
  ASSERT_FALSE(moved);
  EXPECT_THAT(moved.error().message, HasSubstr("NOPERM"));
  EXPECT_THAT(taken_ms, IsEmpty());
  EXPECT_EQ(coverage, "yes");
}

TEST(DescribeTarget, TellsWhoMissesClaims) {
  for (const auto& [version, misses] : std::map<std::string, bool>{
           {"7.0.15", true}, {"7.2.1", true}, {"7.2.2", false}, {"7.4.0", false}, {"8.0.2", false}}) {
    cluster::NodeFacts node;
    node.server.version = version;
    MoveTask task;
    describe_target(node, task);
    EXPECT_EQ(task.target_misses_claims, misses) << version;
    EXPECT_FALSE(task.target_takes_over);
    node.server.engine = cluster::EngineKind::kValkey;
    describe_target(node, task);
    EXPECT_FALSE(task.target_misses_claims);
    EXPECT_TRUE(task.target_takes_over);
  }
}

}  // namespace
}  // namespace keyway::engine
