#include "platform/kubernetes/kustomization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/strings.h"

namespace keyway::platform::kubernetes {
namespace {

using testing::HasSubstr;
using testing::Not;

WholeCluster some_cluster() {
  Surroundings around;
  around.naming = {"app", "", "app", "data"};
  Result<WholeCluster> whole = spell_out(cluster::default_spec("app", cluster::Mode::kSharded, 3, 1), around);
  EXPECT_TRUE(whole);
  return *whole;
}

const FolderFile& file_named(const std::vector<FolderFile>& files, std::string_view name) {
  auto found = std::ranges::find(files, name, &FolderFile::name);
  EXPECT_NE(found, files.end()) << name;
  return *found;
}

TEST(Kustomization, NamesEachManifestOnce) {
  const std::vector<FolderFile> files = kustomization(some_cluster(), {"a", "b"});
  const std::string text = file_named(files, "kustomization.yaml").text;
  EXPECT_THAT(text, HasSubstr("nameSuffix: \"-app\"\n"));
  EXPECT_THAT(text, HasSubstr("namespace: data\n"));
  EXPECT_THAT(text, HasSubstr("[shared.yaml, partition-p1.yaml, partition-p2.yaml, partition-p3.yaml]"));
  EXPECT_THAT(text, HasSubstr("- name: redis-etc\n  files: [users.acl]\n"));
}

TEST(Kustomization, PasswordsAreInOneSecretFileOnly) {
  const std::vector<FolderFile> files = kustomization(some_cluster(), {"adminpassword", "workloadpassword"});
  for (const FolderFile& file : files) {
    EXPECT_EQ(file.secret, file.name == "users.acl");
    if (file.secret) continue;
    EXPECT_THAT(file.text, Not(HasSubstr("password"))) << file.name;
  }
}

// Scripts cut the last word of the commands and keys, or the word that begins with ">".
TEST(Kustomization, UserLinesBeginAsScriptsExpect) {
  const std::string text = users_file({"one", "two"});
  const std::vector<std::string_view> lines = split(text, '\n');
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(lines[0].starts_with("user default on +@all ~* >one ")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("user workload on +@all -@dangerous +info ~* >two ")) << lines[1];
}

TEST(WholeCluster, RefusesNamesThatAreTooLongTogether) {
  EXPECT_EQ(joint_name_problem("p1", std::string(33, 'a')), std::nullopt);
  const auto problem = joint_name_problem("p1", std::string(34, 'a'));
  ASSERT_TRUE(problem);
  EXPECT_THAT(*problem, HasSubstr("by 1"));
  Surroundings around;
  around.naming.final_suffix = std::string(34, 'a');
  EXPECT_FALSE(spell_out(cluster::default_spec("x", cluster::Mode::kSharded, 1, 1), around));
}

TEST(WholeCluster, SpellsAKeywayClusterOut) {
  Result<cluster::Spec> spec = cluster::parse_spec(R"(
apiVersion: keyway.dev/v1alpha1
kind: KeywayCluster
metadata: {name: shop}
spec:
  engine: valkey
  memory: 512Mi
  storage: {size: 10Gi, className: fast}
  config: {maxmemory-policy: allkeys-lru}
  proxy: {user: workload}
  shards:
  - {name: hot, replicas: 2}
  - {name: cold, memory: 2Gi}
)",
                                                   "test");
  ASSERT_TRUE(spec) << spec.error().message;
  Surroundings around;
  around.naming = {"shop", "shop", "shop", "data"};
  Result<WholeCluster> whole = spell_out(*spec, around);
  ASSERT_TRUE(whole);
  EXPECT_THAT(whole->cluster.image, HasSubstr("valkey/valkey:"));
  EXPECT_EQ(whole->cluster.config.at("maxmemory-policy"), "allkeys-lru");
  ASSERT_EQ(whole->shards.size(), 2U);
  EXPECT_EQ(whole->shards[0].replicas, 2);
  EXPECT_EQ(whole->shards[0].max_memory_bytes, int64_t{512} << 20);
  EXPECT_EQ(whole->shards[1].max_memory_bytes, int64_t{2} << 30);
  EXPECT_GT(*whole->shards[1].memory_limit_bytes, *whole->shards[1].max_memory_bytes);
  ASSERT_TRUE(whole->proxy);
  EXPECT_EQ(whole->proxy->user, "workload");
  const std::vector<Value> objects = all_objects(*whole);
  EXPECT_EQ(
      std::ranges::count_if(objects, [](const Value& one) { return one["kind"].text() == "StatefulSet"; }),
      2);
}

TEST(WholeCluster, ProxyLetsNobodyInWithoutAPasswordUnlessToldSo) {
  cluster::Spec spec = cluster::default_spec("x", cluster::Mode::kSharded, 1, 1);
  spec.proxy.emplace();
  EXPECT_EQ(spell_out(spec, {})->proxy->user, "");
}

}  // namespace
}  // namespace keyway::platform::kubernetes
