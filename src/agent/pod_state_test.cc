#include "agent/pod_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/metrics.h"

namespace keyway::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

PodState primary_of_replicated() {
  PodState state;
  state.pod = "p-0";
  state.mode = cluster::Mode::kReplicated;
  state.phase = Phase::kRunning;
  state.leader = true;
  state.tick_ms = 1000;
  state.node.address = {"10.0.0.1", 6379};
  state.node.process = cluster::Process::kRunning;
  state.node.reach = cluster::Reach::kAnswering;
  state.node.server.keys = 3;
  return state;
}

PodState primary_of_sharded() {
  PodState state = primary_of_replicated();
  state.mode = cluster::Mode::kSharded;
  state.node.server.cluster_ok = true;
  cluster::PeerView own;
  own.id = "me";
  own.myself = own.primary = true;
  own.slots = {{0, 16383}};
  own.config_epoch = 7;
  state.node.server.peers = {own};
  return state;
}

TEST(Readiness, OfAPrimaryByRight) {
  PodState state = primary_of_replicated();
  EXPECT_TRUE(readiness(state).good);
  state.leader = false;
  EXPECT_THAT(readiness(state).why, HasSubstr("by right"));
}

TEST(Readiness, NotBeforeTheServerServes) {
  PodState state = primary_of_replicated();
  state.node.reach = cluster::Reach::kLoading;
  EXPECT_THAT(readiness(state).why, HasSubstr("loads"));
  state.node.reach = cluster::Reach::kDenied;
  EXPECT_THAT(readiness(state).why, HasSubstr("password"));
  state.node.reach = cluster::Reach::kSilent;
  EXPECT_THAT(readiness(state).why, HasSubstr("does not answer"));
  state.node.process = cluster::Process::kStopped;
  state.node.note = "exit code 1";
  EXPECT_THAT(readiness(state).why, HasSubstr("exit code 1"));
  state.phase = Phase::kWaiting;
  state.waiting_for = "p-1 takes over";
  EXPECT_EQ(readiness(state).why, "waiting: p-1 takes over");
}

TEST(Readiness, OfAReplicaThatIsInSync) {
  PodState state = primary_of_replicated();
  state.leader = false;
  state.node.server.role = cluster::Role::kReplica;
  EXPECT_THAT(readiness(state).why, HasSubstr("not in sync"));
  state.node.server.syncing = true;
  EXPECT_THAT(readiness(state).why, HasSubstr("copies"));
  state.node.server.syncing = false;
  state.node.server.link_up = true;
  EXPECT_TRUE(readiness(state).good);
}

TEST(Readiness, OfAServerWithAPlaceInTheCluster) {
  PodState state = primary_of_sharded();
  EXPECT_TRUE(readiness(state).good);
  state.joined = false;
  EXPECT_THAT(readiness(state).why, HasSubstr("not found the others"));
  state.joined = true;
  state.node.server.cluster_ok = false;
  EXPECT_THAT(readiness(state).why, HasSubstr("cluster_state:fail"));
  // That another one has failed is none of its own.
  cluster::PeerView other;
  other.fail = true;
  state.node.server.peers.push_back(other);
  EXPECT_TRUE(readiness(state).good);
  state.node.server.peers[0].slots.clear();
  EXPECT_THAT(readiness(state).why, HasSubstr("no slots"));
}

TEST(Liveness, IsTheAgentsOwn) {
  PodState state = primary_of_replicated();
  state.node.reach = cluster::Reach::kSilent;
  EXPECT_TRUE(liveness(state, 60'000).good);
  EXPECT_FALSE(liveness(state, 61'001).good);
  EXPECT_THAT(liveness(state, 71'000).why, HasSubstr("70000 ms"));
}

TEST(RoleJson, SaysWhoItIs) {
  auto json = nlohmann::json::parse(role_json(primary_of_sharded()));
  EXPECT_EQ(json["role"], "primary");
  EXPECT_EQ(json["address"], "10.0.0.1:6379");
  EXPECT_EQ(json["epoch"], 7);
  EXPECT_EQ(json["ready"], true);
  PodState silent = primary_of_replicated();
  silent.node.reach = cluster::Reach::kSilent;
  silent.waiting_for = "\"quoted\"";
  json = nlohmann::json::parse(role_json(silent));
  EXPECT_EQ(json["role"], "unknown");
  EXPECT_EQ(json["ready"], false);
  EXPECT_EQ(json["waiting_for"], "\"quoted\"");
  EXPECT_FALSE(json.contains("epoch"));
}

TEST(Metrics, TellWhatIsKnown) {
  PodState state = primary_of_sharded();
  state.fences = 2;
  state.info =
      "# Server\r\nuptime_in_seconds:42\r\nmem_fragmentation_ratio:1.25\r\nmaxclients:many\r\nodd\r\n";
  std::string text = render_metrics(state);
  EXPECT_THAT(text, HasSubstr("# TYPE redis_uptime_in_seconds gauge\nredis_uptime_in_seconds 42\n"));
  EXPECT_THAT(text, HasSubstr("\nredis_mem_fragmentation_ratio 1.25\n"));
  EXPECT_THAT(text, Not(HasSubstr("redis_config_maxclients"))) << "it is no number";
  EXPECT_THAT(text, HasSubstr("\nredis_up 1\n"));
  EXPECT_THAT(text, HasSubstr("\nredis_cluster_state 1\n"));
  EXPECT_THAT(text, HasSubstr("\nkeyway_agent_primary 1\n"));
  EXPECT_THAT(text, HasSubstr("\nkeyway_agent_fences_total 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("redis_master_link_up")));
  state.node.reach = cluster::Reach::kSilent;
  text = render_metrics(state);
  EXPECT_THAT(text, HasSubstr("\nredis_up 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("redis_uptime_in_seconds"))) << "what it said once is not what it says";
  EXPECT_THAT(text, HasSubstr("\nkeyway_agent_primary 0\n"));
}

}  // namespace
}  // namespace keyway::agent
