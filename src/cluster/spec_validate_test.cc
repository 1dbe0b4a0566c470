// The rules as specs made by flags meet them; what documents run into is in the corpus.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/spec.h"
#include "cluster/spec_rules.h"

namespace keyway::cluster {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

void expect_refused(const Spec& spec, const std::string& field) {
  const Status status = validate(spec);
  ASSERT_FALSE(status) << field;
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.error().message, StartsWith(field + ": "));
  EXPECT_THAT(status.error().message, HasSubstr("; "));  // what to do
}

Spec good() { return default_spec("app", Mode::kSharded, 3, 1); }

TEST(Validate, Counts) {
  expect_refused(default_spec("app", Mode::kSharded, 0, 1), "spec.shards");
  expect_refused(default_spec("app", Mode::kSharded, 1001, 0), "spec.shards");
  expect_refused(default_spec("app", Mode::kSharded, 3, 6), "spec.replicas");
  expect_refused(default_spec("app", Mode::kSharded, 3, -1), "spec.replicas");
  expect_refused(default_spec("app", Mode::kSharded, 167, 5), "spec.shards");  // 1002 servers
  EXPECT_TRUE(validate(default_spec("app", Mode::kSharded, 1000, 0)));
  EXPECT_TRUE(validate(default_spec("app", Mode::kSharded, 1, 0)));
  EXPECT_TRUE(validate(default_spec("app", Mode::kReplicated, 1, 5)));
}

TEST(Validate, CountedPartitionsAreAlike) {
  Spec spec = good();
  spec.partitions[1].replicas = 2;
  expect_refused(spec, "spec.shards");
  spec.partitions_named = true;
  EXPECT_TRUE(validate(spec));
  spec = good();
  spec.partitions[2].name = "x";
  expect_refused(spec, "spec.shards");
  spec = good();
  for (PartitionSpec& partition : spec.partitions) partition.memory_bytes = 1;
  expect_refused(spec, "spec.memory");
}

TEST(Validate, WhatIsSafeHasReplicasAndNoSettingsAgainstIt) {
  Spec spec = good();
  spec.durability = Durability::kSafe;
  EXPECT_TRUE(validate(spec));
  spec.config["appendonly"] = "no";
  expect_refused(spec, "spec.config.appendonly");
  spec.config.clear();
  for (PartitionSpec& partition : spec.partitions) partition.replicas = 0;
  expect_refused(spec, "spec.durability");
  spec.durability = Durability::kFast;
  EXPECT_TRUE(validate(spec));
}

TEST(Validate, NamesAndValues) {
  for (const char* name : {"", "-a", "a-", "1a", "A", "a_b", "a.b", "ä"}) {
    Spec spec = good();
    spec.name = name;
    expect_refused(spec, "metadata.name");
  }
  Spec spec = good();
  spec.engine.path = "redis-server";
  expect_refused(spec, "spec.engine.path");
  spec = good();
  spec.config["Hz"] = "10";
  expect_refused(spec, "spec.config.Hz");
  spec = good();
  spec.config["hz"] = "10\n";
  expect_refused(spec, "spec.config.hz");
  spec = good();
  spec.users.resize(257, spec.users[0]);
  expect_refused(spec, "spec.users");
  spec = good();
  spec.storage.size_bytes = -5;
  expect_refused(spec, "spec.storage.size");
}

TEST(Validate, PortsLeaveRoomForAllServers) {
  Spec spec = good();
  spec.port = 55530;
  EXPECT_TRUE(validate(spec));
  spec.port = 55531;
  expect_refused(spec, "spec.local.port");
  spec.port = -1;
  expect_refused(spec, "spec.local.port");
  spec = default_spec("app", Mode::kReplicated, 1, 1);
  spec.port = 65534;
  EXPECT_TRUE(validate(spec));
  spec.port = 65535;
  expect_refused(spec, "spec.local.port");
}

TEST(Validate, Hosts) {
  for (const char* host : {"127.0.0.1", "10.1.2.3", "::1", "fe80::1"})
    EXPECT_FALSE(host_problem(host)) << host;
  for (const char* host :
       {"", "localhost", "127.0.0.1 ", "127.1", "0.0.0.0", "::", "0:0::0", "[::1]", "256.1.1.1"}) {
    EXPECT_TRUE(host_problem(host)) << host;
  }
  EXPECT_TRUE(host_problem(std::string("127.0.0.1\0x", 11)));
}

TEST(Validate, AclRules) {
  for (const char* rules :
       {"+@all -@dangerous +info ~*", "allcommands allkeys allchannels", "%R~read:* &news:*", "-debug +get|x",
        "(+get ~a) (%W~b +set)", "( +get )", "resetkeys ALLKEYS db=0,1 resetdbs sanitize-payload"}) {
    EXPECT_FALSE(acl_rules_problem(rules)) << rules;
  }
  for (const char* rules :
       {"", "  ", ">pw", "+get <pw", "#0123", "!0123", "nopass", "ResetPass", "on", "OFF", "reset", "get",
        "(>pw)", "( >pw )", "(+get", "(+get (+set))", "+get\n", "+get\t~*", "~a\x7f"}) {
    EXPECT_TRUE(acl_rules_problem(rules)) << rules;
  }
  // A password that somebody put there is not repeated.
  EXPECT_THAT(*acl_rules_problem(">hunter2"), testing::Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace keyway::cluster
