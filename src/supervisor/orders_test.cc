#include "supervisor/orders.h"

#include <gtest/gtest.h>

namespace keyway::supervisor {
namespace {

using cluster::NodeFacts;
using cluster::Role;

NodeFacts server(const std::string& name, Role role) {
  NodeFacts node;
  node.name = name;
  node.shard = "p1";
  node.address = {"127.0.0.1", static_cast<uint16_t>(7000 + (name.back() - '0'))};
  node.process = cluster::Process::kRunning;
  node.reach = cluster::Reach::kAnswering;
  node.server.role = role;
  node.server.link_up = role == Role::kReplica;
  if (role == Role::kReplica) node.server.primary_address = {"127.0.0.1", 7000};
  return node;
}

class FailoverCheck : public testing::Test {
 protected:
  FailoverCheck() {
    desired_.mode = cluster::Mode::kReplicated;
    desired_.shards = {{"p1", {"p1-0", "p1-1", "p1-2"}, {}, {}}};
    observed_.nodes = {server("p1-0", Role::kPrimary), server("p1-1", Role::kReplica),
                       server("p1-2", Role::kReplica)};
    observed_.shards["p1"].primary = "p1-0";
  }

  Status check(const std::string& shard, const std::string& to_node) {
    return check_failover(desired_, observed_, shard, to_node);
  }

  cluster::Desired desired_;
  cluster::Observed observed_;
};

TEST_F(FailoverCheck, AReplicaInSyncMayTakeOver) {
  EXPECT_TRUE(check("p1", ""));
  EXPECT_TRUE(check("p1", "p1-2"));
}

TEST_F(FailoverCheck, TheSameAgainIsNoError) { EXPECT_TRUE(check("p1", "p1-0")); }

TEST_F(FailoverCheck, UnknownNamesAreToldWithThoseThatExist) {
  const Status shard = check("p9", "");
  ASSERT_FALSE(shard);
  EXPECT_EQ(shard.error().code, ErrorCode::kNotFound);
  EXPECT_NE(shard.error().message.find("p1"), std::string::npos);
  const Status node = check("p1", "p2-0");
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().code, ErrorCode::kNotFound);
  EXPECT_NE(node.error().message.find("p1-1, p1-2"), std::string::npos);
}

TEST_F(FailoverCheck, AReplicaThatIsNotInSyncIsRefused) {
  observed_.find("p1-1")->server.link_up = false;
  const Status status = check("p1", "p1-1");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kConflict);
  EXPECT_NE(status.error().message.find("p1-2"), std::string::npos);
  EXPECT_TRUE(check("p1", ""));
}

TEST_F(FailoverCheck, WithoutAnyReplicaItIsRefused) {
  observed_.find("p1-1")->process = cluster::Process::kStopped;
  observed_.find("p1-2")->server.syncing = true;
  const Status status = check("p1", "");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace keyway::supervisor
