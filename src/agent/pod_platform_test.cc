#include "agent/pod_platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::agent {
namespace {

using platform::kubernetes::Wanted;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Pod pod_of_shard(const std::string& shard, int index, bool addressed = true) {
  Pod pod;
  pod.shard = shard;
  pod.name = "redis-partition-" + shard + "-c-" + std::to_string(index);
  if (addressed) pod.server = {"10.0.0.1", 6379};
  pod.node_id = "id-" + shard + "-" + std::to_string(index);
  return pod;
}

class PodPlatformOf : public testing::Test {
 protected:
  PodPlatform make(std::vector<std::string> partitions = {}) {
    return PodPlatform(
        std::move(partitions), [] { return engine::Credentials{}; },
        [this](const std::string& record) {
          saved.push_back(record);
          return Status();
        });
  }
  // What an observation says that finds all of `pods` well, with `owners` having slots.
  static cluster::Observed observed(PodPlatform& platform, const std::vector<std::string>& owners) {
    cluster::Observed all = platform.look();
    std::vector<cluster::PeerView> peers;
    for (size_t i = 0; i < owners.size(); ++i) {
      cluster::PeerView peer;
      peer.id = owners[i];
      peer.primary = true;
      peer.slots = {{static_cast<cluster::Slot>(i), static_cast<cluster::Slot>(i)}};
      peers.push_back(peer);
    }
    for (cluster::NodeFacts& node : all.nodes) {
      node.reach = cluster::Reach::kAnswering;
      node.server.id = node.id;
      node.server.peers = peers;
    }
    return all;
  }
  static std::vector<std::string> names(const cluster::Observed& observed) {
    std::vector<std::string> names;
    for (const cluster::NodeFacts& node : observed.nodes) names.push_back(node.name);
    return names;
  }

  std::vector<std::string> saved;
};

TEST_F(PodPlatformOf, RecordsAreReadAsTheyAreWritten) {
  ClusterRecord record;
  record.formed = true;
  record.shards["p1"] = {"pod-0", true};
  record.nodes["pod-0"] = {"p1", "abc"};
  record.nodes["pod-1"] = {"p1", ""};
  record.met["p1"] = "pod-0";
  EXPECT_EQ(encode(record), "formed=1|s:p1=pod-0,1|n:pod-0=p1,abc|n:pod-1=p1,|d:p1=pod-0");
  ClusterRecord read = decode_record(encode(record));
  EXPECT_EQ(encode(read), encode(record));
  EXPECT_EQ(encode(decode_record("")), "formed=0");
  EXPECT_EQ(encode(decode_record("formed=1|x|s:=a,1|n:p|d:|=")), "formed=1");
}

TEST_F(PodPlatformOf, PodsComeInTheOrderOfTheirNumbers) {
  EXPECT_EQ(ordinal_of("redis-partition-p1-c-12"), 12);
  EXPECT_EQ(ordinal_of("pod"), std::nullopt);
  EXPECT_EQ(ordinal_of("pod-x"), std::nullopt);
  EXPECT_TRUE(earlier_pod("p-2", "p-10"));
  EXPECT_FALSE(earlier_pod("p-2", "p-1"));
  PodPlatform platform = make();
  platform.see({pod_of_shard("p1", 10), pod_of_shard("p1", 2)}, 1);
  ASSERT_EQ(platform.desired().shards.size(), 1U);
  EXPECT_THAT(platform.desired().shards[0].nodes,
              ElementsAre("redis-partition-p1-c-2", "redis-partition-p1-c-10"));
}

TEST_F(PodPlatformOf, ANewClusterWaitsForAllItsPods) {
  PodPlatform platform = make({"p1", "p2"});
  platform.see({pod_of_shard("p1", 0), pod_of_shard("p1", 1), pod_of_shard("p2", 0)}, 1);
  EXPECT_THAT(platform.missing(1, true), HasSubstr("p2: 1 of 2"));
  EXPECT_THAT(platform.missing(1, false), IsEmpty()) << "a replica that is late costs nothing";
  EXPECT_THAT(platform.missing(0, true), IsEmpty());
  // What the operator says outweighs what the agent was told.
  ASSERT_TRUE(platform.want({.partitions = {"p1", "p2", "p3"}, .replicas = 0, .switchover = {}}));
  EXPECT_THAT(platform.missing(1, true), HasSubstr("p3: 0 of 1"));
  EXPECT_THAT(platform.missing(1, false), HasSubstr("p3")) << "without a shard it never begins";
  platform.see({pod_of_shard("p1", 0), pod_of_shard("p2", 0), pod_of_shard("p3", 0, false)}, 1);
  EXPECT_THAT(platform.missing(1, true), HasSubstr("p3")) << "it has no address yet";
  ASSERT_TRUE(platform.record_formed());
  EXPECT_THAT(platform.missing(1, true), IsEmpty());
}

TEST_F(PodPlatformOf, AShardThatIsNotWantedIsDrainedAndThenLeftAlone) {
  PodPlatform platform = make({"p1", "p2"});
  platform.take_over("formed=1", 1);
  ASSERT_TRUE(platform.want({.partitions = {"p1"}, .replicas = 0, .switchover = {}}));
  platform.see({pod_of_shard("p1", 0), pod_of_shard("p2", 0)}, 1);
  ASSERT_EQ(platform.desired().shards.size(), 1U);
  EXPECT_EQ(platform.desired().shards[0].name, "p1");
  platform.note_leaving(observed(platform, {"id-p1-0", "id-p2-0"}));
  EXPECT_THAT(platform.drained(), IsEmpty());
  EXPECT_EQ(platform.look().nodes.size(), 2U) << "it has slots yet";
  platform.note_leaving(observed(platform, {"id-p1-0"}));
  EXPECT_THAT(platform.drained(), ElementsAre("p2"));
  EXPECT_THAT(names(platform.look()), ElementsAre("redis-partition-p1-c-0"));
  EXPECT_TRUE(platform.tells_of_leaving("an unknown server id-p2-0 at 10.0.0.1"));
  EXPECT_FALSE(platform.tells_of_leaving("an unknown server id-p3-0 at 10.0.0.1"));
  // Its pod has gone: it is to be forgotten, and then it was never there.
  platform.see({pod_of_shard("p1", 0)}, 2);
  EXPECT_EQ(platform.look().nodes.size(), 2U);
  ASSERT_TRUE(platform.remove("redis-partition-p2-c-0"));
  EXPECT_THAT(saved.back(), Not(HasSubstr("p2")));
  EXPECT_THAT(platform.drained(), IsEmpty());
}

TEST_F(PodPlatformOf, FewerReplicasAreFewerNodes) {
  PodPlatform platform = make();
  ASSERT_TRUE(platform.want({.partitions = {"p1"}, .replicas = 1, .switchover = {}}));
  platform.see({pod_of_shard("p1", 0), pod_of_shard("p1", 1), pod_of_shard("p1", 2)}, 1);
  EXPECT_THAT(platform.desired().shards[0].nodes,
              ElementsAre("redis-partition-p1-c-0", "redis-partition-p1-c-1"));
  platform.note_leaving(observed(platform, {"id-p1-2"}));
  EXPECT_EQ(platform.look().nodes.size(), 3U) << "it is the primary yet";
  platform.note_leaving(observed(platform, {"id-p1-0"}));
  EXPECT_THAT(names(platform.look()), ElementsAre("redis-partition-p1-c-0", "redis-partition-p1-c-1"));
  EXPECT_THAT(platform.drained(), IsEmpty()) << "the shard stays";
}

TEST_F(PodPlatformOf, ShardsMayDiffer) {
  PodPlatform platform = make();
  Wanted wanted{.partitions = {"p1", "p2"}, .replicas = 1, .switchover = {}};
  wanted.shard_replicas["p1"] = 0;
  wanted.slots = {{"p1", {{0, 99}}}, {"p2", {{100, 16383}}}};
  ASSERT_TRUE(platform.want(wanted));
  platform.see({pod_of_shard("p1", 0), pod_of_shard("p1", 1), pod_of_shard("p2", 0)}, 1);
  EXPECT_THAT(platform.missing(1, true), HasSubstr("p2: 1 of 2"));
  platform.see({pod_of_shard("p1", 0), pod_of_shard("p1", 1), pod_of_shard("p2", 0), pod_of_shard("p2", 1)},
               1);
  EXPECT_THAT(platform.missing(1, true), IsEmpty());
  cluster::Desired desired = platform.desired();
  ASSERT_EQ(desired.shards.size(), 2U);
  EXPECT_THAT(desired.shards[0].nodes, ElementsAre("redis-partition-p1-c-0"));
  EXPECT_EQ(desired.shards[0].slots, (cluster::SlotRanges{{0, 99}}));
  EXPECT_EQ(desired.shards[1].nodes.size(), 2U);
  EXPECT_EQ(desired.shards[1].slots, (cluster::SlotRanges{{100, 16383}}));
}

TEST_F(PodPlatformOf, WhoIsWantedIsNotForgottenWhoIsGoneIs) {
  PodPlatform platform = make();
  platform.see({pod_of_shard("p1", 0), pod_of_shard("p1", 1)}, 1);
  platform.see({pod_of_shard("p1", 0)}, 70'000);
  EXPECT_EQ(platform.look().nodes.size(), 1U) << "nobody says that it comes back";
  ASSERT_TRUE(platform.want({.partitions = {"p1"}, .replicas = 1, .switchover = {}}));
  platform.see({pod_of_shard("p1", 0), pod_of_shard("p1", 1)}, 80'000);
  platform.see({pod_of_shard("p1", 0)}, 900'000);
  EXPECT_EQ(platform.look().nodes.size(), 2U);
}

TEST_F(PodPlatformOf, ASwitchoverIsMetOnceUntilItIsAskedForAnew) {
  PodPlatform platform = make();
  Wanted wanted{.partitions = {"p1"}, .replicas = 1, .switchover = {{"p1", "redis-partition-p1-c-1"}}};
  ASSERT_TRUE(platform.want(wanted));
  EXPECT_EQ(platform.desired().switchover.at("p1"), "redis-partition-p1-c-1");
  ASSERT_TRUE(platform.clear_switchover("p1"));
  EXPECT_THAT(platform.desired().switchover, IsEmpty());
  // Whoever leads next knows.
  PodPlatform next = make();
  next.take_over(saved.back(), 1);
  wanted.generation = 7;
  ASSERT_TRUE(next.want(wanted));
  EXPECT_THAT(next.desired().switchover, IsEmpty());
  size_t before = saved.size();
  ASSERT_TRUE(next.want({.generation = 8, .partitions = {"p1"}, .replicas = 1, .switchover = {}}));
  EXPECT_EQ(saved.size(), before + 1);
  ASSERT_TRUE(next.want(wanted));
  EXPECT_EQ(next.desired().switchover.size(), 1U);
}

}  // namespace
}  // namespace keyway::agent
