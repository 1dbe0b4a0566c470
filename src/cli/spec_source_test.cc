#include "cli/spec_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace keyway::cli {
namespace {

using testing::HasSubstr;

cluster::Spec sharded() { return cluster::default_spec("shop", cluster::Mode::kSharded, 3, 1); }

SpecFlags with_shards(int shards) {
  SpecFlags flags;
  flags.shards = shards;
  return flags;
}

TEST(SpecSource, NewSpecsHaveDefaults) {
  Result<cluster::Spec> spec = new_spec("", std::nullopt, {});
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->name, "default");
  EXPECT_EQ(spec->partitions.size(), 3u);
  EXPECT_EQ(spec->partitions[0].replicas, 1);
}

TEST(SpecSource, FlagsWinOverTheDocument) {
  SpecFlags flags = with_shards(5);
  flags.replicas = 0;
  flags.memory_bytes = 64 << 20;
  Result<cluster::Spec> spec = new_spec("", sharded(), flags);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->name, "shop");
  ASSERT_EQ(spec->partitions.size(), 5u);
  EXPECT_EQ(spec->partitions[4].name, "p5");
  EXPECT_EQ(spec->partitions[4].replicas, 0);
  EXPECT_EQ(spec->partitions[4].memory_bytes, 64 << 20);
}

TEST(SpecSource, TwoNamesAreAnError) {
  Result<cluster::Spec> spec = new_spec("other", sharded(), {});
  ASSERT_FALSE(spec);
  EXPECT_THAT(spec.error().message, HasSubstr("metadata.name is \"shop\""));
}

TEST(SpecSource, AChangeKeepsThePortThatWasChosen) {
  cluster::Spec current = sharded();
  current.port = 7100;
  Result<cluster::Spec> spec = changed_spec(current, sharded(), with_shards(4));
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->port, 7100);
  EXPECT_EQ(spec->partitions.size(), 4u);
}

TEST(SpecSource, WhatCannotBeChangedIsRefusedByTheFlagsName) {
  SpecFlags mode;
  mode.mode = cluster::Mode::kReplicated;
  EXPECT_THAT(changed_spec(sharded(), std::nullopt, mode).error().message, HasSubstr("--mode"));
  SpecFlags port;
  port.port = 7200;
  EXPECT_THAT(changed_spec(sharded(), std::nullopt, port).error().message, HasSubstr("--port"));
  SpecFlags engine;
  engine.engine = "valkey";
  EXPECT_THAT(changed_spec(sharded(), std::nullopt, engine).error().message, HasSubstr("--engine"));
}

TEST(SpecSource, NamedShardsAreNotCountedAway) {
  cluster::Spec current = sharded();
  current.partitions_named = true;
  current.partitions[0].name = "eu";
  Result<cluster::Spec> spec = changed_spec(current, std::nullopt, with_shards(4));
  ASSERT_FALSE(spec);
  EXPECT_THAT(spec.error().message, HasSubstr("lists its shards by name"));
  EXPECT_THAT(
      changed_spec(cluster::default_spec("r", cluster::Mode::kReplicated, 1, 1), std::nullopt, with_shards(2))
          .error()
          .message,
      HasSubstr("--replicas"));
}

TEST(SpecSource, FilesAreReadOrTheErrorNamesThem) {
  EXPECT_FALSE(read_spec_file("")->has_value());
  Result<std::optional<cluster::Spec>> missing = read_spec_file("/nonexistent/spec.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(missing.error().message, HasSubstr("/nonexistent/spec.yaml cannot be read: No such file"));
  std::string pattern = std::filesystem::temp_directory_path() / "keyway-spec-XXXXXX";
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  std::string file = pattern + "/shop.yaml";
  std::ofstream(file) << cluster::to_yaml(sharded());
  Result<std::optional<cluster::Spec>> read = read_spec_file(file);
  std::filesystem::remove_all(pattern);
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)->name, "shop");
}

}  // namespace
}  // namespace keyway::cli
