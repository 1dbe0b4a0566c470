#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/spec.h"

namespace keyway::cluster {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Spec named(std::vector<std::string> names) {
  Spec spec = default_spec("app", Mode::kSharded, static_cast<int>(names.size()), 1);
  spec.partitions_named = true;
  for (size_t i = 0; i < names.size(); ++i) spec.partitions[i].name = names[i];
  return spec;
}

void expect_refused(const Spec& from, const Spec& to, const std::string& field) {
  const Status status = validate_change(from, to);
  ASSERT_FALSE(status) << field;
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.error().message, StartsWith(field + ": "));
  EXPECT_THAT(status.error().message, HasSubstr("; "));  // what to do
}

TEST(ValidateChange, WhatMayChange) {
  const Spec from = default_spec("app", Mode::kSharded, 3, 1);
  Spec to = default_spec("app", Mode::kSharded, 5, 2);
  to.engine.path = "/opt/redis/bin";
  to.engine.image = "redis:8";
  to.config["maxmemory-policy"] = "allkeys-lru";
  to.users.clear();
  to.storage.size_bytes = 1 << 30;
  for (PartitionSpec& partition : to.partitions) partition.memory_bytes = 64 << 20;
  EXPECT_TRUE(validate_change(from, to));
  EXPECT_TRUE(validate_change(to, from));
  EXPECT_TRUE(validate_change(from, from));
}

TEST(ValidateChange, WhatMayNot) {
  const Spec from = default_spec("app", Mode::kSharded, 3, 1);
  Spec to = from;
  to.name = "other";
  expect_refused(from, to, "metadata.name");
  to = from;
  to.mode = Mode::kReplicated;
  expect_refused(from, to, "spec.mode");
  to = from;
  to.engine.kind = EngineKind::kValkey;
  expect_refused(from, to, "spec.engine.kind");
  to = from;
  to.host = "127.0.0.2";
  expect_refused(from, to, "spec.local.host");
}

TEST(ValidateChange, PortsStayButNeedNotBeRepeated) {
  Spec chosen = default_spec("app", Mode::kSharded, 3, 1);
  Spec given = chosen;
  given.port = 7000;
  expect_refused(chosen, given, "spec.local.port");
  EXPECT_TRUE(validate_change(given, chosen));
  EXPECT_TRUE(validate_change(given, given));
  Spec other = given;
  other.port = 8000;
  expect_refused(given, other, "spec.local.port");
}

TEST(ValidateChange, ShardsComeAndGoAsLongAsOneStays) {
  const Spec counted = default_spec("app", Mode::kSharded, 3, 1);
  EXPECT_TRUE(validate_change(counted, named({"p1", "p2", "p3"})));
  EXPECT_TRUE(validate_change(counted, named({"p2", "x", "y"})));
  EXPECT_TRUE(validate_change(named({"x", "p1"}), counted));
  expect_refused(counted, named({"a", "b", "c"}), "spec.shards");
  Spec explicit_slots = named({"p1", "p2", "p3"});
  for (int i = 0; i < 3; ++i)
    explicit_slots.partitions[static_cast<size_t>(i)].slots = SlotRanges{even_range(i, 3)};
  EXPECT_TRUE(validate_change(counted, explicit_slots));
  EXPECT_TRUE(validate_change(explicit_slots, counted));
}

TEST(ValidateChange, TheShardOfAReplicatedClusterKeepsItsName) {
  const Spec from = default_spec("app", Mode::kReplicated, 1, 1);
  Spec to = from;
  to.partitions_named = true;
  EXPECT_TRUE(validate_change(from, to));
  to.partitions[0].name = "main";
  expect_refused(from, to, "spec.shards");
}

}  // namespace
}  // namespace keyway::cluster
