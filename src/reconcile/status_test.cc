#include "reconcile/status.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/format.h"

namespace keyway::reconcile {
namespace {

using cluster::Mode;
using cluster::NodeFacts;

constexpr int64_t kNowMs = 1'700'000'100'000;

std::string id_of(int shard, int ordinal) {
  return std::string(38, 'a') + std::to_string(shard) + std::to_string(ordinal);
}

NodeFacts server(Mode mode, int shard, int ordinal) {
  NodeFacts node;
  node.name = fmt::format("p{}-{}", shard, ordinal);
  node.shard = fmt::format("p{}", shard);
  node.address = {"127.0.0.1", static_cast<uint16_t>(7000 + 2 * shard + ordinal)};
  if (mode == Mode::kSharded) node.id = id_of(shard, ordinal);
  node.process = cluster::Process::kRunning;
  node.pid = 100 * shard + ordinal;
  node.started_ms = kNowMs - 65'000;
  node.reach = cluster::Reach::kAnswering;
  node.server.version = "7.0.15";
  node.server.replid = std::string(39, 'f') + std::to_string(shard);
  node.server.role = ordinal == 0 ? cluster::Role::kPrimary : cluster::Role::kReplica;
  node.server.offset = ordinal == 0 ? 1000 : 900;
  node.server.id = node.id;
  node.server.cluster_ok = mode == Mode::kSharded;
  node.server.keys = 7;
  node.server.memory_bytes = 1 << 20;
  if (ordinal == 0) {
    node.server.connected_replicas = 1;
  } else {
    node.server.link_up = true;
    node.server.last_io_ms = 1500;
    node.server.primary_address = {"127.0.0.1", static_cast<uint16_t>(7000 + 2 * shard)};
  }
  return node;
}

struct World {
  cluster::Desired desired;
  cluster::Observed observed;
  cluster::Plan plan;

  ClusterStatus status() const { return make_status("shop", desired, observed, plan, kNowMs); }
  NodeFacts& node(const std::string& name) { return *observed.find(name); }
};

void fill_tables(World& world, int shards) {
  std::vector<cluster::PeerView> table;
  for (const auto& node : world.observed.nodes) {
    const int shard = node.name[1] - '0';
    cluster::PeerView view;
    view.id = node.id;
    view.address = node.address;
    view.linked = true;
    view.primary = node.name.ends_with("-0");
    view.config_epoch = static_cast<uint64_t>(shard);
    if (view.primary) {
      view.slots = {cluster::even_range(shard - 1, shards)};
    } else {
      view.primary_id = id_of(shard, 0);
    }
    table.push_back(view);
  }
  for (auto& node : world.observed.nodes) {
    node.server.peers = table;
    for (auto& view : node.server.peers) view.myself = view.id == node.id;
  }
}

World whole(Mode mode, int shards) {
  World world;
  world.desired.mode = mode;
  world.observed.formed = true;
  for (int shard = 1; shard <= shards; ++shard) {
    const std::string name = fmt::format("p{}", shard);
    world.desired.shards.push_back({name, {name + "-0", name + "-1"}, {}, {}});
    world.observed.shards[name] = {name + "-0", true};
    for (int ordinal = 0; ordinal < 2; ++ordinal)
      world.observed.nodes.push_back(server(mode, shard, ordinal));
  }
  if (mode == Mode::kSharded) fill_tables(world, shards);
  return world;
}

void stop(NodeFacts& node) {
  node.process = cluster::Process::kStopped;
  node.pid = 0;
  node.reach = cluster::Reach::kSilent;
  node.server = {};
  node.note = "killed by signal 9 (Killed)";
}

TEST(Status, WholeShardedClusterIsReady) {
  const ClusterStatus status = whole(Mode::kSharded, 3).status();
  EXPECT_EQ(status.state, "ready");
  EXPECT_EQ(status.name, "shop");
  EXPECT_EQ(status.mode, "sharded");
  EXPECT_EQ(status.engine, "redis 7.0.15");
  ASSERT_EQ(status.shards.size(), 3u);
  EXPECT_EQ(status.shards[0].slots, (cluster::SlotRanges{{0, 5461}}));
  EXPECT_EQ(status.shards[2].slots, (cluster::SlotRanges{{10923, 16383}}));
  ASSERT_TRUE(status.shards[1].primary);
  const NodeStatus& primary = *status.shards[1].primary;
  EXPECT_EQ(primary.name, "p2-0");
  EXPECT_EQ(primary.id, id_of(2, 0));
  EXPECT_EQ(primary.address, "127.0.0.1:7004");
  EXPECT_EQ(primary.role, "primary");
  EXPECT_EQ(primary.uptime_s, 65);
  EXPECT_FALSE(primary.lag_s);
  ASSERT_EQ(status.shards[1].replicas.size(), 1u);
  const NodeStatus& replica = status.shards[1].replicas[0];
  EXPECT_EQ(replica.role, "replica");
  EXPECT_EQ(replica.lag_bytes, 100);
  ASSERT_TRUE(replica.lag_s);
  EXPECT_DOUBLE_EQ(*replica.lag_s, 1.5);
  EXPECT_EQ(replica.health, "ok");
}

TEST(Status, WholeReplicatedServerIsReady) {
  const ClusterStatus status = whole(Mode::kReplicated, 1).status();
  EXPECT_EQ(status.state, "ready");
  EXPECT_EQ(status.mode, "replicated");
  ASSERT_TRUE(status.shards[0].primary);
  EXPECT_EQ(status.shards[0].primary->id, std::string(39, 'f') + "1");
  EXPECT_TRUE(status.shards[0].slots.empty());
}

TEST(Status, DeadReplicaDegradesItsShard) {
  World world = whole(Mode::kSharded, 3);
  stop(world.node("p2-1"));
  const ClusterStatus status = world.status();
  EXPECT_EQ(status.state, "degraded");
  EXPECT_EQ(status.shards[0].health, "ok");
  EXPECT_EQ(status.shards[1].health, "degraded");
  EXPECT_EQ(status.shards[1].replicas[0].role, "unknown");
  EXPECT_EQ(status.shards[1].replicas[0].health, "down");
  EXPECT_EQ(status.shards[1].replicas[0].note, "killed by signal 9 (Killed)");
  EXPECT_EQ(status.shards[1].replicas[0].pid, 0);
}

TEST(Status, DeadPrimaryTakesItsShardDownAndKeepsItsSlots) {
  World world = whole(Mode::kSharded, 3);
  stop(world.node("p2-0"));
  const ClusterStatus status = world.status();
  EXPECT_EQ(status.state, "down");
  EXPECT_EQ(status.shards[1].health, "down");
  EXPECT_FALSE(status.shards[1].primary);
  EXPECT_EQ(status.shards[1].replicas.size(), 2u);
  EXPECT_EQ(status.shards[1].slots, (cluster::SlotRanges{{5462, 10922}}));
}

TEST(Status, ClusterThatRefusesWritesIsDown) {
  World world = whole(Mode::kSharded, 3);
  for (auto& node : world.observed.nodes) node.server.cluster_ok = false;
  EXPECT_EQ(world.status().state, "down");
}

TEST(Status, SlotsOfNobodyMeanDown) {
  World world = whole(Mode::kSharded, 3);
  for (auto& node : world.observed.nodes) {
    for (auto& view : node.server.peers) {
      if (view.id == id_of(1, 0)) view.slots = {{0, 5000}};
    }
  }
  EXPECT_EQ(world.status().state, "down");
}

TEST(Status, RunningButSilentPrimaryIsNoPrimary) {
  World world = whole(Mode::kReplicated, 1);
  world.node("p1-0").reach = cluster::Reach::kSilent;
  const ClusterStatus status = world.status();
  EXPECT_EQ(status.state, "down");
  EXPECT_FALSE(status.shards[0].primary);
}

TEST(Status, MissingNodeDegrades) {
  World world = whole(Mode::kReplicated, 1);
  world.desired.shards[0].nodes.push_back("p1-2");
  EXPECT_EQ(world.status().state, "degraded");
}

TEST(Status, NeverCompleteIsCreating) {
  World world = whole(Mode::kSharded, 3);
  world.observed.formed = false;
  world.plan.waiting = {"p1-1 is copying its data"};
  const ClusterStatus status = world.status();
  EXPECT_EQ(status.state, "creating");
  EXPECT_EQ(status.doing, world.plan.waiting);
}

TEST(Status, StepsOnAWholeClusterMeanChanging) {
  World world = whole(Mode::kSharded, 3);
  world.plan.steps = {{cluster::SetConfig{"p1-0", {{"hz", "20"}}, {}}, "p1", "the spec changed"}};
  const ClusterStatus status = world.status();
  EXPECT_EQ(status.state, "changing");
  ASSERT_EQ(status.doing.size(), 1u);
  EXPECT_NE(status.doing[0].find("the spec changed"), std::string::npos);
}

TEST(Status, ShardOnItsWayInIsChangingNotDown) {
  World world = whole(Mode::kSharded, 3);
  world.desired.shards.push_back({"p4", {"p4-0"}, {}, {}});
  NodeFacts node;
  node.name = "p4-0";
  node.shard = "p4";
  node.id = id_of(4, 0);
  world.observed.nodes.push_back(node);
  world.plan.steps = {{cluster::StartNode{"p4-0", {}, 0, "", false, {}}, "p4", "it is new"}};
  const ClusterStatus status = world.status();
  EXPECT_EQ(status.state, "changing");
  ASSERT_EQ(status.shards.size(), 4u);
  EXPECT_EQ(status.shards[3].health, "degraded");
}

TEST(Status, ShardOnItsWayOutIsListedLastAndCountsWhileItHoldsSlots) {
  World world = whole(Mode::kSharded, 3);
  world.desired.shards.erase(world.desired.shards.begin());
  world.plan.waiting = {"slots move"};
  ClusterStatus status = world.status();
  ASSERT_EQ(status.shards.size(), 3u);
  EXPECT_EQ(status.shards[2].name, "p1");
  EXPECT_EQ(status.state, "changing");
  stop(world.node("p1-0"));
  EXPECT_EQ(world.status().state, "down");
}

TEST(Status, ProblemsBlock) {
  World world = whole(Mode::kReplicated, 1);
  world.plan.problems = {{"p1", "p1-1", "port 7003 is taken by nginx (pid 5): stop it"}};
  const ClusterStatus status = world.status();
  EXPECT_EQ(status.state, "blocked");
  ASSERT_EQ(status.problems.size(), 1u);
}

TEST(Status, NothingRunsIsStopped) {
  World world = whole(Mode::kSharded, 3);
  for (auto& node : world.observed.nodes) stop(node);
  world.plan.problems = {{"", "", "something"}};
  EXPECT_EQ(world.status().state, "stopped");
}

TEST(Status, TwoVersionsAreBothNamed) {
  World world = whole(Mode::kReplicated, 1);
  world.node("p1-1").server.version = "7.2.4";
  EXPECT_EQ(world.status().engine, "redis 7.0.15, redis 7.2.4");
}

TEST(StatusJson, HasTheShapeThatProgramsReadAndItsOrder) {
  World world = whole(Mode::kSharded, 3);
  world.plan.problems = {{"p1", "", "look"}};
  ClusterStatus status = world.status();
  status.supervisor_pid = 4711;
  const std::string text = to_json(status);
  EXPECT_EQ(text.rfind("{\n  \"name\": \"shop\",\n  \"mode\": \"sharded\",\n  \"state\": \"blocked\"", 0), 0u)
      << text;
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json.at("supervisor_pid"), 4711);
  EXPECT_TRUE(json.at("proxy").is_null());
  status.proxy = ProxyStatus{"127.0.0.1:6379", 7, "workload", ""};
  EXPECT_EQ(nlohmann::json::parse(to_json(status)).at("proxy").dump(),
            R"({"address":"127.0.0.1:6379","health":"ok","note":"","pid":7,"user":"workload"})");
  EXPECT_EQ(json.at("shards").size(), 3u);
  EXPECT_EQ(json.at("shards")[0].at("slots").dump(), "[[0,5461]]");
  EXPECT_EQ(json.at("shards")[0].at("health"), "ok");
  const auto& primary = json.at("shards")[0].at("primary");
  for (const char* field :
       {"id", "address", "pid", "role", "offset", "lag_s", "keys", "memory_bytes", "health"}) {
    EXPECT_TRUE(primary.contains(field)) << field;
  }
  EXPECT_TRUE(primary.at("lag_s").is_null());
  EXPECT_EQ(json.at("shards")[0].at("replicas")[0].at("lag_s"), 1.5);
  EXPECT_EQ(json.at("problems")[0].at("shard"), "p1");
}

TEST(StatusJson, NoPrimaryIsNullAndBadTextIsNoError) {
  World world = whole(Mode::kReplicated, 1);
  stop(world.node("p1-0"));
  world.node("p1-0").note = "it said \xff\xfe";
  const auto json = nlohmann::json::parse(to_json(world.status()));
  EXPECT_TRUE(json.at("shards")[0].at("primary").is_null());
  EXPECT_EQ(json.at("shards")[0].at("replicas").size(), 2u);
}

}  // namespace
}  // namespace keyway::reconcile
