// How much a move asks of the servers at once, and what becomes of it when they do not play along.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_mover_model.h"

namespace keyway::engine {
namespace {

using resp::Command;
using resp::Reply;

TEST_F(MoverTest, OnePipelineHoldsManySlots) {
  for (int slot = 0; slot < 64; ++slot) fill(slot, 5);
  task.slots = {{0, 63}};
  limits.slice_ms = 1000;
  Result<MoveProgress> moved = move();
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->slots_done, 64);
  EXPECT_GE(model.calls.size(), 64u);
  EXPECT_LT(model.pipeline_bytes.size(), 16u);
}

TEST_F(MoverTest, BigKeysShareNoPipelineBeyondTheBudget) {
  for (int slot = 0; slot < 10; ++slot) {
    fill(slot, 20);
    for (int key = 0; key < 20; ++key) model.sizes[fmt::format("{}:{}", slot, key)] = 100'000;
  }
  task.slots = {{0, 9}};
  limits.slice_ms = 10'000;
  Result<MoveProgress> moved = move();
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->bytes_moved, 200 * 100'000);
  // The model is as fast as its clock can tell, so pipelines grow to the most there is.
  EXPECT_LE(*std::ranges::max_element(model.pipeline_bytes), 4 << 20);
  EXPECT_EQ(model.pipeline_bytes.front(), 100'000);
}

TEST_F(MoverTest, AKeyThatBlocksForLongIsToldAndGoesAlone) {
  fill(3, 50);
  model.sizes["3:17"] = 80 << 20;
  std::vector<BigKey> told;
  hooks.on_big_key = [&](const BigKey& key) {
    EXPECT_TRUE(model.nodes[1].keys[3].contains("3:17")) << "too late";
    told.push_back(key);
  };
  task.slots = {{3, 3}};
  limits.slice_ms = 10'000;
  Result<MoveProgress> moved = move();
  ASSERT_TRUE(moved) << moved.error().message;
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].name, "3:17");
  EXPECT_EQ(told[0].size_bytes, 80 << 20);
  EXPECT_NEAR(static_cast<double>(told[0].stall_ms), 1050, 100);
  EXPECT_THAT(model.pipeline_bytes, testing::Contains(80 << 20));
  EXPECT_GE(*std::ranges::max_element(model.timeouts_ms), 3 * told[0].stall_ms);
}

TEST_F(MoverTest, AKeyThatWouldLookLikeADeadServerStays) {
  fill(3, 2);
  fill(4, 2);
  model.sizes["3:1"] = int64_t{1} << 30;
  task.slots = {{3, 4}};
  Result<MoveProgress> moved = move();
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kConflict);
  EXPECT_THAT(moved.error().message, testing::HasSubstr("'3:1'"));
  EXPECT_THAT(moved.error().message, testing::HasSubstr("cluster-node-timeout"));
  EXPECT_TRUE(model.nodes[1].keys[3].contains("3:1"));
}

TEST_F(MoverTest, TimeoutsOfOnePipelineTogetherAreOne) {
  for (int slot = 0; slot < 64; ++slot) fill(slot, 5);
  task.slots = {{0, 63}};
  limits.slice_ms = 1000;
  limits.migrate_timeout_ms = 2000;
  ASSERT_TRUE(move());
  EXPECT_EQ(model.timeouts_ms.front(), 2000);
  EXPECT_LE(model.timeouts_ms.back(), 1000);
  EXPECT_GE(*std::ranges::min_element(model.timeouts_ms), 100);
}

TEST_F(MoverTest, LimitsOfKeysAndBytesHold) {
  fill(0, 200);
  task.slots = {{0, 0}};
  limits.slice_ms = 10'000;
  limits.max_keys_a_call = 10;
  limits.max_bytes_a_pipeline = 10'000;
  ASSERT_TRUE(move());
  EXPECT_EQ(*std::ranges::max_element(model.calls), 10u);
  EXPECT_LE(*std::ranges::max_element(model.pipeline_bytes), 10'000);
}

TEST_F(MoverTest, WhatWasLearntIsKept) {
  fill(0, 5000);
  task.slots = {{0, 0}};
  limits.slice_ms = 10'000;
  ASSERT_TRUE(move());
  EXPECT_LT(model.calls.front(), 100u);
  model.calls.clear();
  fill(1, 5000);
  task.slots = {{1, 1}};
  ASSERT_TRUE(move());
  EXPECT_GT(*std::max_element(model.calls.begin(), model.calls.begin() + 2), 99u);
}

TEST_F(MoverTest, WhenStoppedItFinishesWhatIsOpenAndBeginsNoMore) {
  for (int slot = 0; slot < 100; ++slot) fill(slot, 30);
  bool stop = false;
  hooks.stop = [&] { return stop; };
  hooks.on_progress = [&](const MoveProgress&) { stop = stop || !model.calls.empty(); };
  task.slots = {{0, 99}};
  limits.slice_ms = 10'000;
  limits.grace_ms = 10'000;
  Result<MoveProgress> moved = move();
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_GT(moved->slots_done, 0);
  EXPECT_LT(moved->slots_done, 100);
  EXPECT_TRUE(model.nodes[1].migrating.empty());
  EXPECT_TRUE(model.nodes[2].importing.empty());
}

TEST_F(MoverTest, HooksHearOfEverySlotAndEveryKeyOnce) {
  for (int slot = 0; slot < 40; ++slot) fill(slot, slot);
  std::set<int> slots;
  MoveProgress sum;
  hooks.on_slot = [&](cluster::Slot slot) { EXPECT_TRUE(slots.insert(slot).second) << slot; };
  hooks.on_progress = [&](const MoveProgress& step) {
    sum.slots_done += step.slots_done;
    sum.keys_moved += step.keys_moved;
    sum.bytes_moved += step.bytes_moved;
  };
  task.slots = {{0, 39}};
  limits.slice_ms = 10'000;
  Result<MoveProgress> moved = move();
  ASSERT_TRUE(moved);
  EXPECT_EQ(slots.size(), 40u);
  EXPECT_EQ(sum.slots_done, 40);
  EXPECT_EQ(sum.keys_moved, 39 * 40 / 2);
  EXPECT_EQ(sum.bytes_moved, moved->bytes_moved);
}

TEST_F(MoverTest, KeysThatTheTargetHoldsOfAClosedSlotAreNotOverwrittenUnasked) {
  fill(5, 3);
  model.nodes[2].keys[5] = {"5:stray"};
  task.slots = {{4, 5}};
  limits.replace = false;
  Result<MoveProgress> moved = move();
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kConflict);
  EXPECT_THAT(moved.error().message, testing::HasSubstr("1 key of slot 5"));
  EXPECT_TRUE(model.log.empty());
  model.nodes[1].migrating[5] = "b";  // one that is open already was begun by somebody
  EXPECT_TRUE(move());
}

TEST_F(MoverTest, CopiesOnTheirWayAreDroppedBeforeAnythingIsSentAgain) {
  fill(0, 3);
  task.slots = {{0, 0}};
  bool hung = true;
  model.refuse = [&](uint16_t, const Command& command) -> std::optional<Reply> {
    if (command[0] == "MIGRATE" && hung)
      return error_reply("IOERR error or timeout reading from target instance");
    if (command[0] == "MIGRATE") {
      EXPECT_THAT(model.killed, testing::ElementsAre("9"));
    }
    return std::nullopt;
  };
  Result<MoveProgress> moved = move();
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(memory.unsettled);
  hung = false;
  model.client_list =
      "id=7 addr=127.0.0.1:500 laddr=127.0.0.1:2 fd=8 name= cmd=get user=default\n"
      "id=8 addr=10.0.0.9:501 laddr=127.0.0.1:2 fd=9 name= cmd=NULL user=default\n"
      "id=9 addr=127.0.0.1:502 laddr=127.0.0.1:2 fd=9 name= cmd=restore-asking user=default\n";
  moved = move();
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->keys_moved, 3);
  EXPECT_FALSE(memory.unsettled);
}

TEST_F(MoverTest, TheSourceLogsInAtTheAddressThatTheTargetAnnounces) {
  fill(0, 1);
  task.slots = {{0, 0}};
  task.to_announced = {"10.0.0.2", 2};
  ASSERT_TRUE(move());
  EXPECT_THAT(model.last_migrate, testing::ElementsAre("MIGRATE", "10.0.0.2", "2", "", "0", "3000", "REPLACE",
                                                       "AUTH2", "admin", "secret", "KEYS", "0:0"));
  fill(1, 1);
  task.slots = {{1, 1}};
  task.user.clear();
  ASSERT_TRUE(move());
  EXPECT_EQ(model.last_migrate[7], "AUTH");
  fill(2, 1);
  task.slots = {{2, 2}};
  task.password.clear();
  ASSERT_TRUE(move());
  EXPECT_EQ(model.last_migrate[7], "KEYS");
}

TEST_F(MoverTest, OnlySlotsOfWhichTheTargetHoldsNothingAreClosed) {
  for (int slot : {1, 2, 3}) {
    model.nodes[1].migrating[slot] = "b";
    model.nodes[2].importing[slot] = "a";
    fill(slot, 2);
  }
  model.nodes[2].keys[2] = {"2:moved"};
  // A client makes a key of slot 3 there, at the last moment.
  model.refuse = [&](uint16_t port, const Command& command) -> std::optional<Reply> {
    bool closing = port == 2 && command.size() > 3 && command[2] == "3" && command[3] == "STABLE";
    if (closing) model.nodes[2].keys[3].insert("3:new");
    return std::nullopt;
  };
  task.slots = {{0, 9}};
  Result<cluster::SlotRanges> left = close_untouched(model, task);
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_EQ(cluster::to_string(*left), "2-3");
  EXPECT_EQ(model.nodes[1].migrating.size(), 2u);
  EXPECT_EQ(model.nodes[2].importing.size(), 2u);
  EXPECT_THAT(model.log,
              testing::ElementsAre("2 1 STABLE ", "2 3 STABLE ", "2 3 IMPORTING a", "1 1 STABLE "));
}

TEST(MovePace, OneBadMomentIsSoonMadeGood) {
  MovePace pace;
  pace.learn_way(100);
  MoveLoad load{.calls = 1, .weight = 0, .keys = 100, .out_of_weight = true};
  for (int i = 0; i < 20; ++i) {
    load.weight = pace.max_weight();
    pace.learn(load, 100 + load.weight / 80, 20'000);
  }
  int64_t usual = pace.max_weight();
  EXPECT_GT(usual, 200'000);
  EXPECT_LE(usual, 500'000);
  load.weight = usual;
  pace.learn(load, 500'000, 20'000);
  EXPECT_LT(pace.max_weight(), usual);
  for (int i = 0; i < 4; ++i) {
    load.weight = pace.max_weight();
    pace.learn(load, 100 + load.weight / 80, 20'000);
  }
  EXPECT_GE(pace.max_weight() * 3, usual * 2);
}

TEST(MovePace, OnlyWhatWasTheLimitGrows) {
  MovePace pace;
  int64_t weight = pace.max_weight();
  pace.learn({.calls = 1, .weight = 500, .keys = 2}, 100, 20'000);
  EXPECT_EQ(pace.max_weight(), weight);
  EXPECT_EQ(pace.max_calls(), 1);
  pace.learn({.calls = 1, .weight = 500, .keys = 2, .out_of_calls = true}, 100, 20'000);
  EXPECT_EQ(pace.max_weight(), weight);
  EXPECT_GT(pace.max_calls(), 1);
}

TEST(MovePace, ALongWayAsksForMoreAtOnce) {
  MovePace near;
  near.learn_way(100);
  EXPECT_EQ(near.budget_us(20'000), 5000);
  MovePace far;
  far.learn_way(2000);
  EXPECT_EQ(far.budget_us(20'000), 8000);
  far.learn_way(50'000);
  EXPECT_EQ(far.budget_us(20'000), 8000);
}

TEST(MovePace, BigKeysTellHowLongBytesTake) {
  MovePace pace;
  pace.learn_way(100);
  int64_t before_us = pace.estimate_us(100 << 20);
  for (int i = 0; i < 10; ++i) pace.learn({.calls = 1, .weight = 10 << 20, .keys = 1}, 1'000'000, 20'000);
  EXPECT_GT(pace.estimate_us(100 << 20), 5 * before_us);
  EXPECT_NEAR(static_cast<double>(pace.estimate_us(10 << 20)), 1'000'000, 100'000);
}

TEST(MoveMemories, AreKeptByPair) {
  MoveMemories memories;
  memories.of("a", "b").keys_a_slot = 7;
  memories.of("b", "a").keys_a_slot = 8;
  EXPECT_EQ(memories.of("a", "b").keys_a_slot, 7);
  for (int i = 0; i < 1000; ++i) memories.of(std::to_string(i), "b");
  EXPECT_EQ(memories.of("a", "b").keys_a_slot, 0);
}

}  // namespace
}  // namespace keyway::engine
