#include <gtest/gtest.h>

#include "cluster/desired.h"
#include "cluster/spec.h"
#include "cluster/suggest.h"

namespace keyway::cluster {
namespace {

TEST(ParseSize, TakesUnitsOfKubernetesAndOfRedisConf) {
  EXPECT_EQ(parse_size("1024"), 1024);
  EXPECT_EQ(parse_size("0"), 0);
  EXPECT_EQ(parse_size("64Mi"), 64 << 20);
  EXPECT_EQ(parse_size("1.5Gi"), 1610612736);
  EXPECT_EQ(parse_size("1Ki"), 1024);
  EXPECT_EQ(parse_size("2Ti"), 2199023255552);
  EXPECT_EQ(parse_size("1Pi"), 1125899906842624);
  EXPECT_EQ(parse_size("1k"), 1000);
  EXPECT_EQ(parse_size("1K"), 1000);
  EXPECT_EQ(parse_size("5M"), 5000000);
  EXPECT_EQ(parse_size("3g"), 3000000000);
  EXPECT_EQ(parse_size("1T"), 1000000000000);
  EXPECT_EQ(parse_size("1P"), 1000000000000000);
  EXPECT_EQ(parse_size("100mb"), 100 << 20);
  EXPECT_EQ(parse_size("100MB"), 100 << 20);
  EXPECT_EQ(parse_size("1kB"), 1024);
  EXPECT_EQ(parse_size("1gb"), 1 << 30);
  EXPECT_EQ(parse_size("7b"), 7);
}

TEST(ParseSize, RoundsPartsOfAByteUp) {
  EXPECT_EQ(parse_size("0.1"), 1);
  EXPECT_EQ(parse_size("1.1Ki"), 1127);  // 1126.4
  EXPECT_EQ(parse_size("0.5k"), 500);
  EXPECT_EQ(parse_size("0.999999999Pi"), 1125899905716725);  // …724.1
}

TEST(ParseSize, RefusesTheRest) {
  for (const char* text : {"",
                           "Mi",
                           "-1",
                           "+1",
                           "1 Mi",
                           " 1",
                           "1m",
                           "1mi",
                           "1KI",
                           "1t",
                           "1e9",
                           "1..5",
                           "1.",
                           ".5",
                           "0x10",
                           "1,5",
                           "1.0000000001k",
                           "9223372036854775808",
                           "9007199254740992Ki",
                           "99999999999999999999",
                           "8192Pi"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
  EXPECT_EQ(parse_size("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(parse_size("8191Pi"), 8191 * (int64_t{1} << 50));
}

TEST(DefaultSpec, CountsPartitionsAndHasTheWorkloadUser) {
  const Spec spec = default_spec("app", Mode::kSharded, 3, 2);
  ASSERT_EQ(spec.partitions.size(), 3u);
  EXPECT_EQ(spec.partitions[0].name, "p1");
  EXPECT_EQ(spec.partitions[2].name, "p3");
  EXPECT_EQ(spec.partitions[2].replicas, 2);
  EXPECT_EQ(spec.users, (std::vector<UserSpec>{{"workload", "+@all -@dangerous +info ~*", true}}));
  EXPECT_TRUE(validate(spec));
  const Spec replicated = default_spec("app", Mode::kReplicated, 3, 2);
  EXPECT_EQ(replicated.partitions.size(), 1u);
  EXPECT_TRUE(validate(replicated));
}

TEST(Desired, NamesNodesAndSpellsOutTheConfiguration) {
  Spec spec = default_spec("app", Mode::kSharded, 2, 1);
  spec.partitions_named = true;
  spec.partitions[1].replicas = 0;
  spec.partitions[1].memory_bytes = 64 << 20;
  spec.partitions[1].slots = SlotRanges{{0, 9}};
  spec.config = {{"maxmemory-policy", "allkeys-lru"}, {"cluster-node-timeout", "1500"}};
  const Desired desired = make_desired(spec, "f1");
  EXPECT_EQ(desired.mode, Mode::kSharded);
  EXPECT_EQ(desired.users_fingerprint, "f1");
  ASSERT_EQ(desired.shards.size(), 2u);
  EXPECT_EQ(desired.shards[0].nodes, (std::vector<std::string>{"p1-0", "p1-1"}));
  EXPECT_EQ(desired.shards[1].nodes, std::vector<std::string>{"p2-0"});
  EXPECT_FALSE(desired.shards[0].slots);
  EXPECT_EQ(desired.shards[1].slots, (SlotRanges{{0, 9}}));
  ServerConfig config = default_config(Mode::kSharded);
  config["maxmemory-policy"] = "allkeys-lru";
  config["cluster-node-timeout"] = "1500";
  EXPECT_EQ(desired.shards[0].config, config);
  config["maxmemory"] = "67108864";
  EXPECT_EQ(desired.shards[1].config, config);
}

TEST(Desired, ClusterParametersAreForShardedClustersOnly) {
  const Desired sharded = make_desired(default_spec("app", Mode::kSharded, 1, 0), "");
  EXPECT_EQ(sharded.shards[0].config.at("cluster-node-timeout"), "5000");
  const Desired replicated = make_desired(default_spec("app", Mode::kReplicated, 1, 1), "");
  EXPECT_FALSE(replicated.shards[0].config.empty());
  for (const auto& [name, value] : replicated.shards[0].config)
    EXPECT_NE(name.substr(0, 8), "cluster-") << value;
}

TEST(Suggest, FindsTheNearestName) {
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("abc", "abc"), 0);
  EXPECT_EQ(edit_distance("acb", "abc"), 1);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(suggest("replcia", {"shards", "replicas"}), "did you mean \"replicas\"?");
  EXPECT_EQ(suggest("MODE", {"mode", "users"}), "did you mean \"mode\"?");
  EXPECT_EQ(suggest("backup", {"mode", "users"}), "use one of mode, users");
  EXPECT_EQ(suggest(std::string(1 << 20, 'x'), {"mode"}), "use one of mode");
}

TEST(Suggest, ExcerptsEndBetweenCharacters) {
  EXPECT_EQ(excerpt("abc", 3), "abc");
  EXPECT_EQ(excerpt("abcd", 3), "abc");
  EXPECT_EQ(excerpt("aé€", 2), "a");
  EXPECT_EQ(excerpt("aé€", 5), "aé");
  EXPECT_EQ(excerpt("aé€", 6), "aé€");
}

TEST(ProxyUser, IsTheFirstUserWhereOnlyThisMachineReachesTheProxy) {
  Spec spec = default_spec("app", Mode::kSharded, 3, 1);
  EXPECT_EQ(proxy_user(spec), "");
  spec.proxy.emplace();
  EXPECT_EQ(proxy_user(spec), "workload");
  spec.host = "10.0.0.1";
  EXPECT_EQ(proxy_user(spec), "");
  spec.host = "::1";
  EXPECT_EQ(proxy_user(spec), "workload");
  spec.users.insert(spec.users.begin(), {"former", "+@all ~*", false});
  EXPECT_EQ(proxy_user(spec), "workload");
  spec.proxy->user = "";
  EXPECT_EQ(proxy_user(spec), "");
}

}  // namespace
}  // namespace keyway::cluster
