// Moves slots between real servers of every engine at hand, under a client that writes all the while.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "engine/mover.h"
#include "engine/test_writer.h"

namespace keyway::engine {
namespace {

using cluster::SlotRange;
using resp::Command;
using resp::Reply;

// `count` keys of slots first to last.
std::vector<std::string> keys_in(const std::string& prefix, SlotRange range, size_t count) {
  std::vector<std::string> keys;
  for (int i = 0; keys.size() < count; ++i) {
    std::string key = prefix + std::to_string(i);
    int slot = resp::key_slot(key);
    if (slot >= range.first && slot <= range.last) keys.push_back(std::move(key));
  }
  return keys;
}

// Runs `before` when it is about to send a MIGRATE.
class Watched : public Servers {
 public:
  Watched(Servers& servers, std::function<void()> before) : servers_(servers), before_(std::move(before)) {}

  std::vector<Response> exchange(const std::vector<Request>& requests, int64_t timeout_ms) override {
    for (const Request& request : requests) {
      if (!request.commands.empty() && request.commands[0][0] == "MIGRATE") before_();
    }
    return servers_.exchange(requests, timeout_ms);
  }

 private:
  Servers& servers_;
  std::function<void()> before_;
};

// Three primaries; the first two have a replica each. Every test moves its slots from the first to the second
// and back, so that the next one finds what it expects.
class MoverOnServers : public testing::TestWithParam<TestEngine> {
 protected:
  static void SetUpTestSuite() { clusters_ = new ClusterOfEachEngine(3, 2); }
  static void TearDownTestSuite() { delete std::exchange(clusters_, nullptr); }
  void SetUp() override {
    cluster_ = clusters_->of(GetParam(), client.fleet);
    ASSERT_NE(cluster_, nullptr);
    ASSERT_TRUE(wait_until([this] { return epochs_are_known(); }));
  }

  // Every server has heard of the latest config epochs: what tests set by hand needs that, as the mover does.
  bool epochs_are_known() {
    cluster::Observed observed = cluster_->look(client.fleet);
    std::map<std::string, uint64_t> own;
    for (const cluster::NodeFacts& node : observed.nodes) {
      for (const cluster::PeerView& peer : node.server.peers) {
        if (peer.myself && peer.primary) own[peer.id] = peer.config_epoch;
      }
    }
    for (const cluster::NodeFacts& node : observed.nodes) {
      for (const cluster::PeerView& peer : node.server.peers) {
        if (peer.primary && peer.config_epoch < own[peer.id]) return false;
      }
    }
    return own.size() == 3;
  }

  MoveTask task(size_t from, size_t to, cluster::SlotRanges slots) const {
    MoveTask task;
    task.from_id = cluster_->id(from);
    task.from = cluster_->address(from);
    task.to_id = cluster_->id(to);
    task.to = cluster_->address(to);
    task.slots = std::move(slots);
    task.primaries = {cluster_->address(2)};
    task.user = kTestUser;
    task.password = kTestPassword;
    return task;
  }

  // Slice after slice until it is done; gives what was moved and, in `slices`, how often it was called.
  MoveProgress move_all(const MoveTask& task, MoveLimits limits, int* slices = nullptr) {
    MoveProgress sum;
    int total = cluster::count(task.slots);
    cluster::SlotSet left = cluster::to_set(task.slots);
    auto done_or_failed = [&] {
      MoveTask rest = task;
      rest.slots = cluster::to_ranges(left);
      Result<MoveProgress> progress = move_slots(client.fleet, rest, limits, memory);
      EXPECT_TRUE(progress) << progress.error().message;
      if (!progress) return true;
      sum.slots_done += progress->slots_done;
      sum.keys_moved += progress->keys_moved;
      left &= owned(task.from);
      if (slices != nullptr) ++*slices;
      return sum.slots_done >= total;
    };
    wait_until(done_or_failed, 60'000);
    EXPECT_EQ(sum.slots_done, total);
    return sum;
  }

  cluster::SlotSet owned(const Address& address) {
    cluster::SlotSet slots;
    cluster::Observed observed = cluster_->look(client.fleet);
    for (const cluster::NodeFacts& node : observed.nodes) {
      if (node.address != address) continue;
      for (const cluster::PeerView& peer : node.server.peers) {
        if (peer.myself) slots = cluster::to_set(peer.slots);
      }
    }
    return slots;
  }

  // Every primary sees `slots` on node `owner`, and none of them is open anywhere. The third one may be told
  // by gossip only, after a while.
  void expect_owned(size_t owner, SlotRange slots) {
    cluster::SlotSet wanted = cluster::to_set({slots});
    auto all_agree = [&] {
      cluster::Observed observed = cluster_->look(client.fleet);
      for (size_t i = 0; i < 3; ++i) {
        if (!observed.nodes[i].server.open_slots.empty()) return false;
        for (const cluster::PeerView& peer : observed.nodes[i].server.peers) {
          cluster::SlotSet seen = cluster::to_set(peer.slots) & wanted;
          if (peer.id == cluster_->id(owner) ? seen != wanted : seen.any()) return false;
        }
      }
      return true;
    };
    EXPECT_TRUE(wait_until(all_agree)) << "slots " << slots.first << " to " << slots.last;
  }

  Reply ask(size_t node, Command command) {
    auto reply = client.fleet.call(cluster_->address(node), std::move(command), 5000);
    EXPECT_TRUE(reply) << reply.error().message;
    return reply.value_or(Reply{});
  }

  // As a move does that is then interrupted.
  void open_slot(int slot) {
    ASSERT_TRUE(ask(1, {"CLUSTER", "SETSLOT", std::to_string(slot), "IMPORTING", cluster_->id(0)}).ok());
    ASSERT_TRUE(ask(0, {"CLUSTER", "SETSLOT", std::to_string(slot), "MIGRATING", cluster_->id(1)}).ok());
  }

  static inline ClusterOfEachEngine* clusters_ = nullptr;
  TestCluster* cluster_ = nullptr;
  TestFleet client;
  MoveMemory memory;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MoverOnServers);
INSTANTIATE_TEST_SUITE_P(Engines, MoverOnServers, testing::ValuesIn(test_engines()), test_name);

TEST_P(MoverOnServers, LosesNothingUnderAWriter) {
  constexpr SlotRange slots{100, 159};
  std::vector<std::string> still = keys_in("still:", slots, 1500);
  std::vector<Command> commands;
  for (const std::string& key : still) commands.push_back({"SET", key, "v:" + key});
  ASSERT_TRUE(client.fleet.exchange({{cluster_->address(0), commands}}, 10'000)[0].replies.back().ok());

  KeyWriter writer({cluster_->address(2)}, tags_in("busy:", slots, 100));
  ASSERT_TRUE(writer.wait_for_writes(1));
  int slices = 0;
  MoveProgress progress = move_all(task(0, 1, {slots}), {.slice_ms = 1, .slots_in_flight = 16}, &slices);
  EXPECT_THAT(writer.stop().wrong, testing::IsEmpty());
  EXPECT_GT(slices, 1);
  EXPECT_GE(progress.keys_moved, 1500);
  expect_owned(1, slots);
  for (const std::string& key : still) ASSERT_EQ(ask(1, {"GET", key}).text, "v:" + key);
  writer.expect_all_there();
  for (int slot = slots.first; slot <= slots.last; ++slot) {
    ASSERT_EQ(ask(0, {"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}).integer, 0);
  }
  move_all(task(1, 0, {slots}), {});
  expect_owned(0, slots);
  for (const std::string& key : still) ASSERT_EQ(ask(0, {"GET", key}).text, "v:" + key);
}

TEST_P(MoverOnServers, KeepsBinaryNamesTypesAndExpiry) {
  constexpr SlotRange slots{0, 50};
  std::string tag = "{" + keys_in("t", slots, 1)[0] + "}";
  std::string binary = tag + std::string("\0\r\n\xff KEYS", 9);
  ask(0, {"SET", binary, std::string("\0\1\2", 3)});
  ask(0, {"SET", tag + "short-lived", "x", "PX", "1"});
  ask(0, {"SET", tag + "expires", "x", "PX", "3600000"});
  ask(0, {"RPUSH", tag + "list", "a", "b"});
  ask(0, {"HSET", tag + "hash", "f", "v"});
  move_all(task(0, 1, {slots}), {});
  EXPECT_EQ(ask(1, {"GET", binary}).text, std::string("\0\1\2", 3));
  int64_t left_ms = ask(1, {"PTTL", tag + "expires"}).integer;
  EXPECT_GT(left_ms, 3'500'000);
  EXPECT_LE(left_ms, 3'600'000);
  EXPECT_EQ(ask(1, {"PTTL", tag + "list"}).integer, -1);
  EXPECT_EQ(ask(1, {"LLEN", tag + "list"}).integer, 2);
  EXPECT_EQ(ask(1, {"HGET", tag + "hash", "f"}).text, "v");
  EXPECT_EQ(ask(1, {"EXISTS", tag + "short-lived"}).integer, 0);
  move_all(task(1, 0, {slots}), {});
  expect_owned(0, slots);
}

TEST_P(MoverOnServers, TheSourceWinsOverTheCopyOfAnInterruptedMigrate) {
  constexpr SlotRange slots{400, 401};
  std::string key = keys_in("k", {400, 400}, 1)[0];
  ASSERT_TRUE(ask(0, {"SET", key, "old"}).ok());
  open_slot(400);
  ASSERT_TRUE(ask(0, {"SET", key, "new"}).ok());
  auto copied = client.fleet.exchange({{cluster_->address(1), {{"ASKING"}, {"SET", key, "old"}}}}, 1000)[0];
  ASSERT_TRUE(copied.replies.back().ok());
  move_all(task(0, 1, {slots}), {});
  EXPECT_EQ(ask(1, {"GET", key}).text, "new");
  expect_owned(1, slots);
  move_all(task(1, 0, {slots}), {});
}

TEST_P(MoverOnServers, FinishesWhatStoppedAfterAnyStep) {
  constexpr SlotRange slots{410, 413};
  ASSERT_TRUE(ask(1, {"CLUSTER", "SETSLOT", "411", "IMPORTING", cluster_->id(0)}).ok());
  open_slot(412);
  open_slot(413);
  ASSERT_TRUE(ask(1, {"CLUSTER", "SETSLOT", "413", "NODE", cluster_->id(1)}).ok());
  MoveProgress progress = move_all(task(0, 1, {slots}), {});
  EXPECT_EQ(progress.slots_done, 4);
  expect_owned(1, slots);
  move_all(task(1, 0, {slots}), {});
  expect_owned(0, slots);
}

TEST_P(MoverOnServers, AHungTargetIsAnErrorAndLosesNothing) {
  constexpr SlotRange slots{420, 420};
  std::vector<std::string> keys = keys_in("h", slots, 50);
  for (const std::string& key : keys) ask(0, {"SET", key, key});
  Watched watched(client.fleet, [&] { cluster_->server(1).pause(); });
  auto begin = std::chrono::steady_clock::now();
  Result<MoveProgress> progress =
      move_slots(watched, task(0, 1, {slots}), {.migrate_timeout_ms = 100}, memory);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
  cluster_->server(1).resume();
  ASSERT_FALSE(progress);
  EXPECT_EQ(progress.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(progress.error().message.find(to_string(cluster_->address(1)).substr(10)), std::string::npos);
  EXPECT_EQ(progress.error().message.find(kTestPassword), std::string::npos);
  move_all(task(0, 1, {slots}), {});
  for (const std::string& key : keys) EXPECT_EQ(ask(1, {"GET", key}).text, key);
  move_all(task(1, 0, {slots}), {});
}

TEST_P(MoverOnServers, RefusesWhatTheServersWouldNotDo) {
  MoveTask wrong_password = task(0, 1, {{430, 430}});
  wrong_password.password = "wrong";
  ask(0, {"SET", keys_in("p", {430, 430}, 1)[0], "x"});
  Result<MoveProgress> progress = move_slots(client.fleet, wrong_password, {}, memory);
  ASSERT_FALSE(progress);
  EXPECT_EQ(progress.error().code, ErrorCode::kDenied) << progress.error().message;
  move_all(task(0, 1, {{430, 430}}), {});
  move_all(task(1, 0, {{430, 430}}), {});

  MoveTask wrong_server = task(0, 1, {{431, 431}});
  wrong_server.to = cluster_->address(2);
  MoveTask not_its_own = task(0, 1, {{16383, 16383}});
  for (const MoveTask& wrong : {wrong_server, not_its_own}) {
    progress = move_slots(client.fleet, wrong, {}, memory);
    ASSERT_FALSE(progress);
    EXPECT_EQ(progress.error().code, ErrorCode::kConflict);
  }

  ASSERT_TRUE(ask(0, {"CLUSTER", "SETSLOT", "432", "MIGRATING", cluster_->id(2)}).ok());
  progress = move_slots(client.fleet, task(0, 1, {{432, 432}}), {}, memory);
  ASSERT_FALSE(progress);
  EXPECT_EQ(progress.error().code, ErrorCode::kConflict);
  ASSERT_TRUE(ask(0, {"CLUSTER", "SETSLOT", "432", "STABLE"}).ok());
  expect_owned(0, {430, 432});
}

}  // namespace
}  // namespace keyway::engine
