#include "admin/create.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/fake_nodes.h"
#include "base/format.h"

namespace keyway::admin {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Create : public testing::Test {
 protected:
  Create() {
    options.replicas = 1;
    options.yes = true;
    options.timeout_ms = 5000;
    for (uint16_t port = 1; port <= 6; ++port) options.nodes.push_back(FakeNodes::at(port));
  }

  // What the servers are now: "1:0-5460 2:5461-… 4>1".
  std::string picture() {
    std::vector<std::string> parts;
    for (uint16_t port = 1; port <= 6; ++port) {
      const FakeNodes::Picture& self = nodes[port].self;
      parts.push_back(self.primary_id.empty()
                          ? fmt::format("{}:{}", port, cluster::to_string(self.slots))
                          : fmt::format("{}>{}", port, *parse_int(self.primary_id.substr(0, 4))));
    }
    return join(parts, " ");
  }

  std::string refusal() {
    Result<CreateResult> made = create(fake.session, options);
    EXPECT_FALSE(made);
    return made ? "" : made.error().message;
  }

  FakeSession fake{6};
  FakeNodes& nodes = fake.nodes;
  CreateOptions options;
};

TEST_F(Create, MakesPrimariesAndReplicasOfEmptyServers) {
  Result<CreateResult> made = create(fake.session, options);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->carried_out);
  EXPECT_THAT(made->placement.shards, SizeIs(3));
  std::set<uint64_t> epochs;
  int slots = 0;
  for (uint16_t port = 1; port <= 6; ++port) {
    epochs.insert(nodes[port].self.epoch);
    slots += cluster::count(nodes[port].self.slots);
    EXPECT_THAT(nodes[port].known, SizeIs(5));
  }
  EXPECT_THAT(epochs, SizeIs(6));
  EXPECT_EQ(slots, cluster::kSlotCount);
  for (const cluster::PlacedShard& shard : made->placement.shards) {
    auto primary = static_cast<uint16_t>(parse_address(shard.primary)->port);
    EXPECT_THAT(nodes.sent("SET keyway:probe:", primary), SizeIs(1));
    EXPECT_THAT(nodes.sent("DEL keyway:probe:", primary), SizeIs(1));
    ASSERT_THAT(shard.replicas, SizeIs(1));
    EXPECT_EQ(nodes[parse_address(shard.replicas[0])->port].self.primary_id, FakeNodes::id_of(primary));
  }
}

TEST_F(Create, MeetsByTheBusPortOfEachServer) {
  ASSERT_TRUE(create(fake.session, options));
  EXPECT_THAT(nodes.sent("CLUSTER MEET 127.0.0.1 2", 1), ElementsAre("1 CLUSTER MEET 127.0.0.1 2 10002"));
}

TEST_F(Create, MeetsAgainWhereAPictureIsOutdated) {
  nodes.gossip = false;
  Result<CreateResult> made = create(fake.session, options);
  ASSERT_TRUE(made) << made.error().message;
  for (uint16_t port = 1; port <= 6; ++port) {
    for (const auto& [id, seen] : nodes[port].known)
      EXPECT_EQ(seen, nodes[static_cast<uint16_t>(*parse_int(id.substr(0, 4)))].self);
  }
}

TEST_F(Create, TellsAllTroublesOfAllNodesAtOnce) {
  nodes[1].keys = 3;
  nodes[2].cluster_mode = false;
  nodes[3].up = false;
  nodes.add(9);
  nodes[4].known[FakeNodes::id_of(9)] = nodes[9].self;
  nodes[6].id = FakeNodes::id_of(5);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("127.0.0.1:1 holds 3 keys: if nobody needs them, FLUSHALL"),
                               HasSubstr("127.0.0.1:2 is not in cluster mode: set cluster-enabled yes"),
                               HasSubstr("127.0.0.1:3 does not answer"),
                               HasSubstr("127.0.0.1:4 belongs to a cluster already, it knows 127.0.0.1:9"),
                               HasSubstr("127.0.0.1:5 and 127.0.0.1:6 have the same node id")));
  for (uint16_t port = 1; port <= 6; ++port) EXPECT_THAT(nodes.sent("CLUSTER MEET", port), IsEmpty());
}

TEST_F(Create, TheCodeTellsThatAllIsForOneReason) {
  nodes[3].up = false;
  EXPECT_EQ(create(fake.session, options).error().code, ErrorCode::kUnavailable);
  nodes[1].keys = 3;
  EXPECT_EQ(create(fake.session, options).error().code, ErrorCode::kConflict);
}

TEST_F(Create, RefusesInputThatMakesNoSense) {
  options.nodes.push_back(FakeNodes::at(2));
  EXPECT_THAT(refusal(), HasSubstr("127.0.0.1:2 was given twice"));
  options.nodes.pop_back();
  options.zones[FakeNodes::at(9)] = "east";
  EXPECT_THAT(refusal(), HasSubstr("127.0.0.1:9, which is none of the nodes"));
  options.zones.clear();
  options.replicas = -1;
  EXPECT_THAT(refusal(), HasSubstr("fewer than none"));
  options.nodes.clear();
  EXPECT_THAT(refusal(), HasSubstr("no nodes"));
  EXPECT_THAT(nodes.log, IsEmpty());
}

TEST_F(Create, RefusesTooFewNodes) {
  options.replicas = 6;
  Result<CreateResult> made = create(fake.session, options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(Create, ADryRunChangesNothing) {
  options.dry_run = true;
  int shown = 0;
  options.show_plan = [&](const cluster::Placement& placement) {
    ++shown;
    EXPECT_THAT(placement.shards, SizeIs(3));
  };
  Result<CreateResult> made = create(fake.session, options);
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->carried_out);
  EXPECT_EQ(shown, 1);
  EXPECT_EQ(picture(), "1: 2: 3: 4: 5: 6:");
  EXPECT_THAT(fake.reporter.questions, IsEmpty());
}

TEST_F(Create, AsksAndHeedsTheAnswer) {
  options.yes = false;
  fake.reporter.answer = false;
  Result<CreateResult> made = create(fake.session, options);
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->carried_out);
  EXPECT_THAT(fake.reporter.questions, SizeIs(1));
  EXPECT_EQ(picture(), "1: 2: 3: 4: 5: 6:");
  fake.reporter.answer = true;
  EXPECT_TRUE(create(fake.session, options)->carried_out);
}

TEST_F(Create, WarnsOfTooFewPrimariesToElectAndOfMixedVersions) {
  options.replicas = 2;
  nodes[2].version = "7.2.1";
  ASSERT_TRUE(create(fake.session, options));
  EXPECT_THAT(fake.reporter.warnings,
              testing::IsSupersetOf({HasSubstr("two primaries no replica can take over by itself"),
                                     HasSubstr("Redis 7.0.15, Redis 7.2.1")}));
}

TEST_F(Create, MakesOneNodeAClusterWithoutWarnings) {
  options.nodes.resize(1);
  options.replicas = 0;
  ASSERT_TRUE(create(fake.session, options));
  EXPECT_EQ(cluster::count(nodes[1].self.slots), cluster::kSlotCount);
  EXPECT_THAT(fake.reporter.warnings, IsEmpty());
}

// As if the command were killed after so many exchanges.
TEST_F(Create, FinishesWhatWasCutOffAfterAnyExchange) {
  ASSERT_TRUE(create(fake.session, options));
  options.timeout_ms = 30;
  bool whole = false;
  for (int exchanges = 1; !whole; ++exchanges) {
    ASSERT_LT(exchanges, 100);
    FakeSession again(6);
    int left = exchanges;
    again.nodes.before_exchange = [&] { again.nodes.all_up(left-- > 0); };
    whole = create(again.session, options).has_value();
    again.nodes.before_exchange = nullptr;
    again.nodes.all_up(true);
    Result<CreateResult> finished = create(again.session, options);
    ASSERT_TRUE(finished) << "after " << exchanges << ": " << finished.error().message;
    EXPECT_TRUE(finished->carried_out);
    for (uint16_t port = 1; port <= 6; ++port) EXPECT_EQ(again.nodes[port].self, nodes[port].self);
  }
}

TEST_F(Create, SaysThatItWasInterrupted) {
  nodes.gossip = false;
  nodes.before_exchange = [&] { fake.stop = true; };
  Result<CreateResult> made = create(fake.session, options);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->interrupted);
  EXPECT_FALSE(made->carried_out);
}

TEST_F(Create, RefusesHalfMadeNodesOfAnotherPlan) {
  nodes[1].self.slots = {{0, 99}};
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("127.0.0.1:1 owns the slots 0-99 already"), HasSubstr("CLUSTER RESET")));
}

TEST_F(Create, TellsWhatIsMissingWhenTimeIsUp) {
  options.timeout_ms = 300;
  nodes.instead = [](uint16_t port, const resp::Command& command) -> std::optional<resp::Reply> {
    bool replicate = command.size() == 3 && command[1] == "REPLICATE" && port > 3;
    return replicate ? std::optional(error_reply("ERR not today")) : std::nullopt;
  };
  Result<CreateResult> made = create(fake.session, options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(made.error().message, AllOf(HasSubstr("ERR not today"), HasSubstr("Missing:")));
}

TEST_F(Create, GivesUpAtOnceOnWhatWaitingDoesNotHeal) {
  nodes.instead = [](uint16_t, const resp::Command& command) -> std::optional<resp::Reply> {
    bool meet = command.size() > 1 && command[1] == "MEET";
    return meet ? std::optional(error_reply("NOPERM no permission")) : std::nullopt;
  };
  Result<CreateResult> made = create(fake.session, options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kDenied);
}

TEST_F(Create, WaitsForReplicasToBeInSync) {
  options.timeout_ms = 300;
  for (uint16_t port = 1; port <= 6; ++port) nodes[port].link_up = false;
  EXPECT_THAT(refusal(), HasSubstr("is not in sync with its primary"));
}

TEST_F(Create, ReplicasNeedNotWaitForOthersMeanwhile) {
  for (uint16_t port = 1; port <= 6; ++port) nodes[port].sync_delay = port == 2 ? "0" : "5";
  std::map<uint16_t, std::string> meanwhile;
  nodes.before_exchange = [&] {
    for (uint16_t port = 1; port <= 6; ++port) {
      const std::string& primary_id = nodes[port].self.primary_id;
      if (!primary_id.empty())
        meanwhile[port] = nodes[static_cast<uint16_t>(*parse_int(primary_id.substr(0, 4)))].sync_delay;
    }
  };
  for (bool whole : {true, false}) {
    options.timeout_ms = whole ? 5000 : 300;
    for (uint16_t port = 1; port <= 6; ++port) nodes[port].link_up = whole;
    EXPECT_EQ(create(fake.session, options).has_value(), whole);
    EXPECT_THAT(meanwhile, SizeIs(3));
    for (const auto& [port, delay] : meanwhile) EXPECT_EQ(delay, "0");
    for (uint16_t port = 1; port <= 6; ++port) EXPECT_EQ(nodes[port].sync_delay, port == 2 ? "0" : "5");
  }
}

TEST_F(Create, WaitsForEveryShardToTakeAWrite) {
  int refused = 0;
  nodes.instead = [&](uint16_t, const resp::Command& command) -> std::optional<resp::Reply> {
    if (command[0] != "SET" || refused >= 4) return std::nullopt;
    ++refused;
    return error_reply("CLUSTERDOWN The cluster is down");
  };
  ASSERT_TRUE(create(fake.session, options));
  EXPECT_EQ(refused, 4);
  options.timeout_ms = 300;
  refused = -1000000;
  EXPECT_THAT(refusal(), HasSubstr("CLUSTERDOWN"));
}

}  // namespace
}  // namespace keyway::admin
