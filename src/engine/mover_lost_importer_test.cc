#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/mover.h"
#include "engine/test_mover_model.h"

namespace keyway::engine {
namespace {

// c was the primary of b's shard and imported slot 5, b has taken over; c owns nothing any more.
class LostImporter : public MoverTest {
 protected:
  LostImporter() {
    for (int slot : {5, 6}) fill(slot, 2);
    model.nodes[1].migrating[5] = "b";
    model.nodes[2].importing[5] = "a";
    model.shards = {"a", "bc"};
    task.target_takes_over = true;
    task.slots = {{5, 6}};
  }
};

TEST_F(LostImporter, WhatItImportedWaitsForItWhileTheRestMoves) {
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 1);
  EXPECT_TRUE(model.nodes[2].owned.contains(6));
  EXPECT_TRUE(model.nodes[1].owned.contains(5));
  EXPECT_EQ(model.nodes[1].keys[5].size(), 2u);
  EXPECT_EQ(cluster::to_ranges(memory.held), (cluster::SlotRanges{{5, 5}}));
  EXPECT_THAT(why_held(memory), testing::HasSubstr("slots 5 stay open: 127.0.0.1:3 was lost"));

  model.shards = {"a", "b"};  // it was removed
  task.slots = {{5, 5}};
  progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 1);
  EXPECT_TRUE(memory.held.none());
}

TEST_F(LostImporter, APrimaryOfAnotherShardIsWaitedForByNobody) {
  model.shards = {"a", "b", "c"};
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 2);
}

TEST_F(LostImporter, NorIsOneThatOwnsSlots) {
  model.nodes[3].owned = {99};
  model.nodes[1].owned.erase(99);
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 2);
}

TEST_F(LostImporter, RedisServersTakeNothingOver) {
  task.target_takes_over = false;
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 2);
}

TEST_F(LostImporter, OnesThatAreGivenUpAreWaitedForByNobody) {
  limits.heed_lost_importers = false;
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 2);
}

TEST_F(LostImporter, WhatWasOpenedForTheTargetItselfGoesOn) {
  model.nodes[1].migrating.clear();
  model.nodes[2].importing.clear();
  fill(5, 5000);
  limits.slice_ms = 0;
  task.slots = {{5, 5}};
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  ASSERT_TRUE(model.nodes[1].migrating.contains(5));
  limits.slice_ms = 60'000;
  progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 1);
}

// Orders that it had not answered when it was lost it may carry out when it wakes up.
TEST_F(LostImporter, IsWaitedForWithSlotsThatItWasToldToImportInVain) {
  model.nodes[1].migrating.clear();
  model.nodes[2].importing.clear();
  task.to_id = "c";
  task.to = {"127.0.0.1", 3};
  task.slots = {{5, 5}};
  model.refuse = [this](uint16_t port, const resp::Command& command) -> std::optional<resp::Reply> {
    bool import = port == 3 && command.size() > 3 && command[3] == "IMPORTING";
    if (import) model.cut = [](uint16_t) { return Error{ErrorCode::kTimeout, "it hangs"}; };
    return std::nullopt;
  };
  EXPECT_FALSE(move());

  model.cut = nullptr;
  model.refuse = nullptr;
  task.to_id = "b";
  task.to = {"127.0.0.1", 2};
  task.slots = {{5, 6}};
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 1);
  EXPECT_EQ(cluster::to_ranges(memory.held), (cluster::SlotRanges{{5, 5}}));

  model.nodes[3].owned = {99};  // it has become something else
  task.slots = {{5, 5}};
  progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 1);
}

TEST_F(LostImporter, IsOutrankedBySourceAndTarget) {
  model.nodes[3].epoch = 4;
  model.nodes[2].epoch = 5;
  model.nodes[2].owned = {7};
  ASSERT_TRUE(move());
  EXPECT_EQ(model.nodes[1].epoch, 1u) << "it has yet to let go of slot 7";
  model.nodes[1].owned.erase(7);
  task.slots = {{5, 5}};
  ASSERT_TRUE(move());
  EXPECT_EQ(model.nodes[1].epoch, 6u);
  task.slots = {{5, 5}};
  ASSERT_TRUE(move());
  EXPECT_EQ(model.nodes[2].epoch, 7u);
  ASSERT_TRUE(move());
  EXPECT_EQ(model.nodes[1].epoch, 6u) << "once is enough";
}

TEST_F(LostImporter, OfAMemoryOnlyWhatIsAboutThisTargetCounts) {
  memory.target_id = "c";
  memory.imported.set(5);
  Result<MoveProgress> progress = move();
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_TRUE(memory.held[5]);
}

TEST_F(LostImporter, AServerThatRefusesToTellIsAnError) {
  model.refuse = [](uint16_t, const resp::Command& command) -> std::optional<resp::Reply> {
    if (command[1] == "SHARDS") return error_reply("NOPERM no");
    return std::nullopt;
  };
  Result<MoveProgress> progress = move();
  ASSERT_FALSE(progress);
  EXPECT_EQ(progress.error().code, ErrorCode::kDenied);
  EXPECT_TRUE(model.nodes[1].owned.contains(5));
}

}  // namespace
}  // namespace keyway::engine
