#include "admin/ask_all.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/fake_nodes.h"

namespace keyway::admin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// 1 and 2 are primaries, 3 follows 1.
class AskAll : public testing::Test {
 protected:
  AskAll() {
    nodes[1].self.slots = {{0, 8191}};
    nodes[2].self.slots = {{8192, 16383}};
    nodes[3].self.primary_id = FakeNodes::id_of(1);
    nodes[1].keys = 1638;
    nodes[2].keys = 1638;
    nodes[3].keys = 1638;
    nodes.join_all();
  }

  std::vector<uint16_t> asked(const std::vector<NodeReply>& replies) const {
    std::vector<uint16_t> ports;
    for (const NodeReply& reply : replies) ports.push_back(reply.address.port);
    return ports;
  }

  FakeSession fake{3};
  FakeNodes& nodes = fake.nodes;
  Address seed = FakeNodes::at(1);
};

TEST_F(AskAll, CallsNodesOfTheRoleAskedFor) {
  Result<std::vector<NodeReply>> all = call(fake.session, seed, {"PING"}, Which::kAll);
  ASSERT_TRUE(all);
  EXPECT_THAT(asked(*all), ElementsAre(1, 2, 3));
  EXPECT_TRUE((*all)[0].reply.ok());
  EXPECT_THAT(asked(*call(fake.session, seed, {"PING"}, Which::kPrimaries)), ElementsAre(1, 2));
  EXPECT_THAT(asked(*call(fake.session, seed, {"PING"}, Which::kReplicas)), ElementsAre(3));
}

TEST_F(AskAll, CallTellsOfNodesThatDoNotAnswer) {
  nodes[2].up = false;
  Result<std::vector<NodeReply>> all = call(fake.session, seed, {"PING"}, Which::kPrimaries);
  ASSERT_TRUE(all);
  ASSERT_THAT(asked(*all), ElementsAre(1, 2));
  EXPECT_FALSE((*all)[0].error);
  ASSERT_TRUE((*all)[1].error);
  EXPECT_EQ((*all)[1].error->code, ErrorCode::kUnavailable);
  EXPECT_THAT((*all)[1].error->message, HasSubstr("127.0.0.1:2"));
}

TEST_F(AskAll, CallGivesErrorRepliesAsTheyAre) {
  nodes.instead = [](uint16_t port, const resp::Command& command) -> std::optional<resp::Reply> {
    if (command[0] == "FLUSHALL" && port == 3) return error_reply("READONLY no");
    return std::nullopt;
  };
  Result<std::vector<NodeReply>> all = call(fake.session, seed, {"FLUSHALL"}, Which::kAll);
  ASSERT_TRUE(all);
  EXPECT_FALSE((*all)[2].error);
  EXPECT_EQ((*all)[2].reply.text, "READONLY no");
}

TEST_F(AskAll, CallWantsACommandAndASeedThatAnswers) {
  EXPECT_EQ(call(fake.session, seed, {}, Which::kAll).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(call(fake.session, FakeNodes::at(9), {"PING"}, Which::kAll).error().code,
            ErrorCode::kUnavailable);
}

TEST_F(AskAll, TimeoutIsSetAndKeptEverywhere) {
  Result<std::vector<NodeReply>> all = set_timeout(fake.session, seed, 5000);
  ASSERT_TRUE(all);
  EXPECT_THAT(asked(*all), ElementsAre(1, 2, 3));
  for (uint16_t port = 1; port <= 3; ++port) {
    EXPECT_THAT(nodes.sent("CONFIG", port),
                ElementsAre(fmt::format("{} CONFIG SET cluster-node-timeout 5000", port),
                            fmt::format("{} CONFIG REWRITE", port)));
  }
}

TEST_F(AskAll, TimeoutOfAServerWithoutAFileIsSetWithAWarning) {
  nodes[2].has_config_file = false;
  Result<std::vector<NodeReply>> all = set_timeout(fake.session, seed, 5000);
  ASSERT_TRUE(all);
  EXPECT_FALSE((*all)[1].error);
  EXPECT_TRUE((*all)[1].reply.ok());
  EXPECT_THAT(fake.reporter.warnings, ElementsAre(HasSubstr("127.0.0.1:2 has no configuration file")));
}

TEST_F(AskAll, TimeoutThatCouldNotBeKeptIsAnError) {
  nodes.instead = [](uint16_t port, const resp::Command& command) -> std::optional<resp::Reply> {
    if (command[0] != "CONFIG" || port == 1) return std::nullopt;
    if (port == 2 && command[1] == "REWRITE") return error_reply("ERR Rewriting config file: No space");
    if (port == 3) return error_reply("NOPERM no CONFIG for you");
    return std::nullopt;
  };
  Result<std::vector<NodeReply>> all = set_timeout(fake.session, seed, 5000);
  ASSERT_TRUE(all);
  EXPECT_FALSE((*all)[0].error);
  ASSERT_TRUE((*all)[1].error);
  EXPECT_THAT((*all)[1].error->message, HasSubstr("No space"));
  EXPECT_TRUE((*all)[2].reply.is_error());
}

TEST_F(AskAll, TimeoutBelowTheLeastIsRefusedBeforeAnythingIsAsked) {
  Result<std::vector<NodeReply>> refused = set_timeout(fake.session, seed, 99);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(nodes.log, IsEmpty());
}

TEST_F(AskAll, InfoListsPrimariesWithTheirSlotsKeysAndReplicas) {
  nodes[1].zone = "east";
  Result<ClusterInfo> all = info(fake.session, seed);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->primaries.size(), 2u);
  const PrimaryInfo& first = all->primaries[0];
  EXPECT_EQ(first.id, FakeNodes::id_of(1));
  EXPECT_EQ(first.zone, "east");
  EXPECT_EQ(first.version, "7.0.15");
  EXPECT_EQ(first.slots, 8192);
  EXPECT_EQ(first.keys, 1638);
  EXPECT_EQ(first.replicas, 1);
  EXPECT_EQ(all->primaries[1].replicas, 0);
  EXPECT_EQ(all->keys, 3276);
  EXPECT_NEAR(all->keys_a_slot, 0.2, 0.001);
}

TEST_F(AskAll, InfoListsPrimariesThatAreGone) {
  nodes[2].up = false;
  Result<ClusterInfo> all = info(fake.session, seed);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->primaries.size(), 2u);
  EXPECT_TRUE(all->primaries[0].answers);
  EXPECT_FALSE(all->primaries[1].answers);
  EXPECT_EQ(all->primaries[1].slots, 8192);
  EXPECT_EQ(all->keys, 1638);
}

}  // namespace
}  // namespace keyway::admin
