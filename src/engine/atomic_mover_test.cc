#include "engine/atomic_mover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/atomic_jobs.h"
#include "engine/test_mover_model.h"

namespace keyway::engine {
namespace {

using resp::Command;
using resp::Reply;
using resp::ReplyType;

Reply text_reply(std::string_view text) { return Reply{ReplyType::kString, 0, 0, std::string(text), {}}; }

// Nodes a (port 1) and b (port 2). Each look at a's jobs brings the first that is under way to its end.
class AtomicModel : public Servers {
 public:
  struct Job {
    std::string name;
    std::string slots;
    std::string target = "b";
    std::string state = "snapshotting";
    std::string message = "";
    std::string operation = "EXPORT";
  };

  std::map<int, int64_t> keys;  // by slot, of those that a owns
  std::set<int> owned_by_b;
  std::vector<Job> jobs;
  std::vector<Job> jobs_of_b;
  std::string open;                  // of a, as CLUSTER NODES shows it
  std::string next_end = "success";  // of the job that ends next
  std::string next_message;
  std::vector<std::string> commands;  // MIGRATESLOTS and CANCELSLOTMIGRATIONS
  bool knows = true;
  int64_t now_ms = 0;

  std::vector<Response> exchange(const std::vector<Request>& requests, int64_t) override {
    std::vector<Response> responses;
    now_ms += 1;
    for (const Request& request : requests) {
      Response& response = responses.emplace_back();
      for (const Command& command : request.commands)
        response.replies.push_back(answer(request.address.port, command));
    }
    return responses;
  }

 private:
  Reply answer(uint16_t port, const Command& command) {
    if (command[0] == "COMMAND") {
      Reply reply{ReplyType::kArray, 0, 0, "", {Reply{}}};
      if (knows) reply.elements[0].type = ReplyType::kArray;
      return reply;
    }
    if (command[1] == "NODES") return table(port);
    if (command[1] == "COUNTKEYSINSLOT") return integer_reply(keys[static_cast<int>(*parse_int(command[2]))]);
    if (command[1] == "GETSLOTMIGRATIONS") return list(port);
    std::string line;
    for (size_t i = 1; i < command.size(); ++i) line += (i == 1 ? "" : " ") + command[i];
    commands.push_back(line);
    if (command[1] == "CANCELSLOTMIGRATIONS") {
      for (Job& job : jobs) {
        if (job.state == "snapshotting") job.state = "cancelled";
      }
      return status_reply("OK");
    }
    begin(command);
    return status_reply("OK");
  }

  void begin(const Command& command) {
    std::string slots;
    for (size_t i = 2; i < command.size(); ++i) {
      if (command[i] == "SLOTSRANGE") {
        slots.clear();
      } else if (command[i] == "NODE") {
        jobs.push_back({fmt::format("job{}", jobs.size()), slots, command[++i]});
      } else {
        slots += fmt::format("{}{}-{}", slots.empty() ? "" : " ", command[i], command[i + 1]);
        ++i;
      }
    }
  }

  Reply list(uint16_t port) {
    Reply reply{ReplyType::kArray, 0, 0, "", {}};
    for (const Job& job : port == 1 ? jobs : jobs_of_b) {
      Reply fields{ReplyType::kArray, 0, 0, "", {}};
      for (const std::string& text :
           {std::string("name"), job.name, std::string("operation"), job.operation,
            std::string("slot_ranges"), job.slots, std::string("target_node"), job.target,
            std::string("state"), job.state, std::string("message"), job.message})
        fields.elements.push_back(text_reply(text));
      reply.elements.push_back(fields);
    }
    if (port == 1) end_one();
    return reply;
  }

  void end_one() {
    for (Job& job : jobs) {
      if (job.state != "snapshotting") continue;
      job.state = std::exchange(next_end, "success");
      job.message = std::exchange(next_message, "");
      if (job.state != "success") return;
      const cluster::SlotRanges moved = *cluster::parse_slots(job.slots);
      for (const cluster::SlotRange& range : moved) {
        for (int slot = range.first; slot <= range.last; ++slot) {
          keys.erase(slot);
          owned_by_b.insert(slot);
        }
      }
      return;
    }
  }

  Reply table(uint16_t port) {
    std::string a = port == 1 ? "myself,master" : "master";
    std::string b = port == 2 ? "myself,master" : "master";
    std::string text = fmt::format("a 127.0.0.1:1@10001 {} - 0 0 1 connected", a);
    for (const auto& [slot, count] : keys) text += fmt::format(" {}", slot);
    if (port == 1) text += open;
    text += fmt::format("\nb 127.0.0.1:2@10002 {} - 0 0 2 connected", b);
    for (int slot : owned_by_b) text += fmt::format(" {}", slot);
    return text_reply(text);
  }
};

class AtomicMoverTest : public testing::Test {
 protected:
  AtomicMoverTest() {
    task.from_id = "a";
    task.from = {"127.0.0.1", 1};
    task.to_id = "b";
    task.to = {"127.0.0.1", 2};
    limits.clock_ms = [this] { return model.now_ms; };
    limits.pause_ms = [this](int64_t pause_ms) { model.now_ms += pause_ms; };
    hooks.on_slot = [this](cluster::Slot slot) { EXPECT_TRUE(slots.insert(slot).second) << slot; };
  }

  void fill(int first, int last, int64_t count) {
    for (int slot = first; slot <= last; ++slot) model.keys[slot] = count;
    task.slots.push_back({static_cast<cluster::Slot>(first), static_cast<cluster::Slot>(last)});
  }
  Result<MoveProgress> move() { return move_slots_atomically(model, task, limits, hooks); }

  AtomicModel model;
  MoveTask task;
  AtomicLimits limits;
  MoveHooks hooks;
  std::set<int> slots;
};

TEST_F(AtomicMoverTest, JobsAreCutByKeys) {
  fill(0, 9, 100);
  fill(20, 20, 5000);
  fill(21, 22, 10);
  limits.keys_a_job = 300;
  limits.jobs_at_once = 2;
  Result<MoveProgress> moved = move();
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->slots_done, 13);
  EXPECT_EQ(moved->keys_moved, 6020);
  EXPECT_EQ(slots.size(), 13u);
  std::vector<std::string> jobs;
  for (const AtomicModel::Job& job : model.jobs) jobs.push_back(job.slots);
  EXPECT_THAT(jobs, testing::ElementsAre("0-2", "3-5", "6-8", "9-9", "20-20", "21-22"));
  EXPECT_EQ(model.commands.front(), "MIGRATESLOTS SLOTSRANGE 0 2 NODE b SLOTSRANGE 3 5 NODE b");
  for (const std::string& command : model.commands)
    EXPECT_LE(command.size(), model.commands.front().size() + 4);
}

TEST_F(AtomicMoverTest, SlotsThatAreNotNeighboursShareAJob) {
  fill(1, 2, 5);
  fill(5, 5, 5);
  ASSERT_TRUE(move());
  EXPECT_THAT(model.commands, testing::ElementsAre("MIGRATESLOTS SLOTSRANGE 1 2 5 5 NODE b"));
}

TEST_F(AtomicMoverTest, WhatAnInterruptedCallBeganIsTakenUp) {
  fill(0, 9, 10);
  model.jobs = {{"old", "3-4"}, {"older", "0-9", "c", "failed", "whatever"}};
  model.keys.erase(0);
  model.owned_by_b = {0};
  Result<MoveProgress> moved = move();
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->slots_done, 10);
  EXPECT_EQ(slots.size(), 10u);
  EXPECT_THAT(model.commands, testing::ElementsAre("MIGRATESLOTS SLOTSRANGE 1 2 5 9 NODE b"));
}

TEST_F(AtomicMoverTest, OthersJobsAndOpenSlotsAreConflicts) {
  fill(0, 9, 10);
  const std::vector<AtomicModel::Job> others = {{"x", "3-4", "c", "replicating"},
                                                {"x", "9-10", "b", "replicating"},
                                                {"x", "50-60", "a", "replicating", "", "IMPORT"}};
  for (const AtomicModel::Job& job : others) {
    model.jobs = {job};
    Result<MoveProgress> moved = move();
    ASSERT_FALSE(moved);
    EXPECT_EQ(moved.error().code, ErrorCode::kConflict);
    EXPECT_THAT(moved.error().message, testing::HasSubstr("another migration"));
  }
  model.jobs.clear();
  model.open = " [77->-b]";
  Result<MoveProgress> moved = move();
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kConflict);
  EXPECT_THAT(moved.error().message,
              testing::HasSubstr("slots 77 of 127.0.0.1:1 are open by the classic way"));
}

TEST_F(AtomicMoverTest, AFailedJobIsAnErrorThatTellsWhetherToAskAgain) {
  struct {
    const char* end;
    const char* message;
    const char* of_target;
    ErrorCode code;
  } cases[] = {
      {"failed", "Connection lost to target.", "", ErrorCode::kUnavailable},
      {"failed", "Connection lost to target.", "Ran out of memory (OOM) during slot import",
       ErrorCode::kExhausted},
      {"failed", "-ERR Slots are being manually imported\r\n", "", ErrorCode::kConflict},
      {"cancelled", "", "", ErrorCode::kConflict},
  };
  fill(0, 99, 10);
  limits.keys_a_job = 100;
  for (const auto& one : cases) {
    model.next_end = one.end;
    model.next_message = one.message;
    model.jobs.clear();
    model.jobs_of_b = {{"job0", "0-9", "b", "failed", one.of_target, "IMPORT"}};
    Result<MoveProgress> moved = move();
    ASSERT_FALSE(moved);
    EXPECT_EQ(moved.error().code, one.code) << moved.error().message;
    EXPECT_EQ(model.commands.back(), "CANCELSLOTMIGRATIONS");
    EXPECT_EQ(moved.error().message.find('\r'), std::string::npos);
    slots.clear();
  }
}

TEST_F(AtomicMoverTest, WhenStoppedItCancelsWhatHasNotMoved) {
  fill(0, 99, 10);
  limits.keys_a_job = 100;
  hooks.stop = [this] { return slots.size() >= 20; };
  Result<MoveProgress> moved = move();
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(static_cast<size_t>(moved->slots_done), slots.size());
  EXPECT_LT(slots.size(), 100u);
  EXPECT_EQ(model.commands.back(), "CANCELSLOTMIGRATIONS");
}

TEST_F(AtomicMoverTest, AServerThatForgotItsJobsWasReplaced) {
  fill(0, 9, 10);
  limits.pause_ms = [this](int64_t pause_ms) {
    model.now_ms += pause_ms;
    model.jobs.clear();
  };
  Result<MoveProgress> moved = move();
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kUnavailable);
}

TEST(AtomicJobs, WhatIsNoListIsCorrupt) {
  EXPECT_FALSE(parse_atomic_jobs(status_reply("OK")));
  Reply reply{ReplyType::kArray, 0, 0, "", {Reply{ReplyType::kArray, 0, 0, "", {}}}};
  EXPECT_FALSE(parse_atomic_jobs(reply));
  reply.elements[0].elements = {text_reply("name"), text_reply("x"), text_reply("slot_ranges"),
                                text_reply("9-1")};
  EXPECT_FALSE(parse_atomic_jobs(reply));
  reply.elements[0].elements[3] = text_reply("1-9 20");
  Result<std::vector<AtomicJob>> jobs = parse_atomic_jobs(reply);
  ASSERT_TRUE(jobs);
  EXPECT_EQ(jobs->at(0).slots, (cluster::SlotRanges{{1, 9}, {20, 20}}));
}

TEST(CanMoveAtomically, OnlyIfAllKnowTheCommand) {
  AtomicModel model;
  EXPECT_TRUE(*can_move_atomically(model, {{"127.0.0.1", 1}, {"127.0.0.1", 2}}));
  model.knows = false;
  EXPECT_FALSE(*can_move_atomically(model, {{"127.0.0.1", 1}}));
  EXPECT_FALSE(*can_move_atomically(model, {}));
}

}  // namespace
}  // namespace keyway::engine
