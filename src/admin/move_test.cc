#include "admin/move.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "admin/move_board.h"
#include "admin/move_successor.h"
#include "base/format.h"
#include "base/strings.h"

namespace keyway::admin {
namespace {

using cluster::NodeFacts;
using resp::Command;
using resp::Reply;
using resp::ReplyType;

class Quiet : public Reporter {
 public:
  void note(std::string_view) override {}
  void warn(std::string_view) override {}
  void progress(const Progress&) override {}
  Result<bool> confirm(std::string_view) override { return true; }
};

// Servers of which each slot holds `keys_a_slot` keys of `key_bytes`, unless `sizes` says otherwise.
class Shelves : public engine::Servers {
 public:
  int64_t keys_a_slot = 10;
  int64_t key_bytes = 100;
  std::map<std::string, int64_t> sizes;
  bool sizes_denied = false;
  bool atomic = false;
  std::set<uint16_t> gone;
  int64_t looked_at = 0;

  std::vector<engine::Response> exchange(const std::vector<engine::Request>& requests, int64_t) override {
    std::vector<engine::Response> responses;
    for (const engine::Request& request : requests) {
      engine::Response& response = responses.emplace_back();
      if (gone.contains(request.address.port)) {
        response.error = Error{ErrorCode::kUnavailable, "gone"};
        continue;
      }
      for (const Command& command : request.commands) response.replies.push_back(answer(command));
    }
    return responses;
  }

 private:
  Reply answer(const Command& command) {
    if (command[0] == "COMMAND") {
      Reply known{ReplyType::kArray, 0, 0, "", {Reply{}}};
      if (atomic) known.elements[0].type = ReplyType::kArray;
      return known;
    }
    if (command[1] == "COUNTKEYSINSLOT") return Reply{ReplyType::kInteger, keys_a_slot, 0, "", {}};
    if (command[1] == "GETKEYSINSLOT") {
      Reply list{ReplyType::kArray, 0, 0, "", {}};
      for (int64_t i = 0; i < std::min(keys_a_slot, *parse_int(command[3])); ++i)
        list.elements.push_back(Reply{ReplyType::kString, 0, 0, fmt::format("{}:{}", command[2], i), {}});
      return list;
    }
    EXPECT_EQ(command[1], "USAGE");
    ++looked_at;
    if (sizes_denied) return Reply{ReplyType::kError, 0, 0, "NOPERM no", {}};
    auto size = sizes.find(command[2]);
    return Reply{ReplyType::kInteger, size == sizes.end() ? key_bytes : size->second, 0, "", {}};
  }
};

class MoveTest : public testing::Test {
 protected:
  MoveTest() {
    for (uint16_t port = 1; port <= 5; ++port) {
      NodeFacts& node = observed.nodes.emplace_back();
      node.address = {"127.0.0.1", port};
      node.id = std::string(1, static_cast<char>('a' + port - 1));
      node.process = cluster::Process::kRunning;
      node.reach = cluster::Reach::kAnswering;
      node.server.id = node.id;
      node.server.role = cluster::Role::kPrimary;
    }
  }

  PlannedMove planned(const std::string& from, const std::string& to) const {
    PlannedMove move;
    move.from_id = from;
    move.to_id = to;
    move.from = observed.find_id(from)->address;
    move.to = observed.find_id(to)->address;
    return move;
  }

  Shelves servers;
  Quiet reporter;
  std::atomic<bool> interrupted = false;
  Session session{.servers = servers,
                  .connect = [] { return nullptr; },
                  .reporter = reporter,
                  .interrupted = [this] { return interrupted.load(); },
                  .user = "",
                  .password = "",
                  .reach = {},
                  .timeout_ms = 1000};
  cluster::Observed observed;
  MoveOptions options;
};

TEST_F(MoveTest, APlanCountsAndWeighs) {
  Result<MovePlan> plan = price(
      session, observed, {{"a", "c", {{0, 9}}}, {"b", "c", {{20, 29}}}, {"a", "c", {{10, 14}}}}, options);
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->moves.size(), 2u);
  EXPECT_EQ(cluster::to_string(plan->moves[0].slots), "0-14");
  EXPECT_EQ(plan->moves[0].keys, 150);
  EXPECT_EQ(plan->moves[0].bytes, 15'000);
  EXPECT_EQ(plan->slots(), 25);
  EXPECT_EQ(plan->keys(), 250);
  EXPECT_EQ(plan->bytes(), 25'000);
  EXPECT_EQ(servers.looked_at, 250);
  EXPECT_FALSE(plan->atomic);
  EXPECT_TRUE(plan->big_keys.empty());
}

TEST_F(MoveTest, WhatCannotBeKnownIsNotGuessed) {
  servers.sizes_denied = true;
  Result<MovePlan> plan = price(session, observed, {{"a", "c", {{0, 9}}}}, options);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->bytes(), -1);
  servers.keys_a_slot = 0;
  plan = price(session, observed, {{"a", "c", {{0, 9}}}}, options);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->bytes(), 0);
}

TEST_F(MoveTest, MoreTakesLonger) {
  servers.keys_a_slot = 1000;
  Result<MovePlan> few = price(session, observed, {{"a", "c", {{0, 99}}}}, options);
  Result<MovePlan> many = price(session, observed, {{"a", "c", {{0, 999}}}}, options);
  Result<MovePlan> beside =
      price(session, observed, {{"a", "c", {{0, 499}}}, {"b", "c", {{500, 999}}}}, options);
  options.max_bytes_per_s = 1'000'000;
  Result<MovePlan> slow = price(session, observed, {{"a", "c", {{0, 999}}}}, options);
  ASSERT_TRUE(few && many && beside && slow);
  EXPECT_GT(few->estimated_ms, 100);
  EXPECT_GT(many->estimated_ms, 5 * few->estimated_ms);
  EXPECT_LT(beside->estimated_ms, many->estimated_ms);
  EXPECT_GE(slow->estimated_ms, 90'000);
}

TEST_F(MoveTest, BigKeysAreNamed) {
  servers.sizes["7:3"] = 100 << 20;
  Result<MovePlan> plan = price(session, observed, {{"a", "c", {{0, 9}}}}, options);
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->big_keys,
              testing::ElementsAre("key '7:3' has 100.0 MiB: moving it blocks 127.0.0.1:1 and "
                                   "127.0.0.1:3 for about 1.3 s"));
  servers.atomic = true;
  plan = price(session, observed, {{"a", "c", {{0, 9}}}}, options);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->atomic);
  EXPECT_TRUE(plan->big_keys.empty());
}

TEST_F(MoveTest, TheWayIsChosenByWhatServersCanDo) {
  options.atomic = true;
  Result<MovePlan> plan = price(session, observed, {{"a", "c", {{0, 9}}}}, options);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kUnsupported);
  servers.atomic = true;
  EXPECT_TRUE(price(session, observed, {{"a", "c", {{0, 9}}}}, options)->atomic);
  options.atomic = false;
  EXPECT_FALSE(price(session, observed, {{"a", "c", {{0, 9}}}}, options)->atomic);
}

TEST_F(MoveTest, SlotsMoveBetweenPrimariesThatAnswer) {
  observed.nodes[3].server.role = cluster::Role::kReplica;
  observed.nodes[4].reach = cluster::Reach::kSilent;
  auto code = [&](const std::string& from, const std::string& to) {
    Result<MovePlan> plan = price(session, observed, {{from, to, {{0, 9}}}}, options);
    return plan ? ErrorCode::kInternal : plan.error().code;
  };
  EXPECT_EQ(code("a", "d"), ErrorCode::kConflict);
  EXPECT_EQ(code("e", "a"), ErrorCode::kUnavailable);
  EXPECT_EQ(code("a", "nobody"), ErrorCode::kNotFound);
  servers.gone = {1};
  EXPECT_EQ(code("a", "b"), ErrorCode::kUnavailable);
}

TEST_F(MoveTest, PairsShareNoSourceAndNobodyIsBoth) {
  MovePlan plan;
  plan.moves = {planned("a", "c"), planned("a", "d"), planned("b", "c"), planned("c", "d"),
                planned("d", "c"), planned("e", "a"), planned("e", "c")};
  MoveBoard board(session, plan, options);
  EXPECT_EQ(board.take_pair(), 0u);  // a to c
  EXPECT_EQ(board.take_pair(), 2u);  // b to c; a is busy
  // All others wait for a or c, which has two sources already.
  std::optional<size_t> next;
  std::thread waiting([&] { next = board.take_pair(); });
  board.end_pair(2, {});
  waiting.join();
  EXPECT_EQ(next, 4u);  // d to c
  board.end_pair(0, {});
  EXPECT_EQ(board.take_pair(), 5u);  // e to a; d is a source
  board.end_pair(4, {});
  EXPECT_EQ(board.take_pair(), 3u);  // c to d; a is a target
  board.end_pair(5, {});
  EXPECT_EQ(board.take_pair(), 1u);  // a to d
  board.end_pair(1, {});
  EXPECT_FALSE(board.wait_for_end(0));
  board.end_pair(3, fail(ErrorCode::kDenied, "no"));
  EXPECT_EQ(board.take_pair(), std::nullopt);
  EXPECT_TRUE(board.stopping());
  EXPECT_TRUE(board.wait_for_end(0));
  EXPECT_EQ(board.status().error().message, "no");
}

TEST_F(MoveTest, AnInterruptEndsEveryWait) {
  MovePlan plan;
  plan.moves = {planned("a", "c"), planned("a", "d")};
  options.max_bytes_per_s = 10;
  MoveBoard board(session, plan, options);
  EXPECT_EQ(board.take_pair(), 0u);
  int64_t begin_ms = now_ms();
  std::thread braked([&] { board.brake(1000, plan.moves[0].from, plan.moves[0].to); });
  std::thread waiting([&] { EXPECT_EQ(board.take_pair(), std::nullopt); });
  interrupted = true;
  braked.join();
  waiting.join();
  EXPECT_LT(now_ms() - begin_ms, 3000);
}

TEST_F(MoveTest, ASlowServerHoldsUpItsOwnPairsForAWhile) {
  MovePlan plan;
  plan.moves = {planned("a", "c"), planned("b", "d")};
  options.max_latency_ms = 5;
  MoveBoard board(session, plan, options);
  board.set_latency(plan.moves[0].to, 50);
  int64_t begin_ms = now_ms();
  board.brake(0, plan.moves[1].from, plan.moves[1].to);
  EXPECT_LT(now_ms() - begin_ms, 500);
  begin_ms = now_ms();
  std::thread mending([&] { board.set_latency(plan.moves[0].to, 1); });
  board.brake(0, plan.moves[0].from, plan.moves[0].to);
  mending.join();
  EXPECT_LT(now_ms() - begin_ms, 1500);
}

TEST_F(MoveTest, WarningsAreBounded) {
  MovePlan plan;
  MoveBoard board(session, plan, options);
  for (int i = 0; i < 1000; ++i) board.warn(fmt::format("something {}", i));
  std::vector<std::string> lines = board.take_warnings();
  EXPECT_EQ(lines.size(), 101u);
  EXPECT_EQ(lines.back(), "900 warnings more");
  EXPECT_TRUE(board.take_warnings().empty());
  board.warn("something 999");
  EXPECT_TRUE(board.take_warnings().empty()) << "it was the last one";
}

// Each node's own line in what it says of itself.
void say_who(NodeFacts& node, uint64_t epoch, const std::string& primary = "",
             const std::string& shard = "") {
  cluster::PeerView own;
  own.id = node.id;
  own.myself = true;
  own.primary = primary.empty();
  own.primary_id = primary;
  own.shard_id = shard;
  own.config_epoch = epoch;
  node.server.peers = {own};
  node.server.role = primary.empty() ? cluster::Role::kPrimary : cluster::Role::kReplica;
}

TEST_F(MoveTest, AShardIsAPrimaryAndItsReplicas) {
  say_who(observed.nodes[0], 1, "", "one");
  say_who(observed.nodes[1], 1, "a", "one");
  say_who(observed.nodes[2], 2, "", "two");
  say_who(observed.nodes[3], 1, "b", "one");  // follows a replica
  say_who(observed.nodes[4], 2, "c", "two");
  cluster::Knowledge knowledge(observed);
  EXPECT_THAT(shard_of(knowledge, "a"), testing::ElementsAre("a", "b", "d"));
  EXPECT_THAT(shard_of(knowledge, "c"), testing::ElementsAre("c", "e"));
  EXPECT_THAT(shard_of(knowledge, "stranger"), testing::ElementsAre("stranger"));
}

TEST_F(MoveTest, SlotsThatASuccessorHasNotHeardOfAreFound) {
  say_who(observed.nodes[0], 3, "", "one");
  say_who(observed.nodes[1], 7, "", "two");
  say_who(observed.nodes[2], 2, "", "three");
  observed.nodes[1].server.peers[0].slots = {{10, 19}};
  observed.nodes[2].server.peers[0].slots = {{30, 30}};
  // The source knows what it gave to the primary that has died since.
  cluster::PeerView dead;
  dead.id = "dead";
  dead.primary = dead.fail = true;
  dead.config_epoch = 6;
  dead.slots = {{10, 22}};
  observed.nodes[0].server.peers.push_back(dead);
  cluster::SlotSet moved = cluster::to_set({{18, 30}});
  cluster::SlotSet orphans = orphaned(observed, moved, {"dead", "b"}, "b");
  EXPECT_EQ(cluster::to_string(cluster::to_ranges(orphans)), "20-29") << "of the dead one, or nobody's";
}

TEST_F(MoveTest, TheLatestPrimaryOfAShardActsForIt) {
  say_who(observed.nodes[0], 1);
  say_who(observed.nodes[1], 7);
  say_who(observed.nodes[2], 9);
  say_who(observed.nodes[3], 8, "b");
  Result<const NodeFacts*> acting = acting_primary(observed, {"a", "b", "d"});
  ASSERT_TRUE(acting);
  EXPECT_EQ((*acting)->id, "b") << "a has yet to hear that it was replaced";
  observed.nodes[1].reach = cluster::Reach::kSilent;
  EXPECT_EQ((*acting_primary(observed, {"a", "b", "d"}))->id, "a");
  observed.nodes[0].reach = cluster::Reach::kSilent;
  acting = acting_primary(observed, {"a", "b", "d"});
  ASSERT_FALSE(acting);
  EXPECT_EQ(acting.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(acting.error().message, testing::HasSubstr("127.0.0.1:1 is gone"));
}

}  // namespace
}  // namespace keyway::admin
