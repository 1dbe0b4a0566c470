#include "engine/mover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/refusal.h"
#include "engine/test_mover_model.h"

namespace keyway::engine {
namespace {

using resp::Command;
using resp::Reply;

TEST_F(MoverTest, TellsTheTargetFirstWhenOpeningAndWhenHandingOver) {
  fill(7, 1);
  task.slots = {{7, 7}};
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 1);
  EXPECT_EQ(progress->keys_moved, 1);
  EXPECT_THAT(model.log, testing::ElementsAre("2 7 IMPORTING a", "1 7 MIGRATING b", "2 7 NODE b",
                                              "1 7 NODE b", "3 7 NODE b"));
}

TEST_F(MoverTest, CallsGrowWhileTheyAreShortAndShrinkWhenTheyAreLong) {
  fill(0, 20'000);
  task.slots = {{0, 0}};
  limits.slice_ms = 1000;
  ASSERT_TRUE(move());
  EXPECT_LT(model.calls.front(), 100u);
  EXPECT_GE(*std::max_element(model.calls.begin(), model.calls.end()), 500u);

  // Sizes would tell; without them only time does.
  model.calls.clear();
  model.key_ms = 4;
  model.refuse = [](uint16_t, const Command& command) -> std::optional<Reply> {
    if (command[0] == "MEMORY")
      return error_reply("NOPERM User admin has no permissions to run the 'memory' command");
    return std::nullopt;
  };
  fill(1, 60);
  task.slots = {{1, 1}};
  ASSERT_TRUE(move());
  EXPECT_EQ(model.nodes[2].keys[1].size(), 60u);
  for (size_t i = 1; i < model.calls.size(); ++i) EXPECT_LE(model.calls[i] * 4, 21u) << i;
}

TEST_F(MoverTest, ASliceEndsInTimeAndTheNextOneGoesOn) {
  model.key_ms = 1;
  for (int slot = 0; slot < 20; ++slot) fill(slot, 50);
  task.slots = {{0, 19}};
  MoveProgress sum;
  int slices = 0;
  for (; sum.slots_done < 20 && slices < 100; ++slices) {
    int64_t begin_ms = model.now_ms;
    Result<MoveProgress> progress = move();
    ASSERT_TRUE(progress) << progress.error().message;
    EXPECT_LE(model.now_ms - begin_ms, limits.slice_ms + 50);
    sum.slots_done += progress->slots_done;
    sum.keys_moved += progress->keys_moved;
    cluster::SlotSet left;
    for (int slot : model.nodes[1].owned) left.set(static_cast<size_t>(slot), slot < 20);
    task.slots = cluster::to_ranges(left);
  }
  EXPECT_GT(slices, 3);
  EXPECT_EQ(sum.slots_done, 20);
  EXPECT_EQ(sum.keys_moved, 1000);
  EXPECT_TRUE(model.nodes[1].migrating.empty());
  EXPECT_TRUE(model.nodes[2].importing.empty());
}

TEST_F(MoverTest, ASliceWithoutTimeStillMovesSomething) {
  fill(0, 1000);
  task.slots = {{0, 0}};
  limits.slice_ms = 0;
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress);
  EXPECT_GT(progress->keys_moved, 0);
  EXPECT_EQ(progress->slots_done, 0);
}

TEST_F(MoverTest, OpenSlotsGoFirst) {
  model.nodes[1].migrating[90] = "b";
  model.nodes[2].importing[80] = "a";
  for (int slot = 0; slot < 100; ++slot) fill(slot, 5);
  model.key_ms = 5;
  limits.slice_ms = 20;
  limits.slots_in_flight = 2;
  task.slots = {{0, 99}};
  ASSERT_TRUE(move());
  EXPECT_EQ(model.log[0], "2 90 IMPORTING a");
  EXPECT_EQ(model.log[1], "1 80 MIGRATING b");
}

// Flags that name a node which its replica has replaced since.
TEST_F(MoverTest, OpenSlotsArePointedToWhoTookOver) {
  fill(4, 1);
  fill(5, 1);
  model.nodes[1].migrating[4] = "old-b";
  model.nodes[2].importing[5] = "old-a";
  model.nodes[2].unheard.insert(5);
  task.slots = {{4, 5}};
  EXPECT_FALSE(move()) << "they may be other nodes' business";
  task.from_others = {"old-a"};
  task.to_others = {"old-b"};
  model.log.clear();
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 2);
  EXPECT_EQ(progress->keys_moved, 2);
  std::vector<std::string> opened(model.log.begin(), model.log.begin() + 5);
  EXPECT_THAT(opened, testing::ElementsAre("2 5 NODE a", "2 5 IMPORTING a", "2 4 IMPORTING a",
                                           "1 5 MIGRATING b", "1 4 MIGRATING b"));
}

// A target that takes any slot for one of a dead node serves nobody.
TEST_F(MoverTest, TheTargetHearsOfAllOpenSlotsBeforeAnyKeyMoves) {
  for (int slot = 0; slot < 60; ++slot) {
    fill(slot, 500);
    model.nodes[2].importing[slot] = "old-a";
    model.nodes[2].unheard.insert(slot);
  }
  model.refuse = [this](uint16_t, const resp::Command& command) -> std::optional<resp::Reply> {
    if (command[0] != "MIGRATE") return std::nullopt;
    for (const auto& [slot, peer] : model.nodes[2].importing) {
      if (peer != "a")
        return error_reply("ERR Target instance replied with error: CLUSTERDOWN The cluster is down");
    }
    return std::nullopt;
  };
  task.slots = {{0, 59}};
  task.from_others = {"old-a"};
  limits.slice_ms = 100'000;
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 60);
}

TEST_F(MoverTest, OldNewsOfTheSourceIsOutwaitedOnce) {
  std::vector<int64_t> pauses_ms;
  limits.pause_ms = [&](int64_t pause_ms) {
    EXPECT_TRUE(model.log.empty()) << "nothing is open yet";
    pauses_ms.push_back(pause_ms);
    model.now_ms += pause_ms;
  };
  task.slots = {{4, 5}};
  ASSERT_TRUE(move());
  EXPECT_THAT(pauses_ms, testing::IsEmpty()) << "Redis never takes over by itself";
  model.log.clear();
  task.target_takes_over = true;
  task.slots = {{6, 7}};
  memory = {};
  ASSERT_TRUE(move());
  EXPECT_THAT(pauses_ms, testing::ElementsAre(testing::Ge(200)));
  task.slots = {{8, 9}};
  ASSERT_TRUE(move());
  EXPECT_EQ(pauses_ms.size(), 1u) << "it is at work on the pair";
  model.log.clear();
  model.now_ms += 5000;
  task.slots = {{10, 11}};
  ASSERT_TRUE(move());
  EXPECT_EQ(pauses_ms.size(), 2u);
}

TEST_F(MoverTest, AnInterruptedHandoverIsFinished) {
  model.nodes[1].migrating[5] = "b";
  model.nodes[2].owned.insert(5);
  task.slots = {{5, 5}};
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->slots_done, 1);
  EXPECT_THAT(model.log, testing::ElementsAre("1 5 NODE b", "3 5 NODE b"));
}

TEST_F(MoverTest, ASourceThatFollowsTheTargetOfItsLastSlotHasLetGo) {
  model.refuse = [](uint16_t port, const Command& command) -> std::optional<Reply> {
    bool lets_go = port == 1 && command[1] == "SETSLOT" && command[3] == "NODE";
    if (!lets_go) return std::nullopt;
    bool waits = command[2] == "5";
    return error_reply(waits ? "UNBLOCKED force unblock from blocking operation, instance state changed"
                             : "ERR Please use SETSLOT only with masters.");
  };
  task.slots = {{0, 9}};
  Result<MoveProgress> moved = move();
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->slots_done, 10);
  EXPECT_EQ(model.nodes[2].owned.size(), 10U);
}

TEST_F(MoverTest, NoHandoverUntilTheTargetHasHeardOfTheSourcesEpoch) {
  fill(7, 3);
  model.nodes[1].epoch = 5;
  task.slots = {{7, 7}};
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->keys_moved, 3);
  EXPECT_EQ(progress->slots_done, 0);
  EXPECT_FALSE(model.nodes[2].owned.contains(7));
  model.nodes[2].heard_epoch = 5;
  model.nodes[2].epoch = 5;  // a collision, which the servers resolve among themselves
  EXPECT_EQ(move()->slots_done, 0);
  model.nodes[2].epoch = 6;
  EXPECT_EQ(move()->slots_done, 1);
}

TEST_F(MoverTest, SlotsThatTheTargetTookAreAnnouncedThoughItRefusedOthers) {
  task.slots = {{0, 2}};
  model.refuse = [](uint16_t port, const Command& command) -> std::optional<Reply> {
    if (port == 2 && command[1] == "SETSLOT" && command[2] == "1" && command[3] == "NODE") {
      return error_reply("NOREPLICAS Not enough good replicas to write.");
    }
    return std::nullopt;
  };
  Result<MoveProgress> progress = move();
  ASSERT_FALSE(progress);
  EXPECT_EQ(progress.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(model.nodes[1].owned.contains(0), false);
  EXPECT_EQ(model.nodes[1].owned.contains(1), true);
  EXPECT_EQ(model.nodes[1].owned.contains(2), false);
}

TEST_F(MoverTest, AKeyThatCannotMoveKeepsItsSlotOpenAndFinishesTheOthers) {
  fill(1, 1);
  task.slots = {{0, 1}};
  model.refuse = [](uint16_t, const Command& command) -> std::optional<Reply> {
    if (command[0] == "MIGRATE")
      return error_reply(
          "ERR Target instance replied with error: OOM command not allowed when used memory > 'maxmemory'.");
    return std::nullopt;
  };
  Result<MoveProgress> progress = move();
  ASSERT_FALSE(progress);
  EXPECT_EQ(progress.error().code, ErrorCode::kExhausted);
  EXPECT_EQ(progress.error().message.find("secret"), std::string::npos);
  EXPECT_TRUE(model.nodes[2].owned.contains(0));
  EXPECT_FALSE(model.nodes[2].owned.contains(1));
}

TEST_F(MoverTest, KeysThatAreCountedButNotListedKeepTheSlot) {
  task.slots = {{0, 0}};
  model.refuse = [](uint16_t, const Command& command) -> std::optional<Reply> {
    if (command.size() < 2 || command[1] != "COUNTKEYSINSLOT") return std::nullopt;
    return integer_reply(3);
  };
  Result<MoveProgress> progress = move();
  ASSERT_FALSE(progress);
  EXPECT_EQ(progress.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(model.nodes[1].owned.contains(0));
  EXPECT_FALSE(model.nodes[2].owned.contains(0));
}

TEST_F(MoverTest, AnotherPrimaryMayBeGoneButNotTheTwo) {
  task.slots = {{0, 0}};
  for (int gone : {3, 2, 1}) {
    model.cut = [gone](uint16_t port) -> std::optional<Error> {
      if (port != gone) return std::nullopt;
      return Error{ErrorCode::kUnavailable, "gone"};
    };
    Result<MoveProgress> progress = move();
    EXPECT_EQ(progress.has_value(), gone == 3);
    ErrorCode code = progress ? ErrorCode::kUnavailable : progress.error().code;
    EXPECT_EQ(code, ErrorCode::kUnavailable);
    task.slots = {{1, 1}};
  }
}

TEST(Refusal, CodesByWhatTheCallerCanDo) {
  struct {
    std::string_view text;
    ErrorCode code;
  } cases[] = {
      {"CLUSTERDOWN The cluster is down", ErrorCode::kUnavailable},
      {"IOERR error or timeout reading from target instance", ErrorCode::kUnavailable},
      {"ERR Target instance replied with error: WRONGPASS invalid", ErrorCode::kDenied},
      {"NOPERM User has no permissions", ErrorCode::kDenied},
      {"ERR Target node is not a master", ErrorCode::kUnavailable},
      {"MISCONF Redis is configured to save RDB snapshots", ErrorCode::kExhausted},
      {"ERR I'm not the owner of hash slot 5", ErrorCode::kConflict},
      {"MOVED 5 127.0.0.1:2", ErrorCode::kConflict},
  };
  for (const auto& one : cases) {
    Error refused = refusal({"127.0.0.1", 7001}, {"MIGRATE", "h", "1", "", "0", "9", "AUTH2", "u", "hidden"},
                            error_reply(one.text));
    EXPECT_EQ(refused.code, one.code) << one.text;
    EXPECT_THAT(refused.message, testing::HasSubstr("127.0.0.1:7001"));
    EXPECT_THAT(refused.message, testing::HasSubstr(std::string(one.text)));
    EXPECT_THAT(refused.message, testing::Not(testing::HasSubstr("hidden")));
  }
  EXPECT_EQ(refusal({"h", 1}, {"PING"}, status_reply("what")).code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace keyway::engine
