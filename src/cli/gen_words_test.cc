#include "cli/gen_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/arguments.h"
#include "cli/grammar.h"
#include "platform/kubernetes/names.h"

namespace keyway::cli {
namespace {

using testing::HasSubstr;
using What = GenCommand::What;

GenCommand read(const std::vector<std::string>& words) {
  Result<GenCommand> command = read_gen_words(words);
  EXPECT_TRUE(command) << command.error().message;
  return command.value_or(GenCommand{});
}

std::string error_of(const std::vector<std::string>& words) {
  Result<GenCommand> command = read_gen_words(words);
  EXPECT_FALSE(command);
  if (command) return "";
  EXPECT_EQ(command.error().code, ErrorCode::kInvalidArgument);
  return command.error().message;
}

TEST(GenWords, ReadTheLinePeopleKnow) {
  const GenCommand command = read({"single-partition.yaml", "partition=index", "replicas=2", "memory=64Gi",
                                   "storageClassName=standard-rwo", "storage=128Gi"});
  EXPECT_EQ(command.what, What::kSharedAndPartition);
  EXPECT_EQ(command.whole.cluster.mode, cluster::Mode::kReplicated);
  EXPECT_EQ(command.whole.cluster.storage_class, "standard-rwo");
  ASSERT_EQ(command.whole.shards.size(), 1U);
  const platform::kubernetes::ShardObjects& shard = command.whole.shards.front();
  EXPECT_EQ(shard.name, "index");
  EXPECT_EQ(shard.replicas, 2);
  EXPECT_EQ(shard.storage_bytes, int64_t{128} << 30);
  EXPECT_EQ(shard.memory_limit_bytes, int64_t{64} << 30);
  EXPECT_EQ(shard.max_memory_bytes, (int64_t{48} << 30) - (64 << 20));
}

TEST(GenWords, KnowEachTemplateByBothItsNames) {
  for (const char* name : {"cluster-partition", "cluster-partition.yaml"})
    EXPECT_EQ(read({name, "partition=p1"}).whole.cluster.mode, cluster::Mode::kSharded);
  for (const char* name : {"proxy", "envoy.yaml"}) EXPECT_EQ(read({name, "name=app"}).what, What::kProxy);
}

TEST(GenWords, ShareWhatSeveralPartitionsHaveInCommon) {
  EXPECT_EQ(read({"cluster-partition", "partition=p1", "objects=partition"}).what, What::kPartition);
  EXPECT_EQ(read({"cluster-partition", "partition=p1", "objects=shared"}).what, What::kShared);
}

TEST(GenWords, TellTheAgentAllPartitionsOnlyIfTheyAreKnown) {
  EXPECT_TRUE(read({"cluster-partition", "partition=p1"}).whole.cluster.partitions.empty());
  EXPECT_EQ(read({"cluster-partition", "partition=p1", "partitions=p1,p2"}).whole.cluster.partitions,
            (std::vector<std::string>{"p1", "p2"}));
  EXPECT_EQ(read({"single-partition", "partition=index"}).whole.cluster.partitions,
            std::vector<std::string>{"index"});
}

TEST(GenWords, LeaveNamesToKustomizeWithoutOne) {
  const GenCommand plain = read({"cluster-partition", "partition=p1"});
  EXPECT_EQ(plain.whole.cluster.naming.suffix, "");
  EXPECT_FALSE(plain.whole.cluster.naming.final_suffix);
  const GenCommand named = read({"cluster-partition", "partition=p1", "name=app"});
  EXPECT_EQ(named.whole.cluster.naming.suffix, "app");
  EXPECT_EQ(named.whole.cluster.naming.final_suffix, "app");
}

TEST(GenWords, MakeAFolderOfAsManyPartitionsAsAreWanted) {
  const GenCommand command =
      read({"kustomization", "mode=cluster", "name=app", "namespace=data", "shards=4", "proxy=yes", "DIR"});
  EXPECT_EQ(command.what, What::kFolder);
  EXPECT_EQ(command.folder, "DIR");
  EXPECT_EQ(command.whole.shards.size(), 4U);
  EXPECT_TRUE(command.whole.proxy);
  EXPECT_FALSE(command.overwrite);
  EXPECT_EQ(command.whole.cluster.naming.suffix, "") << "kustomize adds it";
  EXPECT_EQ(command.whole.cluster.naming.final_suffix, "app");
  const GenCommand single = read({"kustomization", "mode=single", "name=app", "namespace=data", "DIR"});
  EXPECT_EQ(single.whole.shards.size(), 1U);
}

TEST(GenWords, TakeServerParameters) {
  const GenCommand command =
      read({"single-partition", "partition=index", "config.maxmemory-policy=allkeys-lru"});
  EXPECT_EQ(command.whole.cluster.config.at("maxmemory-policy"), "allkeys-lru");
  EXPECT_THAT(error_of({"single-partition", "partition=index", "config.port=7"}), HasSubstr("config.port: "));
}

TEST(GenWords, KnowWhichKubernetesHasWhat) {
  EXPECT_EQ(read({"proxy", "name=app"}).whole.policy_version, "v1");
  EXPECT_EQ(read({"proxy", "name=app", "kubernetes=1.20"}).whole.policy_version, "v1beta1");
  EXPECT_EQ(read({"proxy", "name=app", "kubernetes=1.33"}).whole.policy_version, "v1");
}

TEST(GenWords, NameTheKeyAndTheRemedy) {
  EXPECT_THAT(error_of({"cluster-partition", "partiton=p1"}), HasSubstr("did you mean \"partition\"?"));
  EXPECT_THAT(error_of({"cluster-partition"}), HasSubstr("partition=p1"));
  EXPECT_THAT(error_of({"single-partition", "partition=index", "memory=64gb"}), HasSubstr("memory=64Gi"));
  EXPECT_THAT(error_of({"single-partition", "partition=index", "memory=1Mi"}),
              HasSubstr("memory=64Mi or more"));
  EXPECT_THAT(error_of({"single-partition", "partition=index", "replicas=6"}), HasSubstr("from 0 to 5"));
  EXPECT_THAT(error_of({"single-partition", "partition=index", "partition=p2"}), HasSubstr("twice"));
  EXPECT_THAT(error_of({"single-partition", "partition=Index"}), HasSubstr("partition: "));
  EXPECT_THAT(error_of({"single-partition", "index"}), HasSubstr("KEY=VALUE"));
  EXPECT_THAT(error_of({"singel-partition"}), HasSubstr("did you mean \"single-partition\"?"));
  EXPECT_THAT(error_of({"proxy"}), HasSubstr("name=app"));
  EXPECT_THAT(error_of({"proxy", "name=app", "kubernetes=1.19"}), HasSubstr("kubernetes=1.30"));
  EXPECT_THAT(error_of({"kustomization", "mode=cluster", "name=app", "namespace=data"}),
              HasSubstr("one folder"));
  EXPECT_THAT(error_of({"kustomization", "mode=single", "name=app", "namespace=data", "shards=2", "DIR"}),
              HasSubstr("shards: "));
  EXPECT_THAT(error_of({"cluster-partition", "partition=p1", "name=" + std::string(35, 'a')}),
              HasSubstr("shorten"));
  EXPECT_THAT(error_of({"cluster-partition", "partition=p1", "namespace=-x"}), HasSubstr("namespace: "));
  EXPECT_THAT(error_of({}), HasSubstr("single-partition"));
}

TEST(GenWords, FlagsAreKeysToo) {
  Result<Invocation> invocation = parse_arguments(
      {"gen", "kustomization", "--mode", "single", "--name", "app", "--namespace=data", "--force", "DIR"});
  ASSERT_TRUE(invocation) << invocation.error().message;
  const GenCommand& command = std::get<GenCommand>(invocation->command);
  EXPECT_TRUE(command.overwrite);
  EXPECT_FALSE(command.new_passwords);
  EXPECT_EQ(command.whole.cluster.naming.name_space, "data");
}

TEST(Install, PrintsForAllNamespacesOrForOne) {
  Result<Invocation> all = parse_arguments({"install"});
  ASSERT_TRUE(all);
  EXPECT_EQ(std::get<InstallCommand>(all->command).name_space, "");
  Result<Invocation> one =
      parse_arguments({"install", "--namespace", "data", "--kubernetes", "1.20", "--print", "definition"});
  ASSERT_TRUE(one);
  const InstallCommand& install = std::get<InstallCommand>(one->command);
  EXPECT_EQ(install.name_space, "data");
  EXPECT_EQ(install.kubernetes_minor, 20);
  EXPECT_EQ(install.print, InstallCommand::Print::kDefinition);
  EXPECT_FALSE(parse_arguments({"install", "--kubernetes", "2.0"}));
  EXPECT_FALSE(parse_arguments({"install", "--namespace", ""}));
  EXPECT_FALSE(parse_arguments({"install", "data"}));
}

TEST(OperatorWords, NamespaceImageAndAddress) {
  Result<Invocation> plain = parse_arguments({"operator"});
  ASSERT_TRUE(plain);
  EXPECT_EQ(std::get<OperatorCommand>(plain->command).name_space, "");
  EXPECT_EQ(std::get<OperatorCommand>(plain->command).http, (Address{"0.0.0.0", 9121}));
  Result<Invocation> given = parse_arguments(
      {"operator", "--namespace", "data", "--image", "registry.example/keyway:1", "--http", "127.0.0.1:80"});
  ASSERT_TRUE(given);
  const OperatorCommand& command = std::get<OperatorCommand>(given->command);
  EXPECT_EQ(command.name_space, "data");
  EXPECT_EQ(command.image, "registry.example/keyway:1");
  EXPECT_EQ(command.http, (Address{"127.0.0.1", 80}));
  EXPECT_FALSE(parse_arguments({"operator", "--http", "nowhere"}));
  EXPECT_FALSE(parse_arguments({"operator", "--namespace", "-"}));
  EXPECT_FALSE(parse_arguments({"operator", "data"}));
}

TEST(CopyProgram, IsToldTheFolder) {
  Result<Invocation> invocation = parse_arguments({"copy-program", "/opt/keyway"});
  ASSERT_TRUE(invocation);
  EXPECT_EQ(std::get<CopyProgramCommand>(invocation->command).folder, "/opt/keyway");
  EXPECT_FALSE(parse_arguments({"copy-program"}));
  EXPECT_TRUE(platform::kubernetes::kProgram.starts_with("/opt/keyway/"));
}

}  // namespace
}  // namespace keyway::cli
