#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/fake_nodes.h"
#include "admin/membership.h"

namespace keyway::admin {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Primaries 1 and 2 with slots, of which 1 has the replica 3; 9 is new.
class AddNode : public testing::Test {
 protected:
  AddNode() {
    nodes[1].self.slots = {{0, 8191}};
    nodes[2].self.slots = {{8192, 16383}};
    nodes[3].self.primary_id = FakeNodes::id_of(1);
    for (uint16_t port = 1; port <= 3; ++port) nodes[port].self.epoch = port;
    nodes[1].functions = nodes[2].functions = "some functions";
    nodes.join_all();
    nodes.add(9);
    options.node = FakeNodes::at(9);
    options.timeout_ms = 2000;
  }

  Result<AddNodeResult> add() { return add_node(fake.session, seed, options); }
  Error refusal() {
    Result<AddNodeResult> added = add();
    EXPECT_FALSE(added);
    return added ? Error{} : added.error();
  }

  FakeSession fake{3};
  FakeNodes& nodes = fake.nodes;
  Address seed = FakeNodes::at(1);
  AddNodeOptions options;
};

TEST_F(AddNode, AsAPrimaryItHasTheFunctionsAndEverybodyKnowsIt) {
  Result<AddNodeResult> added = add();
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->id, FakeNodes::id_of(9));
  EXPECT_EQ(added->primary_id, "");
  EXPECT_EQ(nodes[9].functions, "some functions");
  EXPECT_THAT(nodes[9].known, SizeIs(3));
  for (uint16_t port = 1; port <= 3; ++port) EXPECT_TRUE(nodes[port].known.contains(added->id));
  EXPECT_THAT(nodes.sent("CLUSTER REPLICATE", 9), IsEmpty());
  EXPECT_EQ(nodes[9].self.epoch, 4u) << "of its own";
}

TEST_F(AddNode, FunctionsAreThereBeforeAnybodyKnowsIt) {
  ASSERT_TRUE(add());
  auto restored = std::find(nodes.log.begin(), nodes.log.end(), "9 FUNCTION RESTORE some functions REPLACE");
  auto met = std::find_if(nodes.log.begin(), nodes.log.end(),
                          [](const std::string& line) { return line.find("MEET") != std::string::npos; });
  EXPECT_LT(restored, met);
  EXPECT_NE(met, nodes.log.end());
}

TEST_F(AddNode, IsNotAddedIfItDoesNotTakeTheFunctions) {
  nodes.instead = [](uint16_t port, const resp::Command& command) -> std::optional<resp::Reply> {
    if (port != 9 || command[0] != "FUNCTION") return std::nullopt;
    return error_reply("ERR DUMP payload version or checksum are wrong");
  };
  EXPECT_THAT(refusal().message, AllOf(HasSubstr("payload version"), HasSubstr("was not added")));
  EXPECT_THAT(nodes[9].known, IsEmpty());
}

TEST_F(AddNode, AsAReplicaItFollowsThePrimaryWithTheFewest) {
  options.replica = true;
  Result<AddNodeResult> added = add();
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->primary_id, FakeNodes::id_of(2));
  EXPECT_EQ(nodes[9].self.primary_id, FakeNodes::id_of(2));
  EXPECT_EQ(nodes[9].functions, "");
}

TEST_F(AddNode, AReplicaMayFollowAPrimaryThatHasNoSlotsYet) {
  nodes.add(7).self.primary_id = FakeNodes::id_of(2);
  nodes.add(8);
  nodes.join_all();
  for (uint16_t port = 1; port <= 8; ++port)
    if (port < 4 || port > 6) nodes[port].known.erase(FakeNodes::id_of(9));
  nodes[9].known.clear();
  options.replica = true;
  EXPECT_EQ(add()->primary_id, FakeNodes::id_of(8));
}

TEST_F(AddNode, AsAReplicaItFollowsThePrimaryThatWasNamed) {
  options.replica = true;
  options.primary = "127.0.0.1:1";
  EXPECT_EQ(add()->primary_id, FakeNodes::id_of(1));
}

TEST_F(AddNode, RefusesAPrimaryThatIsNone) {
  options.replica = true;
  options.primary = "127.0.0.1:3";
  EXPECT_EQ(refusal().code, ErrorCode::kInvalidArgument);
  options.primary = "127.0.0.1:7";
  EXPECT_EQ(refusal().code, ErrorCode::kNotFound);
  options.primary = "127.0.0.1:1";
  options.replica = false;
  EXPECT_EQ(refusal().code, ErrorCode::kInvalidArgument);
}

TEST_F(AddNode, RefusesAServerThatIsNotFreeWithTheRemedy) {
  nodes[9].keys = 7;
  nodes.add(8);
  nodes[9].known[FakeNodes::id_of(8)] = nodes[8].self;
  nodes[9].self.slots = {{5, 5}};
  Error refused = refusal();
  EXPECT_EQ(refused.code, ErrorCode::kConflict);
  EXPECT_THAT(refused.message, AllOf(HasSubstr("holds 7 keys: if nobody needs them, FLUSHALL"),
                                     HasSubstr("it knows 127.0.0.1:8"), HasSubstr("CLUSTER RESET HARD"),
                                     HasSubstr("owns 1 slot of its own")));
  EXPECT_THAT(nodes.sent("CLUSTER MEET", 9), IsEmpty());
}

TEST_F(AddNode, RefusesAServerThatDoesNotAnswer) {
  nodes[9].up = false;
  EXPECT_EQ(refusal().code, ErrorCode::kUnavailable);
}

TEST_F(AddNode, RefusesAClusterWithoutAMajority) {
  nodes[2].up = false;
  Error refused = refusal();
  EXPECT_EQ(refused.code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.message, HasSubstr("127.0.0.1:2"));
}

TEST_F(AddNode, PassesOverMembersThatAreDownAndTellsOfThem) {
  nodes[3].up = false;
  Result<AddNodeResult> added = add();
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_THAT(fake.reporter.warnings, ElementsAre(HasSubstr("127.0.0.1:3 does not answer")));
}

TEST_F(AddNode, RefusesItselfAsTheCluster) {
  seed = options.node;
  EXPECT_EQ(refusal().code, ErrorCode::kInvalidArgument);
}

TEST_F(AddNode, FinishesAReplicaThatOnlyMet) {
  options.replica = true;
  nodes.join_all();
  Result<AddNodeResult> added = add();
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(nodes[9].self.primary_id, FakeNodes::id_of(2));
  EXPECT_THAT(fake.reporter.notes, ElementsAre(HasSubstr("a node of the cluster already")));
}

TEST_F(AddNode, FinishesOneWhomOnlySomeKnow) {
  nodes[9].known[FakeNodes::id_of(1)] = nodes[1].self;
  ASSERT_TRUE(add());
  for (uint16_t port = 1; port <= 3; ++port) EXPECT_TRUE(nodes[port].known.contains(FakeNodes::id_of(9)));
}

TEST_F(AddNode, RefusesMembersThatAreSomethingElse) {
  options.node = FakeNodes::at(2);
  EXPECT_EQ(refusal().code, ErrorCode::kAlreadyExists);
  options.node = FakeNodes::at(3);
  EXPECT_EQ(refusal().code, ErrorCode::kAlreadyExists);
  options.replica = true;
  options.primary = "127.0.0.1:2";
  EXPECT_EQ(refusal().code, ErrorCode::kAlreadyExists);
  options.primary = "127.0.0.1:1";
  EXPECT_EQ(add()->primary_id, FakeNodes::id_of(1));
}

TEST_F(AddNode, TellsWhatIsMissingWhenTimeIsUp) {
  options.replica = true;
  options.timeout_ms = 300;
  nodes.instead = [](uint16_t, const resp::Command& command) -> std::optional<resp::Reply> {
    bool replicate = command.size() == 3 && command[1] == "REPLICATE";
    return replicate ? std::optional(error_reply("ERR not today")) : std::nullopt;
  };
  Error refused = refusal();
  EXPECT_EQ(refused.code, ErrorCode::kTimeout);
  EXPECT_THAT(refused.message, HasSubstr("ERR not today"));
}

TEST_F(AddNode, WaitsForTheReplicaToBeInSync) {
  options.replica = true;
  options.timeout_ms = 300;
  nodes[9].link_up = false;
  Error refused = refusal();
  EXPECT_EQ(refused.code, ErrorCode::kTimeout);
  EXPECT_THAT(refused.message, HasSubstr("not in sync"));
}

TEST_F(AddNode, SaysThatItWasInterrupted) {
  nodes.before_exchange = [&] { fake.stop = true; };
  nodes.gossip = false;
  options.replica = true;
  Result<AddNodeResult> added = add();
  ASSERT_TRUE(added);
  EXPECT_TRUE(added->interrupted);
}

}  // namespace
}  // namespace keyway::admin
