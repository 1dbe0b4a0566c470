#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/fake_nodes.h"
#include "admin/membership.h"

namespace keyway::admin {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Primaries 1 and 2 with slots, 4 without; 3 follows 1.
class DelNode : public testing::Test {
 protected:
  DelNode() {
    nodes[1].self.slots = {{0, 8191}};
    nodes[2].self.slots = {{8192, 16383}};
    nodes[3].self.primary_id = FakeNodes::id_of(1);
    for (uint16_t port = 1; port <= 4; ++port) nodes[port].self.epoch = port;
    nodes.join_all();
    options.node = "127.0.0.1:4";
    options.yes = true;
    options.watch_ms = 30;
  }

  Result<DelNodeResult> del() { return del_node(fake.session, seed, options); }
  Error refusal() {
    Result<DelNodeResult> deleted = del();
    EXPECT_FALSE(deleted);
    return deleted ? Error{} : deleted.error();
  }
  int who_know(uint16_t port) {
    int count = 0;
    for (uint16_t viewer = 1; viewer <= 4; ++viewer)
      count += nodes[viewer].known.contains(FakeNodes::id_of(port));
    return count;
  }

  FakeSession fake{4};
  FakeNodes& nodes = fake.nodes;
  Address seed = FakeNodes::at(1);
  DelNodeOptions options;
};

TEST_F(DelNode, IsForgottenByAllAndKnowsNobody) {
  Result<DelNodeResult> deleted = del();
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_EQ(deleted->id, FakeNodes::id_of(4));
  EXPECT_EQ(deleted->forgotten_by, 3);
  EXPECT_TRUE(deleted->reset);
  EXPECT_TRUE(deleted->carried_out);
  EXPECT_EQ(who_know(4), 0);
  EXPECT_THAT(nodes[4].known, IsEmpty());
}

TEST_F(DelNode, KnowsNobodyBeforeAnyoneForgetsIt) {
  ASSERT_TRUE(del());
  auto reset = std::find(nodes.log.begin(), nodes.log.end(), "4 CLUSTER RESET SOFT");
  auto forgotten = std::find_if(nodes.log.begin(), nodes.log.end(), [](const std::string& line) {
    return line.find("FORGET") != std::string::npos;
  });
  EXPECT_LT(reset, forgotten);
  EXPECT_NE(forgotten, nodes.log.end());
}

TEST_F(DelNode, AReplicaIsEmptied) {
  options.node = FakeNodes::id_of(3).substr(0, 4);
  nodes[3].keys = 5;
  ASSERT_TRUE(del());
  EXPECT_EQ(who_know(3), 0);
  EXPECT_EQ(nodes[3].keys, 0);
}

TEST_F(DelNode, ADeadNodeIsForgottenWithAWarning) {
  nodes[4].up = false;
  options.node = FakeNodes::id_of(4);
  Result<DelNodeResult> deleted = del();
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_FALSE(deleted->reset);
  EXPECT_EQ(who_know(4), 0);
  EXPECT_THAT(fake.reporter.warnings, ElementsAre(HasSubstr("delete its nodes.conf")));
}

TEST_F(DelNode, TheSeedItselfCanGo) {
  seed = FakeNodes::at(4);
  ASSERT_TRUE(del());
  EXPECT_EQ(who_know(4), 0);
}

TEST_F(DelNode, RefusesOwnersOfSlotsAndThoseWhoAreFollowed) {
  options.node = "127.0.0.1:2";
  EXPECT_THAT(refusal().message, AllOf(HasSubstr("owns 8192 slots (8192-16383)"), HasSubstr("--drain")));
  nodes[1].self.slots.clear();
  nodes[2].self.slots = {{0, 16383}};
  for (uint16_t port = 1; port <= 4; ++port) nodes[port].known.clear();
  nodes.join_all();
  options.node = "127.0.0.1:1";
  Error refused = refusal();
  EXPECT_EQ(refused.code, ErrorCode::kConflict);
  EXPECT_THAT(refused.message, HasSubstr("is followed by 127.0.0.1:3"));
  EXPECT_EQ(who_know(1), 3);
}

TEST_F(DelNode, RefusesToDrainADeadOwnerOfSlots) {
  options.node = FakeNodes::id_of(2);
  options.drain = true;
  nodes[2].up = false;
  EXPECT_EQ(refusal().code, ErrorCode::kUnavailable);
  EXPECT_EQ(who_know(2), 3);
}

TEST_F(DelNode, ItsReplicasAreGivenToOthers) {
  nodes[1].self.slots.clear();
  nodes[2].self.slots = {{0, 16383}};
  for (uint16_t port = 1; port <= 4; ++port) nodes[port].known.clear();
  nodes.join_all();
  options.node = "127.0.0.1:1";
  options.rehome_replicas = true;
  seed = FakeNodes::at(2);
  Result<DelNodeResult> deleted = del();
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_EQ(nodes[3].self.primary_id, FakeNodes::id_of(2));
  EXPECT_EQ(who_know(1), 0);
}

TEST_F(DelNode, RefusesOwnersOfSlotsWhoseReplicasMayGo) {
  options.node = "127.0.0.1:1";
  options.rehome_replicas = true;
  EXPECT_EQ(refusal().code, ErrorCode::kConflict);
  EXPECT_EQ(nodes[3].self.primary_id, FakeNodes::id_of(1));
}

TEST_F(DelNode, RefusesUnknownNodesAndTheOnlyOne) {
  options.node = "127.0.0.1:7";
  EXPECT_EQ(refusal().code, ErrorCode::kNotFound);
  FakeSession alone(1);
  options.node = "127.0.0.1:1";
  EXPECT_EQ(del_node(alone.session, FakeNodes::at(1), options).error().code, ErrorCode::kConflict);
}

TEST_F(DelNode, NothingIsForgottenIfItCannotBeReset) {
  nodes[4].keys = 2;
  Error refused = refusal();
  EXPECT_EQ(refused.code, ErrorCode::kConflict);
  EXPECT_THAT(refused.message, HasSubstr("holds keys of slots that it does not own"));
  EXPECT_EQ(who_know(4), 3);
}

TEST_F(DelNode, NothingIsForgottenIfItRunsButCannotBeTold) {
  nodes.instead = [](uint16_t port, const resp::Command&) -> std::optional<resp::Reply> {
    return port == 4 ? std::optional(error_reply("NOAUTH Authentication required.")) : std::nullopt;
  };
  options.node = FakeNodes::id_of(4);
  EXPECT_EQ(refusal().code, ErrorCode::kDenied);
  EXPECT_EQ(who_know(4), 3);
}

TEST_F(DelNode, WarnsOfMembersThatCouldBringItBack) {
  nodes[2].up = false;
  Result<DelNodeResult> deleted = del();
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_EQ(deleted->forgotten_by, 2);
  EXPECT_THAT(fake.reporter.warnings, Contains(HasSubstr("127.0.0.1:2 does not answer and cannot be told")));
}

TEST_F(DelNode, TriesAgainWhereForgettingFails) {
  int failures = 3;
  nodes.instead = [&](uint16_t port, const resp::Command& command) -> std::optional<resp::Reply> {
    bool fails = port == 2 && command.size() == 3 && command[1] == "FORGET" && failures-- > 0;
    return fails ? std::optional(error_reply("BUSY Redis is busy running a script.")) : std::nullopt;
  };
  Result<DelNodeResult> deleted = del();
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_EQ(who_know(4), 0);
  EXPECT_THAT(nodes.sent("CLUSTER FORGET", 2), SizeIs(4));
  EXPECT_THAT(nodes.sent("CLUSTER FORGET", 1), SizeIs(1));
}

TEST_F(DelNode, NamesThoseWhoDoNotForget) {
  nodes.instead = [&](uint16_t port, const resp::Command& command) -> std::optional<resp::Reply> {
    bool fails = port == 2 && command.size() == 3 && command[1] == "FORGET";
    return fails ? std::optional(error_reply("NOPERM no")) : std::nullopt;
  };
  EXPECT_THAT(refusal().message,
              AllOf(HasSubstr("1 of 3 nodes have not forgotten"), HasSubstr("127.0.0.1:2")));
}

TEST_F(DelNode, ForgetsAgainWhatComesBackWhileItWatches) {
  int looks = 0;
  options.watch_ms = 100;
  nodes.before_exchange = [&] {
    bool forgotten = who_know(4) == 0;
    if (forgotten && ++looks == 3) nodes[2].known[FakeNodes::id_of(4)] = nodes[4].self;
  };
  Result<DelNodeResult> deleted = del();
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_EQ(who_know(4), 0);
  EXPECT_THAT(nodes.sent("CLUSTER FORGET", 2), SizeIs(2));
  EXPECT_THAT(fake.reporter.notes, ElementsAre(HasSubstr("came back and is forgotten again")));
}

TEST_F(DelNode, GivesUpOnOneThatAlwaysComesBack) {
  options.watch_ms = 100;
  nodes.before_exchange = [&] {
    if (who_know(4) == 0) nodes[2].known[FakeNodes::id_of(4)] = nodes[4].self;
  };
  EXPECT_EQ(refusal().code, ErrorCode::kConflict);
}

TEST_F(DelNode, AllHearOfTheNewOwnersBeforeTheyForgetTheOldOne) {
  nodes.gossip = false;
  nodes[4].up = false;  // was the owner of 0-8191 once
  options.node = FakeNodes::id_of(4);
  nodes[2].known[FakeNodes::id_of(1)].slots.clear();
  nodes[2].known[FakeNodes::id_of(4)].slots = {{0, 8191}};
  nodes[2].known[FakeNodes::id_of(4)].epoch = 0;
  ASSERT_TRUE(del());
  EXPECT_EQ(nodes[2].known[FakeNodes::id_of(1)].slots, nodes[1].self.slots);
  auto told = std::find(nodes.log.begin(), nodes.log.end(), "1 CLUSTER MEET 127.0.0.1 2 10002");
  EXPECT_LT(told, std::find(nodes.log.begin(), nodes.log.end(), "2 CLUSTER FORGET " + FakeNodes::id_of(4)));
}

}  // namespace
}  // namespace keyway::admin
