#include "engine/mover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "base/format.h"
#include "base/strings.h"
#include "engine/refusal.h"

namespace keyway::engine {
namespace {

using resp::Command;
using resp::Reply;
using resp::ReplyType;

Reply status(std::string_view text) {
  Reply reply;
  reply.type = ReplyType::kStatus;
  reply.text = text;
  return reply;
}

Reply error(std::string_view text) {
  Reply reply = status(text);
  reply.type = ReplyType::kError;
  return reply;
}

// Three primaries a (port 1), b (2) and c (3) as far as a move sees them, on a clock of their own: each
// exchange takes 1 ms, each key of a MIGRATE `key_ms` more. a owns all slots at first.
class Model : public Servers {
 public:
  struct Node {
    std::set<int> owned;
    std::map<int, std::string> migrating;  // slot to the id of the other node
    std::map<int, std::string> importing;
    std::map<int, std::set<std::string>> keys;  // by slot
    uint64_t epoch = 1;
    uint64_t heard_epoch = 3;  // of every other node
    std::set<int> unheard;     // slots of which it does not know the owner
  };

  std::map<uint16_t, Node> nodes;
  int64_t now_ms = 0;
  int64_t key_ms = 0;
  std::vector<std::string> log;                                          // "2 SETSLOT 5 IMPORTING a", …
  std::vector<size_t> calls;                                             // keys of each MIGRATE
  std::function<std::optional<Reply>(uint16_t, const Command&)> refuse;  // instead of the command
  std::function<std::optional<Error>(uint16_t)> cut;                     // instead of an exchange

  explicit Model(int slots) {
    for (uint16_t port = 1; port <= 3; ++port) nodes[port].epoch = port;
    for (int slot = 0; slot < slots; ++slot) nodes[1].owned.insert(slot);
  }

  std::vector<Response> exchange(const std::vector<Request>& requests, int64_t) override {
    std::vector<Response> responses;
    now_ms += 1;
    for (const Request& request : requests) {
      Response& response = responses.emplace_back();
      uint16_t port = request.address.port;
      if (cut) response.error = cut(port);
      if (response.error) continue;
      for (const Command& command : request.commands) {
        std::optional<Reply> refused = refuse ? refuse(port, command) : std::nullopt;
        response.replies.push_back(refused ? *refused : answer(port, command));
      }
    }
    return responses;
  }

 private:
  Reply answer(uint16_t port, const Command& command) {
    Node& node = nodes[port];
    if (command[0] == "MIGRATE") return migrate(node, command);
    if (command[1] == "NODES") return table(port);
    int slot = static_cast<int>(*parse_int(command[2]));
    if (command[1] == "SETSLOT") return set_slot(port, slot, command);
    if (command[1] == "COUNTKEYSINSLOT") {
      Reply count;
      count.type = ReplyType::kInteger;
      count.integer = static_cast<int64_t>(node.keys[slot].size());
      return count;
    }
    EXPECT_EQ(command[1], "GETKEYSINSLOT");
    Reply list;
    list.type = ReplyType::kArray;
    for (const std::string& key : node.keys[slot]) {
      if (std::to_string(list.elements.size()) == command[3]) break;
      list.elements.push_back(status(key));
    }
    return list;
  }

  Reply table(uint16_t port) {
    std::string text = fmt::format("{} 127.0.0.1:{}@{} myself,master - 0 0 {} connected", id_of(port), port,
                                   port + 10000, nodes[port].epoch);
    for (int slot : nodes[port].owned) text += fmt::format(" {}", slot);
    for (const auto& [slot, peer] : nodes[port].migrating) text += fmt::format(" [{}->-{}]", slot, peer);
    for (const auto& [slot, peer] : nodes[port].importing) text += fmt::format(" [{}-<-{}]", slot, peer);
    for (const auto& [other, node] : nodes) {
      if (other == port) continue;
      text += fmt::format("\n{} 127.0.0.1:{}@{} master - 0 0 {} connected", id_of(other), other,
                          other + 10000, nodes[port].heard_epoch);
      for (int slot : node.owned) {
        if (!nodes[port].unheard.contains(slot)) text += fmt::format(" {}", slot);
      }
    }
    return status(text);
  }

  Reply set_slot(uint16_t port, int slot, const Command& command) {
    log.push_back(fmt::format("{} {} {} {}", port, slot, command[3], command[4]));
    Node& node = nodes[port];
    if (command[3] == "MIGRATING") node.migrating[slot] = command[4];
    if (command[3] == "IMPORTING") node.importing[slot] = command[4];
    if (command[3] != "NODE") return status("OK");
    node.unheard.erase(slot);
    if (command[4] == id_of(port)) {
      node.owned.insert(slot);
      node.importing.erase(slot);
    } else {
      EXPECT_TRUE(node.keys[slot].empty()) << "keys would be lost";
      node.owned.erase(slot);
      node.migrating.erase(slot);
    }
    return status("OK");
  }

  Reply migrate(Node& from, const Command& command) {
    Node& to = nodes[static_cast<uint16_t>(*parse_int(command[2]))];
    auto first = std::find(command.begin(), command.end(), "KEYS") + 1;
    calls.push_back(static_cast<size_t>(command.end() - first));
    now_ms += key_ms * static_cast<int64_t>(calls.back());
    for (auto key = first; key != command.end(); ++key) {
      int slot = static_cast<int>(
          *parse_int(key->substr(0, key->find(':'))));  // a key of the model begins with its slot
      EXPECT_EQ(from.migrating[slot], "b");
      EXPECT_EQ(to.importing[slot], "a");
      from.keys[slot].erase(*key);
      to.keys[slot].insert(*key);
    }
    return status("OK");
  }

  static std::string id_of(uint16_t port) { return std::string(1, static_cast<char>('a' + port - 1)); }
};

class MoverTest : public testing::Test {
 protected:
  MoverTest() {
    task.from_id = "a";
    task.from = {"127.0.0.1", 1};
    task.to_id = "b";
    task.to = {"127.0.0.1", 2};
    task.primaries = {{"127.0.0.1", 3}};
    task.user = "admin";
    task.password = "secret";
    limits.clock_ms = [this] { return model.now_ms; };
  }

  void fill(int slot, int count) {
    for (int i = 0; i < count; ++i) model.nodes[1].keys[slot].insert(fmt::format("{}:{}", slot, i));
  }

  Model model{100};
  MoveTask task;
  MoveLimits limits;
};

TEST_F(MoverTest, TellsTheTargetFirstWhenOpeningAndWhenHandingOver) {
  fill(7, 1);
  task.slots = {{7, 7}};
  Result<MoveProgress> progress = move_slots(model, task, limits);
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 1);
  EXPECT_EQ(progress->keys_moved, 1);
  EXPECT_THAT(model.log, testing::ElementsAre("2 7 IMPORTING a", "1 7 MIGRATING b", "2 7 NODE b",
                                              "1 7 NODE b", "3 7 NODE b"));
}

TEST_F(MoverTest, CallsGrowWhileTheyAreShortAndShrinkWhenTheyAreLong) {
  fill(0, 20'000);
  task.slots = {{0, 0}};
  limits.slice_ms = 1000;
  ASSERT_TRUE(move_slots(model, task, limits));
  EXPECT_LT(model.calls.front(), 100u);
  EXPECT_EQ(*std::max_element(model.calls.begin(), model.calls.end()), 2000u);

  model.calls.clear();
  model.key_ms = 4;
  fill(1, 60);
  task.slots = {{1, 1}};
  ASSERT_TRUE(move_slots(model, task, limits));
  EXPECT_EQ(model.nodes[2].keys[1].size(), 60u);
  for (size_t i = 1; i < model.calls.size(); ++i) EXPECT_LE(model.calls[i] * 4, 21u) << i;
}

TEST_F(MoverTest, ASliceEndsInTimeAndTheNextOneGoesOn) {
  model.key_ms = 1;
  for (int slot = 0; slot < 20; ++slot) fill(slot, 50);
  task.slots = {{0, 19}};
  MoveProgress sum;
  int slices = 0;
  for (; sum.slots_done < 20 && slices < 100; ++slices) {
    int64_t begin_ms = model.now_ms;
    Result<MoveProgress> progress = move_slots(model, task, limits);
    ASSERT_TRUE(progress) << progress.error().message;
    EXPECT_LE(model.now_ms - begin_ms, limits.slice_ms + 50);
    sum.slots_done += progress->slots_done;
    sum.keys_moved += progress->keys_moved;
    cluster::SlotSet left;
    for (int slot : model.nodes[1].owned) left.set(static_cast<size_t>(slot), slot < 20);
    task.slots = cluster::to_ranges(left);
  }
  EXPECT_GT(slices, 3);
  EXPECT_EQ(sum.slots_done, 20);
  EXPECT_EQ(sum.keys_moved, 1000);
  EXPECT_TRUE(model.nodes[1].migrating.empty());
  EXPECT_TRUE(model.nodes[2].importing.empty());
}

TEST_F(MoverTest, ASliceWithoutTimeStillMovesSomething) {
  fill(0, 1000);
  task.slots = {{0, 0}};
  limits.slice_ms = 0;
  Result<MoveProgress> progress = move_slots(model, task, limits);
  ASSERT_TRUE(progress);
  EXPECT_GT(progress->keys_moved, 0);
  EXPECT_EQ(progress->slots_done, 0);
}

TEST_F(MoverTest, OpenSlotsGoFirst) {
  model.nodes[1].migrating[90] = "b";
  model.nodes[2].importing[80] = "a";
  for (int slot = 0; slot < 100; ++slot) fill(slot, 5);
  model.key_ms = 5;
  limits.slice_ms = 20;
  limits.slots_in_flight = 2;
  task.slots = {{0, 99}};
  ASSERT_TRUE(move_slots(model, task, limits));
  EXPECT_EQ(model.log[0], "2 90 IMPORTING a");
  EXPECT_EQ(model.log[1], "1 80 MIGRATING b");
}

// Flags that name a node which its replica has replaced since.
TEST_F(MoverTest, OpenSlotsArePointedToWhoTookOver) {
  fill(4, 1);
  fill(5, 1);
  model.nodes[1].migrating[4] = "old-b";
  model.nodes[2].importing[5] = "old-a";
  model.nodes[2].unheard.insert(5);
  task.slots = {{4, 5}};
  EXPECT_FALSE(move_slots(model, task, limits)) << "they may be other nodes' business";
  task.from_others = {"old-a"};
  task.to_others = {"old-b"};
  model.log.clear();
  Result<MoveProgress> progress = move_slots(model, task, limits);
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->slots_done, 2);
  EXPECT_EQ(progress->keys_moved, 2);
  std::vector<std::string> opened(model.log.begin(), model.log.begin() + 5);
  EXPECT_THAT(opened, testing::ElementsAre("2 4 IMPORTING a", "2 5 NODE a", "2 5 IMPORTING a",
                                           "1 4 MIGRATING b", "1 5 MIGRATING b"));
}

TEST_F(MoverTest, AnInterruptedHandoverIsFinished) {
  model.nodes[1].migrating[5] = "b";
  model.nodes[2].owned.insert(5);
  task.slots = {{5, 5}};
  Result<MoveProgress> progress = move_slots(model, task, limits);
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->slots_done, 1);
  EXPECT_THAT(model.log, testing::ElementsAre("1 5 NODE b", "3 5 NODE b"));
}

TEST_F(MoverTest, NoHandoverUntilTheTargetHasHeardOfTheSourcesEpoch) {
  fill(7, 3);
  model.nodes[1].epoch = 5;
  task.slots = {{7, 7}};
  Result<MoveProgress> progress = move_slots(model, task, limits);
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->keys_moved, 3);
  EXPECT_EQ(progress->slots_done, 0);
  EXPECT_FALSE(model.nodes[2].owned.contains(7));
  model.nodes[2].heard_epoch = 5;
  model.nodes[2].epoch = 5;  // a collision, which the servers resolve among themselves
  EXPECT_EQ(move_slots(model, task, limits)->slots_done, 0);
  model.nodes[2].epoch = 6;
  EXPECT_EQ(move_slots(model, task, limits)->slots_done, 1);
}

TEST_F(MoverTest, SlotsThatTheTargetTookAreAnnouncedThoughItRefusedOthers) {
  task.slots = {{0, 2}};
  model.refuse = [](uint16_t port, const Command& command) -> std::optional<Reply> {
    if (port == 2 && command[1] == "SETSLOT" && command[2] == "1" && command[3] == "NODE") {
      return error("NOREPLICAS Not enough good replicas to write.");
    }
    return std::nullopt;
  };
  Result<MoveProgress> progress = move_slots(model, task, limits);
  ASSERT_FALSE(progress);
  EXPECT_EQ(progress.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(model.nodes[1].owned.contains(0), false);
  EXPECT_EQ(model.nodes[1].owned.contains(1), true);
  EXPECT_EQ(model.nodes[1].owned.contains(2), false);
}

TEST_F(MoverTest, AKeyThatCannotMoveKeepsItsSlotOpenAndFinishesTheOthers) {
  fill(1, 1);
  task.slots = {{0, 1}};
  model.refuse = [](uint16_t, const Command& command) -> std::optional<Reply> {
    if (command[0] == "MIGRATE")
      return error(
          "ERR Target instance replied with error: OOM command not allowed when used memory > 'maxmemory'.");
    return std::nullopt;
  };
  Result<MoveProgress> progress = move_slots(model, task, limits);
  ASSERT_FALSE(progress);
  EXPECT_EQ(progress.error().code, ErrorCode::kExhausted);
  EXPECT_EQ(progress.error().message.find("secret"), std::string::npos);
  EXPECT_TRUE(model.nodes[2].owned.contains(0));
  EXPECT_FALSE(model.nodes[2].owned.contains(1));
}

TEST_F(MoverTest, KeysThatAreCountedButNotListedKeepTheSlot) {
  task.slots = {{0, 0}};
  model.refuse = [](uint16_t, const Command& command) -> std::optional<Reply> {
    if (command.size() < 2 || command[1] != "COUNTKEYSINSLOT") return std::nullopt;
    Reply count;
    count.type = ReplyType::kInteger;
    count.integer = 3;
    return count;
  };
  Result<MoveProgress> progress = move_slots(model, task, limits);
  ASSERT_FALSE(progress);
  EXPECT_EQ(progress.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(model.nodes[1].owned.contains(0));
  EXPECT_FALSE(model.nodes[2].owned.contains(0));
}

TEST_F(MoverTest, AnotherPrimaryMayBeGoneButNotTheTwo) {
  task.slots = {{0, 0}};
  for (int gone : {3, 2, 1}) {
    model.cut = [gone](uint16_t port) -> std::optional<Error> {
      if (port != gone) return std::nullopt;
      return Error{ErrorCode::kUnavailable, "gone"};
    };
    Result<MoveProgress> progress = move_slots(model, task, limits);
    EXPECT_EQ(progress.has_value(), gone == 3);
    ErrorCode code = progress ? ErrorCode::kUnavailable : progress.error().code;
    EXPECT_EQ(code, ErrorCode::kUnavailable);
    task.slots = {{1, 1}};
  }
}

TEST(Refusal, CodesByWhatTheCallerCanDo) {
  struct {
    std::string_view text;
    ErrorCode code;
  } cases[] = {
      {"CLUSTERDOWN The cluster is down", ErrorCode::kUnavailable},
      {"IOERR error or timeout reading from target instance", ErrorCode::kUnavailable},
      {"ERR Target instance replied with error: WRONGPASS invalid", ErrorCode::kDenied},
      {"NOPERM User has no permissions", ErrorCode::kDenied},
      {"MISCONF Redis is configured to save RDB snapshots", ErrorCode::kExhausted},
      {"ERR I'm not the owner of hash slot 5", ErrorCode::kConflict},
      {"MOVED 5 127.0.0.1:2", ErrorCode::kConflict},
  };
  for (const auto& one : cases) {
    Error refused = refusal({"127.0.0.1", 7001}, {"MIGRATE", "h", "1", "", "0", "9", "AUTH2", "u", "hidden"},
                            error(one.text));
    EXPECT_EQ(refused.code, one.code) << one.text;
    EXPECT_THAT(refused.message, testing::HasSubstr("127.0.0.1:7001"));
    EXPECT_THAT(refused.message, testing::HasSubstr(std::string(one.text)));
    EXPECT_THAT(refused.message, testing::Not(testing::HasSubstr("hidden")));
  }
  EXPECT_EQ(refusal({"h", 1}, {"PING"}, status("what")).code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace keyway::engine
