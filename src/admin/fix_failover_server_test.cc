// Real servers of every engine, of which some are killed, in the middle of a move too; and the others mended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/check.h"
#include "admin/test_damage.h"

namespace keyway::admin {
namespace {

using cluster::Finding;
using cluster::Slot;
using cluster::Trouble;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Trouble> troubles(const std::vector<Finding>& findings) {
  std::vector<Trouble> all;
  for (const Finding& finding : findings) all.push_back(finding.trouble);
  return all;
}

std::string texts(const std::vector<Finding>& findings) {
  std::string all;
  for (const Finding& finding : findings)
    all += fmt::format("{}: {}\n", to_string(finding.trouble), finding.text);
  return all;
}

class FixAfterDeath : public testing::TestWithParam<engine::TestEngine> {
 protected:
  void build(int primaries, int replicas, const DamagedCluster::Edit& edit = {}) {
    cluster_ = std::make_unique<DamagedCluster>(GetParam(), primaries, replicas, edit);
    surgeon_ = std::make_unique<Surgeon>(*cluster_);
    for (size_t i = 0; i < cluster_->size(); ++i) alive_.push_back(i);
    ASSERT_TRUE(surgeon_->whole(alive_));
  }

  void kill(size_t node) {
    cluster_->server(node).kill();
    std::erase(alive_, node);
    // Until the others have noticed that the connection is gone.
    ASSERT_TRUE(engine::wait_until([&] {
      for (size_t viewer : alive_) {
        if (line(viewer, node).find("disconnected") == std::string::npos) return false;
      }
      return true;
    }));
  }
  std::string line(size_t viewer, size_t node) {
    std::string nodes = surgeon_->ask(viewer, {"CLUSTER", "NODES"}).text;
    for (std::string_view line : split(nodes, '\n')) {
      if (line.starts_with(cluster_->id(node))) return std::string(line);
    }
    return "";
  }
  void fail_over(size_t replica) {
    surgeon_->must(replica, {"CLUSTER", "FAILOVER", "FORCE"});
    ASSERT_TRUE(engine::wait_until([&] {
      for (size_t viewer : alive_) {
        if (line(viewer, replica).find("master") == std::string::npos) return false;
      }
      return true;
    }));
  }

  bool has_replica(size_t node) {
    return surgeon_->ask(node, {"INFO", "replication"}).text.find("connected_slaves:0") == std::string::npos;
  }
  // 20 keys, those below `moved` of which are on their way already.
  void begin_move(size_t from, size_t to, Slot slot, int moved) {
    for (int i = 0; i < 20; ++i) surgeon_->put(from, slot, i, fmt::format("v{}", i));
    surgeon_->must_set_slot(to, slot, "IMPORTING", cluster_->id(from));
    surgeon_->must_set_slot(from, slot, "MIGRATING", cluster_->id(to));
    resp::Command migrate = {"MIGRATE",
                             "127.0.0.1",
                             std::to_string(cluster_->address(to).port),
                             "",
                             "0",
                             "3000",
                             "AUTH2",
                             engine::kTestUser,
                             engine::kTestPassword,
                             "KEYS"};
    for (int i = 0; i < moved; ++i) migrate.push_back(surgeon_->key_of(slot, i));
    if (moved > 0) surgeon_->must(from, migrate);
    for (size_t node : {from, to}) {
      if (!has_replica(node)) continue;
      ASSERT_GE(surgeon_->ask(node, {"WAIT", "1", "2000"}).integer, 1);
    }
  }
  int64_t count(size_t node, Slot slot) {
    return surgeon_->ask(node, {"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}).integer;
  }

  // What is left must be that the dead do not answer.
  FixResult mend(const FixOptions& options = {}) {
    Result<FixResult> result = fix(surgeon_->session, cluster_->address(alive_.back()), options);
    EXPECT_TRUE(result) << result.error().message;
    if (!result) return {};
    EXPECT_THAT(troubles(result->after.findings), Each(Trouble::kUnreachable))
        << texts(result->after.findings) << join(surgeon_->reporter.warnings, "\n");
    EXPECT_TRUE(surgeon_->whole(alive_));
    surgeon_->expect_all_keys(alive_);
    return *result;
  }

  std::unique_ptr<DamagedCluster> cluster_;
  std::unique_ptr<Surgeon> surgeon_;
  std::vector<size_t> alive_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FixAfterDeath);
INSTANTIATE_TEST_SUITE_P(Engines, FixAfterDeath, testing::ValuesIn(engine::test_engines()),
                         engine::test_name);

TEST_P(FixAfterDeath, TheTargetOfAMove) {
  build(3, 3);
  Slot slot = 100;
  begin_move(0, 1, slot, 7);
  kill(1);
  FixResult fixed = mend();
  EXPECT_THAT(fixed.done, Contains(HasSubstr("took over")));
  EXPECT_EQ(count(4, slot), 20);
  EXPECT_EQ(count(0, slot), 0);
}

TEST_P(FixAfterDeath, TheSourceOfAMove) {
  build(3, 3);
  Slot slot = 100;
  begin_move(0, 1, slot, 12);
  kill(0);
  FixResult fixed = mend();
  EXPECT_THAT(fixed.done, Contains(HasSubstr("took over")));
  EXPECT_EQ(count(1, slot), 20);
  EXPECT_EQ(count(3, slot), 0);
}

TEST_P(FixAfterDeath, BothSidesOfAMove) {
  build(3, 3);
  Slot slot = 100;
  begin_move(0, 1, slot, 12);
  kill(0);
  fail_over(3);
  kill(1);
  fail_over(4);
  mend();
  EXPECT_EQ(count(3, slot) + count(4, slot), 20);
}

// Between the failover and the mending clients have written again what they did not find.
TEST_P(FixAfterDeath, KeysWrittenAnewMeanwhile) {
  build(3, 3);
  Slot slot = 100;
  begin_move(0, 1, slot, 12);
  kill(0);
  fail_over(3);
  std::string key = surgeon_->key_of(slot, 3);
  std::string found = surgeon_->get(3, key);
  bool flags_lost = found.empty();  // Redis; Valkey keeps them, so that clients are sent on
  if (flags_lost) {
    surgeon_->put(3, slot, 3, "anew");
  } else {
    EXPECT_EQ(found, "v3");
  }
  mend({.prefer = to_string(cluster_->address(3))});
  EXPECT_EQ(count(1, slot), 20);
}

TEST_P(FixAfterDeath, ThePrimaryThatWasReplacedDoesNotHinder) {
  build(3, 3);
  kill(1);
  fail_over(4);
  CheckResult seen = check(surgeon_->session, cluster_->address(0), {}).value_or(CheckResult{});
  EXPECT_THAT(troubles(seen.findings), ElementsAre(Trouble::kUnreachable)) << texts(seen.findings);
  begin_move(0, 2, 100, 5);
  mend();
  EXPECT_EQ(count(2, 100), 20);
}

TEST_P(FixAfterDeath, WithoutAMajority) {
  build(3, 3);
  surgeon_->put(0, 5, 1, "value");
  ASSERT_EQ(surgeon_->ask(0, {"WAIT", "1", "2000"}).integer, 1);
  kill(0);
  kill(1);
  mend();
  EXPECT_THAT(surgeon_->reporter.questions, Contains(HasSubstr("without a vote")));
}

TEST_P(FixAfterDeath, SlotsOfAPrimaryWithoutAReplica) {
  build(3, 1);  // the first one has a replica
  begin_move(0, 1, 100, 5);
  kill(2);
  Result<FixResult> first = fix(surgeon_->session, cluster_->address(0), {.yes = true});
  ASSERT_TRUE(first);
  EXPECT_THAT(troubles(first->after.findings), ElementsAre(Trouble::kUncovered, Trouble::kUnreachable))
      << texts(first->after.findings);
  EXPECT_EQ(count(1, 100), 20) << "all else is mended";
  FixResult fixed = mend({.with_unreachable_primaries = true});
  EXPECT_THAT(surgeon_->reporter.questions, Contains(HasSubstr("are lost")));
  EXPECT_THAT(fixed.done, Contains(HasSubstr("owns slots")));
}

// A primary that gets its first slot, and its replica.
TEST_P(FixAfterDeath, ATargetThatHadNoSlotsYet) {
  build(3, 3, [](size_t, DamagedCluster::Table& table) {
    table[0].slots = {{0, 10922}};
    table[1].slots.clear();
  });
  begin_move(0, 1, 100, 5);
  kill(1);
  mend();
  EXPECT_EQ(count(4, 100), 20);
}

TEST_P(FixAfterDeath, ATargetThatIsGoneWithAllItHad) {
  build(3, 1, [](size_t, DamagedCluster::Table& table) {
    table[0].slots = {{0, 10922}};
    table[1].slots.clear();
  });
  begin_move(0, 1, 100, 0);
  kill(1);
  mend();
  EXPECT_EQ(count(0, 100), 20);
  EXPECT_THAT(surgeon_->reporter.questions, ElementsAre(HasSubstr("Leave it with")));
}

}  // namespace
}  // namespace keyway::admin
