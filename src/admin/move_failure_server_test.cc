// Kills and stops servers in the middle of a move; the same call goes on with whoever is left.
#include <sys/wait.h>

#include "admin/test_move.h"

namespace keyway::admin {
namespace {

using engine::ClusterClient;
using engine::KeyWriter;
using engine::tags_in;
using resp::Command;

constexpr size_t kSource = 0;
constexpr size_t kTarget = 2;
constexpr int64_t kReviveLimitMs = 120'000;

// One of each line of engines: every case takes a cluster of its own, and a failover.
std::vector<engine::TestEngine> lines() {
  std::vector<engine::TestEngine> all;
  for (const engine::TestEngine& engine : engine::test_engines()) {
    bool wanted = engine.name.starts_with("redis-7") || engine.name == "redis-8.0.2" ||
                  engine.name.starts_with("valkey-8.0") || engine.name.starts_with("valkey-9");
    if (wanted) all.push_back(engine);
  }
  return all;
}

struct Case {
  engine::TestEngine engine;
  bool atomic = false;
  size_t victim = kSource;
  std::vector<std::string> at;  // the command that is about to be sent when it happens
  int time = 1;                 // which of them
  bool carried_out = false;     // it is, but its answer never comes
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const engine::TestEngine& engine : lines()) {
    for (size_t victim : {kSource, kTarget}) {
      all.push_back({engine, false, victim, {"MIGRATE"}, 3});
      if (engine.name.starts_with("valkey-9"))
        all.push_back({engine, true, victim, {"CLUSTER", "GETSLOTMIGRATIONS"}, 4});
      // A Valkey server that is killed at this moment may forget that it took the slot
      // (docs/internals/mover.md).
      if (victim == kTarget && engine.name.starts_with("redis"))
        all.push_back({engine, false, victim, {"CLUSTER", "SETSLOT", "*", "NODE"}, 1, true});
      if (!engine.name.starts_with("redis-7")) continue;
      all.push_back({engine, false, victim, {"CLUSTER", "SETSLOT", "*", "IMPORTING"}, 2});
      all.push_back({engine, false, victim, {"CLUSTER", "SETSLOT", "*", "MIGRATING"}, 2});
      all.push_back({engine, false, victim, {"CLUSTER", "SETSLOT", "*", "NODE"}, 2});
    }
  }
  return all;
}

std::string case_name(const testing::TestParamInfo<Case>& param) {
  std::string name = param.param.engine.name + (param.param.victim == kSource ? "_source_" : "_target_") +
                     param.param.at.back() + (param.param.carried_out ? "_carried_out" : "");
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

const cluster::SlotRange kSlots{100, 399};

class Broken : public testing::Test {
 protected:
  // Three primaries with a replica each.
  void make(const engine::TestEngine& engine) {
    cluster_ = std::make_unique<engine::TestCluster>(engine, 3, 3, "cluster-node-timeout 1500\n");
    mover_ = std::make_unique<Mover>(*cluster_);
    ASSERT_TRUE(engine::wait_until([this] { return cluster_->is_whole(mover_->fleet.fleet); }));
    names_ = tags_in("k", kSlots, 30'000);
    std::vector<Command> commands;
    for (const std::string& name : names_) commands.push_back({"SET", name, "of" + name});
    // Nothing that the test relies on may be lost by a kill: a replica has it.
    commands.push_back({"WAIT", "1", "5000"});
    ASSERT_NO_FATAL_FAILURE(mover_->fill(kSource, commands));
  }

  // The shard of a node: itself and its replica.
  std::vector<std::string> shard(size_t node) const { return {cluster_->id(node), cluster_->id(node + 3)}; }

  void expect_every_key() {
    ClusterClient client(mover_->addresses());
    int missing = 0;
    for (const std::string& name : names_) {
      std::optional<resp::Reply> reply = client.call({"GET", name});
      for (int tries = 0; !reply && tries < 100; ++tries) reply = client.call({"GET", name});
      ASSERT_TRUE(reply) << name;
      if (reply->text != "of" + name && ++missing <= 5)
        ADD_FAILURE() << name << " is '" << reply->text << "'";
    }
    EXPECT_EQ(missing, 0);
  }

  std::unique_ptr<engine::TestCluster> cluster_;
  std::unique_ptr<Mover> mover_;
  std::vector<std::string> names_;
};

class MoveThroughFailover : public Broken, public testing::WithParamInterface<Case> {};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MoveThroughFailover);
INSTANTIATE_TEST_SUITE_P(Kills, MoveThroughFailover, testing::ValuesIn(cases()), case_name);

TEST_P(MoveThroughFailover, TheReplicaGoesOnInItsPlace) {
  const Case& one = GetParam();
  ASSERT_NO_FATAL_FAILURE(make(one.engine));
  std::atomic<int> times = 0;
  std::atomic<bool> killed = false;
  std::atomic<bool> due = false;
  std::atomic<bool> awaited = false;
  std::atomic<bool> over = false;
  mover_->before = [&](const std::vector<engine::Request>& requests) {
    if (killed && asks(requests, {"CLUSTER", "SHARDS"})) awaited = true;
    if (!asks(requests, one.at) || ++times != one.time) return;
    if (one.carried_out) {
      due = true;
      return;
    }
    cluster_->server(one.victim).kill();
    killed = true;
  };
  mover_->after = [&](std::vector<engine::Response>& responses) {
    if (!due.exchange(false)) return;
    cluster_->server(one.victim).kill();
    for (engine::Response& response : responses) response = {{}, Error{ErrorCode::kTimeout, "it hangs"}};
    killed = true;
  };
  // Slots that a Valkey server imported are not given to its replica before it is back. A server ends with
  // the thread that starts it.
  std::thread reviver([&] {
    engine::wait_until([&] { return awaited || over; }, kReviveLimitMs);
    if (awaited) cluster_->server(one.victim).start_again();
    engine::wait_until([&] { return over.load(); }, kReviveLimitMs);
  });
  MoveOptions options;
  options.atomic = one.atomic;
  options.atomic_keys_a_job = 5000;
  Result<MoveResult> moved = mover_->run({{kSource, kTarget, {kSlots}}}, options);
  over = true;
  reviver.join();
  ASSERT_TRUE(killed);
  EXPECT_EQ(awaited, one.victim == kTarget && !one.atomic && one.engine.name.starts_with("valkey"));
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->slots, cluster::count({kSlots}));
  EXPECT_THAT(mover_->reporter.warnings, testing::Contains(testing::HasSubstr("has taken over from")));
  mover_->expect_all_see({kSlots}, shard(kTarget));
  expect_every_key();
}

class MoveThroughTrouble : public Broken, public testing::WithParamInterface<engine::TestEngine> {};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MoveThroughTrouble);
INSTANTIATE_TEST_SUITE_P(Engines, MoveThroughTrouble, testing::ValuesIn(lines()), engine::test_name);

// Shorter than the servers' node timeout, longer than a MIGRATE waits.
TEST_P(MoveThroughTrouble, ATargetThatHangsForAMoment) {
  ASSERT_NO_FATAL_FAILURE(make(GetParam()));
  std::atomic<int> times = 0;
  std::atomic<bool> hung = false;
  mover_->before = [&](const std::vector<engine::Request>& requests) {
    if (asks(requests, {"MIGRATE"}) && ++times == 3) {
      cluster_->server(kTarget).pause();
      hung = true;
    }
  };
  // By then the source has given up.
  std::thread resumer([&] {
    engine::wait_until([&] { return hung.load(); });
    auto since = std::chrono::steady_clock::now();
    engine::wait_until(
        [&] { return std::chrono::steady_clock::now() - since > std::chrono::milliseconds(900); });
    cluster_->server(kTarget).resume();
  });
  KeyWriter writer(mover_->addresses(), tags_in("w", kSlots, 100), false);
  MoveOptions options;
  options.atomic = false;
  Result<MoveResult> moved = mover_->run({{kSource, kTarget, {kSlots}}}, options);
  resumer.join();
  ASSERT_TRUE(hung);
  ASSERT_TRUE(moved) << moved.error().message;
  writer.stop();
  writer.expect_all_there();
  expect_every_key();
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KEYWAY_NO_THREADS_AFTER_FORK
#endif
#endif

// As a kill -9 of the tool leaves it, again and again, until it is done.
TEST_P(MoveThroughTrouble, TheToolIsKilledAndRunAgain) {
#ifdef KEYWAY_NO_THREADS_AFTER_FORK
  GTEST_SKIP() << "the thread sanitizer lets no process begin threads that was forked by one with threads";
#endif
  ASSERT_NO_FATAL_FAILURE(make(GetParam()));
  KeyWriter writer(mover_->addresses(), tags_in("w", kSlots, 100));
  ASSERT_TRUE(writer.wait_for_writes(100));
  int killed = 0;
  const std::vector<std::vector<std::string>> stages = {{"CLUSTER", "SETSLOT", "*", "IMPORTING"},
                                                        {"CLUSTER", "SETSLOT", "*", "MIGRATING"},
                                                        {"MIGRATE"},
                                                        {"CLUSTER", "SETSLOT", "*", "NODE"}};
  for (size_t stage = 0; stage < stages.size(); ++stage) {
    // What it was about to ask is done, but it never hears of it: it is dead.
    pid_t child = ::fork();
    if (child == 0) {
      Mover mover(*cluster_);
      std::atomic<int> times = 0;
      std::atomic<bool> last = false;
      mover.before = [&](const std::vector<engine::Request>& requests) {
        if (asks(requests, stages[stage]) && ++times == 2) last = true;
      };
      mover.after = [&](std::vector<engine::Response>&) {
        if (last) ::kill(::getpid(), SIGKILL);
      };
      MoveOptions options;
      options.atomic = false;
      (void)mover.run({{kSource, kTarget, {kSlots}}}, options);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) ++killed;
  }
  EXPECT_GE(killed, 3);
  MoveOptions options;
  options.atomic = GetParam().name.starts_with("valkey-9");
  Result<MoveResult> moved = mover_->run({{kSource, kTarget, {kSlots}}}, options);
  ASSERT_TRUE(moved) << moved.error().message;
  const KeyWriter::Findings& findings = writer.stop();
  EXPECT_THAT(findings.wrong, testing::IsEmpty());
  EXPECT_THAT(findings.refused, testing::IsEmpty());
  mover_->expect_all_see({kSlots}, shard(kTarget));
  writer.expect_all_there();
  expect_every_key();
}

TEST_P(MoveThroughTrouble, ATargetWithoutReplicaThatIsGoneIsAnError) {
  if (!GetParam().name.starts_with("redis-8")) GTEST_SKIP() << "once is enough: half a minute of patience";
  ASSERT_NO_FATAL_FAILURE(make(GetParam()));
  cluster_->server(kTarget + 3).kill();
  std::atomic<int> times = 0;
  mover_->before = [&](const std::vector<engine::Request>& requests) {
    if (asks(requests, {"MIGRATE"}) && ++times == 3) cluster_->server(kTarget).kill();
  };
  MoveOptions options;
  options.atomic = false;
  Result<MoveResult> moved = mover_->run({{kSource, kTarget, {kSlots}}}, options);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(moved.error().message, testing::HasSubstr("no replica has taken its place"));
}

}  // namespace
}  // namespace keyway::admin
