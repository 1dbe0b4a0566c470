#include "engine/slot_loads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>

#include "base/format.h"
#include "engine/test_cluster.h"
#include "resp/slot.h"

namespace keyway::engine {
namespace {

using resp::Command;
using resp::Reply;
using resp::ReplyType;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Reply integer(int64_t value) {
  Reply reply;
  reply.type = ReplyType::kInteger;
  reply.integer = value;
  return reply;
}

Reply text(ReplyType type, std::string_view value) {
  Reply reply;
  reply.type = type;
  reply.text = value;
  return reply;
}

Reply list(std::vector<Reply> elements, ReplyType type = ReplyType::kArray) {
  Reply reply;
  reply.type = type;
  reply.elements = std::move(elements);
  return reply;
}

// Slot 2n weighs n + 1 keys, odd ones are empty.
int64_t keys_of(int64_t slot) { return slot % 2 == 0 ? slot / 2 + 1 : 0; }

// Two primaries, of slots 0 to 3 and 4 to 7.
class Pair : public Servers {
 public:
  Pair() {
    for (int i = 0; i < 2; ++i) {
      cluster::NodeFacts& node = observed.nodes.emplace_back();
      node.address = {"127.0.0.1", static_cast<uint16_t>(i + 1)};
      node.id = node.server.id = std::string(40, static_cast<char>('a' + i));
      node.process = cluster::Process::kRunning;
      node.reach = cluster::Reach::kAnswering;
      node.server.version = "7.0.15";
      node.server.ops_per_s = 100;
      cluster::PeerView self;
      self.id = node.id;
      self.address = node.address;
      self.myself = self.primary = true;
      self.slots = {{static_cast<cluster::Slot>(i * 4), static_cast<cluster::Slot>(i * 4 + 3)}};
      node.server.peers = {self};
    }
  }

  void set_version(cluster::EngineKind engine, const std::string& version) {
    for (cluster::NodeFacts& node : observed.nodes) {
      node.server.engine = engine;
      node.server.version = version;
    }
  }

  std::vector<Response> exchange(const std::vector<Request>& requests, int64_t) override {
    ++exchanges;
    std::vector<Response> responses;
    for (const Request& request : requests) {
      Response& response = responses.emplace_back();
      if (request.address.port == cut) {
        response.error = Error{ErrorCode::kTimeout, "no answer"};
        continue;
      }
      for (const Command& command : request.commands) response.replies.push_back(answer(command));
    }
    return responses;
  }

  cluster::Observed observed;
  int exchanges = 0;
  uint16_t cut = 0;
  std::vector<std::string> figures;  // beside key-count, that SLOT-STATS tells: slot + 1 each
  bool refuses_stats = false;

 private:
  Reply answer(const Command& command) const {
    if (command[0] == "INFO")
      return text(ReplyType::kString, "used_memory:9999\r\nused_memory_dataset:600\r\n");
    if (command[1] == "COUNTKEYSINSLOT") return integer(keys_of(std::stoll(command[2])));
    if (refuses_stats) return text(ReplyType::kError, "NOPERM no permission");
    std::vector<Reply> slots;
    for (int64_t slot = std::stoll(command[3]); slot <= std::stoll(command[4]); ++slot) {
      std::vector<Reply> fields{text(ReplyType::kString, "key-count"), integer(keys_of(slot))};
      for (const std::string& figure : figures) {
        fields.push_back(text(ReplyType::kString, figure));
        fields.push_back(integer(slot + 1));
      }
      slots.push_back(list({integer(slot), list(fields, slot % 2 ? ReplyType::kMap : ReplyType::kArray)}));
    }
    return list(std::move(slots));
  }
};

std::vector<double> first(const SlotLoads& loads) { return {loads.loads.begin(), loads.loads.begin() + 8}; }

TEST(SlotLoads, MemoryIsKeysTimesTheAverageWhereTheServerDoesNotTell) {
  Pair pair;
  auto loads = slot_loads(pair, pair.observed, LoadMeasure::kMemory, 1000);
  ASSERT_TRUE(loads) << loads.error().message;
  EXPECT_EQ(pair.exchanges, 1);
  ASSERT_EQ(loads->loads.size(), static_cast<size_t>(cluster::kSlotCount));
  EXPECT_THAT(first(*loads), ElementsAre(200, 0, 400, 0, testing::DoubleNear(600 * 3 / 7.0, 0.01), 0,
                                         testing::DoubleNear(600 * 4 / 7.0, 0.01), 0));
  EXPECT_EQ(loads->keys[6], 4);
  ASSERT_EQ(loads->estimates.size(), 1U);
  EXPECT_THAT(loads->estimates[0], HasSubstr("average key of its node does (all nodes)"));
}

TEST(SlotLoads, MemoryIsWhatTheServerTells) {
  Pair pair;
  pair.set_version(cluster::EngineKind::kRedis, "8.2.1");
  pair.figures = {"memory-bytes"};
  auto loads = slot_loads(pair, pair.observed, LoadMeasure::kMemory, 1000);
  ASSERT_TRUE(loads) << loads.error().message;
  EXPECT_THAT(first(*loads), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(loads->estimates, IsEmpty());
}

TEST(SlotLoads, OpsFollowCpuTimeElseTrafficElseKeys) {
  Pair pair;
  pair.set_version(cluster::EngineKind::kValkey, "8.0.1");
  for (auto [figure, by] : std::map<std::string, std::string>{
           {"cpu-usec", "CPU time"}, {"network-bytes-in", "bytes that went"}, {"", "their keys"}}) {
    pair.figures = {};
    if (!figure.empty()) pair.figures.push_back(figure);
    auto loads = slot_loads(pair, pair.observed, LoadMeasure::kOps, 1000);
    ASSERT_TRUE(loads) << loads.error().message;
    EXPECT_NEAR(loads->loads[1], figure.empty() ? 0 : 20, 0.01) << figure;
    EXPECT_NEAR(loads->loads[0] + loads->loads[1] + loads->loads[2] + loads->loads[3], 100, 0.01);
    ASSERT_EQ(loads->estimates.size(), 1U);
    EXPECT_THAT(loads->estimates[0], HasSubstr(by));
  }
}

TEST(SlotLoads, AServerThatMayNotTellIsAskedForItsKeys) {
  Pair pair;
  pair.set_version(cluster::EngineKind::kValkey, "9.0.0");
  pair.refuses_stats = true;
  auto loads = slot_loads(pair, pair.observed, LoadMeasure::kMemory, 1000);
  ASSERT_TRUE(loads) << loads.error().message;
  EXPECT_EQ(pair.exchanges, 2);
  EXPECT_EQ(loads->loads[0], 200);
}

TEST(SlotLoads, ASilentPrimaryIsAnError) {
  Pair pair;
  pair.cut = 2;
  EXPECT_EQ(slot_loads(pair, pair.observed, LoadMeasure::kOps, 1000).error().code, ErrorCode::kTimeout);
  pair.observed.nodes[0].server.peers.push_back(pair.observed.nodes[1].server.peers[0]);
  pair.observed.nodes[0].server.peers.back().myself = false;
  pair.observed.nodes[1].reach = cluster::Reach::kSilent;
  auto loads = slot_loads(pair, pair.observed, LoadMeasure::kOps, 1000);
  ASSERT_FALSE(loads);
  EXPECT_THAT(loads.error().message, HasSubstr("127.0.0.1:2"));
  EXPECT_THAT(loads.error().message, HasSubstr("4 slots"));
}

class SlotLoadsOfServers : public testing::TestWithParam<TestEngine> {
 public:
  static void SetUpTestSuite() { clusters_ = std::make_unique<ClusterOfEachEngine>(2, 0); }
  static void TearDownTestSuite() { clusters_.reset(); }

 protected:
  inline static std::unique_ptr<ClusterOfEachEngine> clusters_;
};

TEST_P(SlotLoadsOfServers, KeysWeighWhereTheyAre) {
  TestFleet test;
  TestCluster* cluster = clusters_->of(GetParam(), test.fleet);
  ASSERT_NE(cluster, nullptr);
  Request request{cluster->address(0), {}};
  for (int i = 0; request.commands.size() < 100; ++i) {
    std::string key = fmt::format("{{a{}}}", i);
    if (resp::key_slot(fmt::format("a{}", i)) < 8192)
      request.commands.push_back({"SET", key, std::string(1000, 'x')});
  }
  ASSERT_TRUE(test.fleet.exchange({request}, 5000)[0].ok());
  for (LoadMeasure measure : {LoadMeasure::kMemory, LoadMeasure::kOps}) {
    auto loads = slot_loads(test.fleet, cluster->look(test.fleet), measure, 3000);
    ASSERT_TRUE(loads) << loads.error().message;
    int64_t keys = 0;
    double load = 0;
    for (size_t slot = 0; slot < 8192; ++slot) {
      keys += loads->keys[slot];
      load += loads->loads[slot];
      if (measure == LoadMeasure::kMemory) {
        EXPECT_EQ(loads->keys[slot] > 0, loads->loads[slot] > 0) << slot;
      }
    }
    EXPECT_EQ(keys, 100);
    if (measure == LoadMeasure::kMemory) {
      EXPECT_GT(load, 0);
    }
    EXPECT_THAT(loads->estimates, testing::Not(IsEmpty()));
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, SlotLoadsOfServers, testing::ValuesIn(test_engines()), test_name);

}  // namespace
}  // namespace keyway::engine
