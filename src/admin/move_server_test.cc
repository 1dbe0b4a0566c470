// Moves slots between real servers of every engine at hand, under clients that write and read all the while.
#include <random>

#include "admin/test_move.h"

namespace keyway::admin {
namespace {

using engine::ClusterClient;
using engine::KeyWriter;
using engine::tags_in;
using resp::Command;

// Both ways of moving where the engine has both.
struct Way {
  engine::TestEngine engine;
  bool atomic = false;
};

std::vector<Way> ways() {
  std::vector<Way> all;
  for (const engine::TestEngine& engine : engine::test_engines()) {
    all.push_back({engine, false});
    if (engine.name.starts_with("valkey-9")) all.push_back({engine, true});
  }
  return all;
}

std::string way_name(const testing::TestParamInfo<Way>& param) {
  std::string name = param.param.engine.name + (param.param.atomic ? "_atomic" : "");
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

// Three primaries; the first two have a replica each. Each test moves back what it moved.
class MoveOnServers : public testing::TestWithParam<Way> {
 protected:
  static void SetUpTestSuite() { clusters_ = new engine::ClusterOfEachEngine(3, 2); }
  static void TearDownTestSuite() { delete std::exchange(clusters_, nullptr); }
  void SetUp() override {
    engine::TestFleet fleet;
    cluster_ = clusters_->of(GetParam().engine, fleet.fleet);
    ASSERT_NE(cluster_, nullptr);
    mover_ = std::make_unique<Mover>(*cluster_);
    options.atomic = GetParam().atomic;
  }
  void TearDown() override {
    for (size_t node = 0; node < 3 && mover_ != nullptr; ++node) mover_->fill(node, {{"FLUSHALL"}});
  }

  void expect_moved(const std::vector<Mover::Wanted>& wanted, int64_t least_keys = 0) {
    Result<MoveResult> moved = mover_->run(wanted, options);
    ASSERT_TRUE(moved) << moved.error().message;
    EXPECT_TRUE(moved->carried_out);
    EXPECT_FALSE(moved->interrupted);
    EXPECT_EQ(moved->slots, moved->plan.slots());
    EXPECT_GE(moved->keys, least_keys);
    for (const Mover::Wanted& one : wanted) mover_->expect_all_see(one.slots, {cluster_->id(one.to)});
  }

  int64_t used_memory(size_t node) {
    std::string info = mover_->ask(node, {"INFO", "memory"}).text;
    std::string_view rest = info;
    rest.remove_prefix(rest.find("used_memory:") + std::string_view("used_memory:").size());
    return parse_int(rest.substr(0, rest.find('\r'))).value_or(0);
  }

  static inline engine::ClusterOfEachEngine* clusters_ = nullptr;
  engine::TestCluster* cluster_ = nullptr;
  std::unique_ptr<Mover> mover_;
  MoveOptions options;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MoveOnServers);
INSTANTIATE_TEST_SUITE_P(Engines, MoveOnServers, testing::ValuesIn(ways()), way_name);

TEST_P(MoveOnServers, ClientsLoseNothingAndSeeNoError) {
  const cluster::SlotRange first{0, 99};
  const cluster::SlotRange second{6000, 6099};
  std::map<std::string, size_t> still;
  for (const std::string& name : tags_in("still", first, 2000)) still[name] = 0;
  for (const std::string& name : tags_in("still", second, 2000)) still[name] = 1;
  std::vector<std::vector<Command>> fills(2);
  for (const auto& [name, node] : still) fills[node].push_back({"SET", name, "of" + name});
  for (size_t node : {size_t{0}, size_t{1}}) ASSERT_NO_FATAL_FAILURE(mover_->fill(node, fills[node]));

  KeyWriter one(mover_->addresses(), tags_in("one", first, 300));
  KeyWriter two(mover_->addresses(), tags_in("two", second, 300));
  ASSERT_TRUE(one.wait_for_writes(300) && two.wait_for_writes(300));
  for (int round = 0; round < 2; ++round) {
    expect_moved({{0, 2, {first}}, {1, 2, {second}}}, 4000);
    expect_moved({{2, 0, {first}}, {2, 1, {second}}}, 4000);
  }
  for (KeyWriter* writer : {&one, &two}) {
    const KeyWriter::Findings& findings = writer->stop();
    EXPECT_THAT(findings.wrong, testing::IsEmpty());
    EXPECT_THAT(findings.refused, testing::IsEmpty());
    EXPECT_EQ(findings.failures, 0) << findings.longest_ms << " ms";
    RecordProperty("longest_ms", std::to_string(findings.longest_ms));
    int checked = 0;
    writer->expect_all_there(&checked);
    EXPECT_GE(checked, 300);
  }
  for (const auto& [name, node] : still) ASSERT_EQ(mover_->ask(node, {"GET", name}).text, "of" + name);
  for (const cluster::SlotRange& slots : {first, second}) {
    for (int slot = slots.first; slot <= slots.last; ++slot)
      ASSERT_EQ(mover_->ask(2, {"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}).integer, 0);
  }
}

TEST_P(MoveOnServers, NamesMayBeBinaryAndTimesToLiveStay) {
  std::string tag = tags_in("t", {200, 250}, 1)[0];
  std::string binary = tag + std::string("\0\r\n\xff KEYS", 9);
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, {{"SET", binary, std::string("\0\1\2", 3)},
                                           {"SET", tag + "short-lived", "x", "PX", "1"},
                                           {"SET", tag + "expires", "x", "PX", "3600000"},
                                           {"ZADD", tag + "set", "1.5", "a", "2", "b"},
                                           {"XADD", tag + "stream", "1-1", "f", "v"}}));
  expect_moved({{0, 1, {{200, 250}}}});
  EXPECT_EQ(mover_->ask(1, {"GET", binary}).text, std::string("\0\1\2", 3));
  EXPECT_GT(mover_->ask(1, {"PTTL", tag + "expires"}).integer, 3'500'000);
  EXPECT_LE(mover_->ask(1, {"PTTL", tag + "expires"}).integer, 3'600'000);
  EXPECT_EQ(mover_->ask(1, {"PTTL", tag + "set"}).integer, -1);
  EXPECT_EQ(mover_->ask(1, {"ZSCORE", tag + "set", "a"}).text, "1.5");
  EXPECT_EQ(mover_->ask(1, {"XLEN", tag + "stream"}).integer, 1);
  EXPECT_EQ(mover_->ask(1, {"EXISTS", tag + "short-lived"}).integer, 0);
  expect_moved({{1, 0, {{200, 250}}}});
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, {{"DEL", binary, tag + "expires", tag + "set", tag + "stream"}}));
}

TEST_P(MoveOnServers, ManyKeysInOneSlot) {
  constexpr int kKeys = 100'000;
  std::string tag = tags_in("m", {300, 300}, 1)[0];
  std::vector<Command> commands;
  for (int i = 0; i < kKeys; ++i) commands.push_back({"SET", fmt::format("{}{}", tag, i), std::to_string(i)});
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, commands));
  std::atomic<int> calls = 0;
  std::atomic<size_t> most = 0;
  mover_->before = [&](const std::vector<engine::Request>& requests) {
    for (const engine::Request& request : requests) {
      for (const Command& command : request.commands) {
        if (command[0] != "MIGRATE") continue;
        ++calls;
        most = std::max(most.load(), command.size());
      }
    }
  };
  KeyWriter writer(mover_->addresses(), {tag + "written"});
  ASSERT_TRUE(writer.wait_for_writes(10));
  expect_moved({{0, 1, {{300, 300}}}}, kKeys);
  EXPECT_EQ(mover_->ask(1, {"CLUSTER", "COUNTKEYSINSLOT", "300"}).integer, kKeys + 2);
  expect_moved({{1, 0, {{300, 300}}}}, kKeys);
  EXPECT_THAT(writer.stop().wrong, testing::IsEmpty());
  writer.expect_all_there();
  for (int i = 0; i < kKeys; i += 997)
    ASSERT_EQ(mover_->ask(0, {"GET", fmt::format("{}{}", tag, i)}).text, std::to_string(i));
  EXPECT_EQ(calls > 0, !GetParam().atomic);
  EXPECT_LT(most, 3000u);
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, {{"FLUSHALL"}}));
}

TEST_P(MoveOnServers, ABigKeyIsToldBeforeItMoves) {
  constexpr int64_t kBytes = 200 << 20;
  std::string key = tags_in("b", {320, 320}, 1)[0] + "big\n";
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, {{"SETRANGE", key, std::to_string(kBytes - 1), "x"}}));
  Result<MovePlan> plan = mover_->plan({{0, 1, {{320, 320}}}}, options);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->keys(), 1);
  EXPECT_GE(plan->bytes(), kBytes);
  EXPECT_EQ(plan->big_keys.size(), GetParam().atomic ? 0u : 1u);
  expect_moved({{0, 1, {{320, 320}}}}, 1);
  EXPECT_EQ(mover_->ask(1, {"STRLEN", key}).integer, kBytes);
  EXPECT_EQ(mover_->ask(0, {"DBSIZE"}).integer, 0);
  if (!GetParam().atomic) {
    EXPECT_THAT(mover_->reporter.warnings, testing::ElementsAre(testing::HasSubstr("big?' of slot 320 has")));
  }
  ASSERT_NO_FATAL_FAILURE(mover_->fill(1, {{"UNLINK", key}}));
  expect_moved({{1, 0, {{320, 320}}}});
}

TEST_P(MoveOnServers, AnInterruptLeavesTheClusterWholeAndTheNextRunFinishes) {
  const cluster::SlotRange slots{400, 599};
  std::vector<std::string> names = tags_in("i", slots, 40'000);
  std::vector<Command> commands;
  for (const std::string& name : names) commands.push_back({"SET", name, "of" + name});
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, commands));
  std::atomic<bool> moving = false;
  mover_->before = [&](const std::vector<engine::Request>& requests) {
    if (asks(requests, {"MIGRATE"}) || asks(requests, {"CLUSTER", "MIGRATESLOTS"})) moving = true;
  };
  mover_->interrupted = [&] { return moving.load(); };
  options.atomic_keys_a_job = 2000;
  Result<MoveResult> moved = mover_->run({{0, 1, {slots}}}, options);
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_TRUE(moved->interrupted);
  EXPECT_LT(moved->slots, 200);
  Result<cluster::Observed> observed = mover_->look();
  ASSERT_TRUE(observed);
  for (const cluster::NodeFacts& node : observed->nodes)
    EXPECT_THAT(node.server.open_slots, testing::IsEmpty());
  ClusterClient client(mover_->addresses());
  for (const std::string& name : names) ASSERT_EQ(client.call({"GET", name})->text, "of" + name);

  mover_->interrupted = [] { return false; };
  cluster::SlotSet left = mover_->owned(0) & cluster::to_set({slots});
  EXPECT_EQ(left.count(), 200u - static_cast<size_t>(moved->slots));
  expect_moved({{0, 1, cluster::to_ranges(left)}});
  for (const std::string& name : names) ASSERT_EQ(mover_->ask(1, {"GET", name}).text, "of" + name);
  expect_moved({{1, 0, {slots}}});
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, {{"FLUSHALL"}}));
}

TEST_P(MoveOnServers, NoFasterThanTheLimitOnBytes) {
  const cluster::SlotRange slots{600, 649};
  std::vector<Command> commands;
  for (const std::string& name : tags_in("f", slots, 500))
    commands.push_back({"SET", name, std::string(1000, 'x')});
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, commands));
  options.max_bytes_per_s = 300'000;
  Result<MoveResult> moved = mover_->run({{0, 1, {slots}}}, options);
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_GT(moved->bytes, 500'000);
  // What a second allows may go at once.
  EXPECT_GT(moved->elapsed_ms, (moved->bytes - 400'000) * 1000 / options.max_bytes_per_s);
  EXPECT_GE(moved->plan.estimated_ms, moved->bytes / 400);
  options.max_bytes_per_s = 0;
  options.max_latency_ms = 1000;
  expect_moved({{1, 0, {slots}}}, 500);
}

TEST_P(MoveOnServers, AServerThatAnswersLateIsAskedAgain) {
  const cluster::SlotRange slots{700, 799};
  std::vector<std::string> names = tags_in("l", slots, 10'000);
  std::vector<Command> commands;
  for (const std::string& name : names) commands.push_back({"SET", name, "of" + name});
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, commands));
  // As it is for a process that was stopped while it waited. By chance, since at every ninth exchange it
  // could be at the same step again and again. One thread moves.
  std::minstd_rand chance(1);
  int late = 0;
  mover_->after = [&](std::vector<engine::Response>& responses) {
    if (responses.empty() || chance() % 9 != 0) return;
    ++late;
    responses[0] = {{}, Error{ErrorCode::kTimeout, "late"}};
  };
  options.atomic_keys_a_job = 1000;
  expect_moved({{0, 1, {slots}}});
  EXPECT_GT(late, 0);
  mover_->after = {};
  for (const std::string& name : names) ASSERT_EQ(mover_->ask(1, {"GET", name}).text, "of" + name);
  expect_moved({{1, 0, {slots}}}, 10'000);
}

TEST_P(MoveOnServers, KeysThatTheTargetHoldsAlready) {
  if (GetParam().atomic) GTEST_SKIP() << "a matter of MIGRATE";
  std::string name = tags_in("s", {800, 800}, 1)[0];
  ASSERT_NO_FATAL_FAILURE(mover_->fill(1, {{"CLUSTER", "SETSLOT", "800", "IMPORTING", cluster_->id(0)}}));
  engine::Response stray =
      mover_->fleet.fleet.exchange({{cluster_->address(1), {{"ASKING"}, {"SET", name, "stray"}}}}, 3000)[0];
  ASSERT_TRUE(stray.ok() && stray.replies[1].ok());
  ASSERT_NO_FATAL_FAILURE(mover_->fill(1, {{"CLUSTER", "SETSLOT", "800", "STABLE"}}));
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, {{"SET", name, "right"}}));
  Result<MoveResult> moved = mover_->run({{0, 1, {{800, 801}}}}, options);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kConflict);
  EXPECT_THAT(moved.error().message, testing::HasSubstr("1 key of slot 800"));
  mover_->expect_all_see({{800, 801}}, {cluster_->id(0)});
  options.replace = true;
  expect_moved({{0, 1, {{800, 801}}}}, 1);
  EXPECT_EQ(mover_->ask(1, {"GET", name}).text, "right");
  expect_moved({{1, 0, {{800, 801}}}}, 1);
}

TEST_P(MoveOnServers, AFullTargetStopsTheMoveAndEveryKeyIsServed) {
  const cluster::SlotRange slots{900, 949};
  std::vector<std::string> names = tags_in("o", slots, 2000);
  std::vector<Command> commands;
  for (const std::string& name : names) commands.push_back({"SET", name, std::string(10'000, 'x')});
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, commands));
  int64_t used = used_memory(2);
  ASSERT_NO_FATAL_FAILURE(mover_->fill(2, {{"CONFIG", "SET", "maxmemory", std::to_string(used + 5'000'000),
                                            "maxmemory-policy", "noeviction"}}));
  Result<MoveResult> moved = mover_->run({{0, 2, {slots}}}, options);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kExhausted) << moved.error().message;
  EXPECT_THAT(moved.error().message, testing::HasSubstr(to_string(cluster_->address(2))));
  ClusterClient client(mover_->addresses());
  for (const std::string& name : names) ASSERT_EQ(client.call({"STRLEN", name})->integer, 10'000) << name;
  ASSERT_NO_FATAL_FAILURE(mover_->fill(2, {{"CONFIG", "SET", "maxmemory", "0"}}));
  cluster::SlotSet left = mover_->owned(0) & cluster::to_set({slots});
  if (left.any()) expect_moved({{0, 2, cluster::to_ranges(left)}});
  for (const std::string& name : names) ASSERT_EQ(mover_->ask(2, {"STRLEN", name}).integer, 10'000) << name;
  expect_moved({{2, 0, {slots}}});
  ASSERT_NO_FATAL_FAILURE(mover_->fill(0, {{"FLUSHALL"}}));
}

TEST_P(MoveOnServers, AWrongPasswordIsDenied) {
  if (GetParam().atomic) GTEST_SKIP() << "a matter of MIGRATE";
  // Between two between which nothing else moves: the source keeps a connection to a target for a while, and
  // on one that is logged in already a wrong password does not keep RESTORE from being carried out.
  ASSERT_NO_FATAL_FAILURE(mover_->fill(2, {{"SET", tags_in("w", {11960, 11960}, 1)[0], "x"}}));
  mover_->password = "wrong";
  Result<MoveResult> moved = mover_->run({{2, 1, {{11960, 11960}}}}, options);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kDenied) << moved.error().message;
  EXPECT_THAT(moved.error().message, testing::Not(testing::HasSubstr("wrong")));
  mover_->expect_all_see({{11960, 11960}}, {cluster_->id(2)});
}

}  // namespace
}  // namespace keyway::admin
