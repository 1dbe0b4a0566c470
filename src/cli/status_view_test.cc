#include "cli/status_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::cli {
namespace {

using reconcile::ClusterStatus;
using reconcile::NodeStatus;
using reconcile::ShardStatus;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

NodeStatus node(const std::string& name, int port, const std::string& role) {
  NodeStatus status;
  status.name = name;
  status.address = "127.0.0.1:" + std::to_string(port);
  status.pid = 1000 + port;
  status.role = role;
  status.keys = 42;
  status.memory_bytes = 1536;
  status.health = "ok";
  if (role == "replica") status.lag_s = 1.2;
  return status;
}

ClusterStatus sample(int shards) {
  ClusterStatus status;
  status.name = "shop";
  status.mode = "sharded";
  status.state = "ready";
  status.engine = "redis 7.0.15";
  status.supervisor_pid = 77;
  for (int i = 0; i < shards; ++i) {
    ShardStatus shard;
    shard.name = "p" + std::to_string(i + 1);
    shard.slots = {{static_cast<cluster::Slot>(i * 100), static_cast<cluster::Slot>(i * 100 + 99)}};
    shard.primary = node(shard.name + "-0", 7000 + 2 * i, "primary");
    shard.replicas.push_back(node(shard.name + "-1", 7001 + 2 * i, "replica"));
    status.shards.push_back(shard);
  }
  return status;
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(StatusView, TellsAllOfAWholeCluster) {
  EXPECT_EQ(text_of(status_lines(sample(1), Terminal{})),
            "shop  ready  sharded, 1 shard, 2 nodes, redis 7.0.15, supervisor 77\n"
            "\n"
            "SHARD  SLOTS  NODE  ROLE     ADDRESS         KEYS   MEMORY  OFFSET  LAG   PID  HEALTH\n"
            "p1     0-99   p1-0  primary  127.0.0.1:7000    42  1.5 KiB       0       8000  ok\n"
            "              p1-1  replica  127.0.0.1:7001    42  1.5 KiB       0  1 s  8001  ok\n");
}

TEST(StatusView, SaysWhatIsWrongAndWhatToDo) {
  ClusterStatus status = sample(1);
  status.state = "blocked";
  status.supervisor_pid = 0;
  status.shards[0].replicas[0].role = "unknown";
  status.shards[0].replicas[0].health = "down";
  status.shards[0].replicas[0].note = "killed by signal 9 (Killed)\x1b[2J";
  status.problems.push_back({"p1", "p1-1", "its disk is full"});
  std::vector<std::string> lines = status_lines(status, Terminal{});
  EXPECT_THAT(lines, Contains("p1-1: killed by signal 9 (Killed)\\x1b[2J"));
  EXPECT_THAT(lines, Contains("! p1-1: its disk is full"));
  EXPECT_THAT(lines, Contains(HasSubstr("keyway up shop --detach")));
}

TEST(StatusView, ShowsTheProxyAndHowToReachIt) {
  ClusterStatus status = sample(3);
  status.proxy = reconcile::ProxyStatus{"127.0.0.1:6379", 77, "workload", ""};
  EXPECT_THAT(status_lines(status, Terminal{}),
              Contains("Proxy at 127.0.0.1:6379, pid 77, clients that do not log in are workload"));
  EXPECT_THAT(text_of(hint_lines(status, "workload", Terminal{})),
              HasSubstr("Connect:  redis-cli -p 6379 set AAA 10\nCluster:  keyway exec"));
  status.proxy = reconcile::ProxyStatus{"10.0.0.1:6380", 0, "", "port 6380 is held by nginx"};
  EXPECT_THAT(status_lines(status, Terminal{}),
              Contains("Proxy at 10.0.0.1:6380 does not run: port 6380 is held by nginx"));
  EXPECT_THAT(text_of(hint_lines(status, "reader", Terminal{})),
              HasSubstr("redis-cli -h 10.0.0.1 -p 6380 --user reader --askpass\n"));
}

TEST(StatusView, LeavesHealthyNodesOutWhereThereIsNoRoom) {
  ClusterStatus status = sample(20);
  status.shards[17].replicas[0].health = "syncing";
  std::vector<std::string> lines = status_lines(status, Terminal{}, 12);
  EXPECT_LE(lines.size(), 12u);
  EXPECT_THAT(lines.front(), HasSubstr("40 nodes"));
  EXPECT_THAT(lines, Contains(HasSubstr("p18-1")));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("p18-0"))));
  EXPECT_EQ(lines.back(), "(32 nodes that are well left out)");
}

TEST(StatusView, HintsNameTheCliOfTheEngine) {
  ClusterStatus status = sample(3);
  status.engine = "valkey 8.1.1";
  std::string text = text_of(hint_lines(status, "workload", Terminal{}));
  EXPECT_THAT(text, HasSubstr("keyway exec shop p1-0 -- valkey-cli -c\n"));
  EXPECT_THAT(text, HasSubstr("keyway scale shop --shards 4\n"));
  EXPECT_THAT(text, HasSubstr("keyway password shop workload\n"));
  status.mode = "replicated";
  EXPECT_THAT(text_of(hint_lines(status, "workload", Terminal{})),
              HasSubstr("keyway scale shop --replicas 2\n"));
}

}  // namespace
}  // namespace keyway::cli
