// Real servers of every engine, damaged in every way that needs no dead node, and mended. One cluster of an
// engine serves all of these tests: mending leaves it in order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "admin/check.h"
#include "admin/test_damage.h"

namespace keyway::admin {
namespace {

using cluster::Slot;
using cluster::Trouble;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Three primaries, three replicas.
class Fix : public testing::TestWithParam<engine::TestEngine> {
 protected:
  static void SetUpTestSuite() {
    clusters_ = new std::map<std::string, DamagedCluster>();
    for (const engine::TestEngine& engine : engine::test_engines())
      clusters_->try_emplace(engine.name, engine, 3, 3);
  }
  static void TearDownTestSuite() { delete std::exchange(clusters_, nullptr); }

  void SetUp() override {
    cluster_ = &clusters_->at(GetParam().name);
    surgeon_ = std::make_unique<Surgeon>(*cluster_);
    ASSERT_TRUE(surgeon_->whole(kAll));
    CheckResult before = look({.search_keys = true, .settle_timeout_ms = 10'000});
    ASSERT_THAT(before.findings, IsEmpty()) << texts(before.findings);
  }

  CheckResult look(const CheckOptions& options = {}) {
    Result<CheckResult> result = check(surgeon_->session, cluster_->address(0), options);
    EXPECT_TRUE(result) << result.error().message;
    return result.value_or(CheckResult{});
  }

  // Mends, and expects order and every key.
  FixResult mend(FixOptions options = {}) {
    Result<FixResult> result = fix(surgeon_->session, cluster_->address(1), options);
    EXPECT_TRUE(result) << result.error().message;
    if (!result) return {};
    EXPECT_THAT(result->after.findings, IsEmpty()) << texts(result->after.findings) << warnings();
    EXPECT_FALSE(result->done.empty());
    CheckResult after = look({.search_keys = true});
    EXPECT_THAT(after.findings, IsEmpty()) << texts(after.findings);
    surgeon_->expect_all_keys(kAll);
    return *result;
  }
  std::string warnings() const { return join(surgeon_->reporter.warnings, "\n"); }

  // Opens the slot as a reshard does, and moves the keys below `moved` of `keys`.
  void begin_move(size_t from, size_t to, Slot slot, int keys, int moved) {
    for (int i = 0; i < keys; ++i) surgeon_->put(from, slot, i, fmt::format("v{}", i));
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
  }
  // Keys of the slot that a node holds.
  int64_t count(size_t node, Slot slot) {
    return surgeon_->ask(node, {"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}).integer;
  }
  // A slot of the primary that no test has used.
  Slot fresh(size_t primary) {
    static int used = 0;
    return static_cast<Slot>(cluster_->first_slot(primary) + 100 + used++);
  }

  static inline const std::vector<size_t> kAll = {0, 1, 2, 3, 4, 5};
  static inline std::map<std::string, DamagedCluster>* clusters_ = nullptr;
  DamagedCluster* cluster_ = nullptr;
  std::unique_ptr<Surgeon> surgeon_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Fix);
INSTANTIATE_TEST_SUITE_P(Engines, Fix, testing::ValuesIn(engine::test_engines()), engine::test_name);

TEST_P(Fix, FinishesAMoveFromWhereItStands) {
  Slot slot = fresh(0);
  begin_move(0, 1, slot, 20, 7);
  surgeon_->put(0, slot, 15, "newer");
  CheckResult seen = look();
  ASSERT_THAT(troubles(seen.findings), ElementsAre(Trouble::kOpenSlot)) << texts(seen.findings);
  EXPECT_THAT(seen.findings[0].text, HasSubstr("7 keys of it on " + to_string(cluster_->address(1))));
  FixResult fixed = mend();
  EXPECT_EQ(fixed.keys_moved, 13);
  EXPECT_EQ(count(1, slot), 20);
  EXPECT_EQ(count(0, slot), 0);
}

TEST_P(Fix, FinishesAMoveWhoseTargetLostItsFlag) {
  Slot slot = fresh(0);
  begin_move(0, 1, slot, 20, 7);
  surgeon_->must_set_slot(1, slot, "STABLE");
  EXPECT_THAT(troubles(look().findings), ElementsAre(Trouble::kOpenSlot));
  mend();
  EXPECT_EQ(count(1, slot), 20);
}

// Servers of which one does not answer for its keys, as often as told.
class Reticent : public engine::Servers {
 public:
  Reticent(engine::Servers& servers, Address silent, int times)
      : servers_(servers), silent_(std::move(silent)), times_(times) {}

  std::vector<engine::Response> exchange(const std::vector<engine::Request>& requests,
                                         int64_t timeout_ms) override {
    std::vector<engine::Response> responses = servers_.exchange(requests, timeout_ms);
    for (size_t i = 0; i < requests.size(); ++i) {
      bool counts = false;
      for (const resp::Command& command : requests[i].commands) {
        counts = counts || (command.size() > 1 && command[1] == "COUNTKEYSINSLOT");
      }
      if (!counts || requests[i].address != silent_ || times_ == 0) continue;
      --times_;
      responses[i] = {{}, Error{ErrorCode::kTimeout, "it said nothing"}};
    }
    return responses;
  }

 private:
  engine::Servers& servers_;
  Address silent_;
  int times_;
};

TEST_P(Fix, DoesNotTakeSilenceForNoKeys) {
  Slot slot = fresh(0);
  begin_move(0, 1, slot, 20, 7);
  surgeon_->must_set_slot(1, slot, "STABLE");
  for (int times : {1000, 4}) {
    Reticent reticent(surgeon_->fleet, cluster_->address(1), times);
    Session session{
        reticent, {}, surgeon_->reporter, [] { return false; }, engine::kTestUser, engine::kTestPassword};
    Result<FixResult> result = fix(session, cluster_->address(0), {.check = {.settle_timeout_ms = 500}});
    ASSERT_TRUE(result) << result.error().message;
    bool told = times < 1000;
    EXPECT_EQ(result->after.findings.empty(), told) << texts(result->after.findings);
    EXPECT_EQ(result->done.empty(), !told);
    EXPECT_THAT(warnings(), HasSubstr("it said nothing"));
  }
  surgeon_->expect_all_keys(kAll);
  EXPECT_EQ(count(1, slot), 20);
}

TEST_P(Fix, BringsKeysBackWhoseSourceLostItsFlag) {
  Slot slot = fresh(0);
  begin_move(0, 1, slot, 20, 7);
  surgeon_->must_set_slot(0, slot, "STABLE");
  EXPECT_THAT(troubles(look().findings), ElementsAre(Trouble::kStrayKeys, Trouble::kOpenSlot));
  mend();
  EXPECT_EQ(count(0, slot), 20);
}

TEST_P(Fix, ClosesWhatIsOpenForNothing) {
  Slot slot = fresh(2);
  surgeon_->put(2, slot, 1, "here");
  surgeon_->must_set_slot(2, slot, "MIGRATING", cluster_->id(0));
  Slot other = fresh(2);
  surgeon_->must_set_slot(0, other, "IMPORTING", cluster_->id(2));
  EXPECT_THAT(troubles(look().findings), ElementsAre(Trouble::kOpenSlot, Trouble::kOpenSlot));
  mend();
  EXPECT_EQ(count(2, slot), 1);
}

TEST_P(Fix, GathersFromSeveralImporters) {
  Slot slot = fresh(1);
  for (int i = 0; i < 4; ++i) surgeon_->put(1, slot, i, "owner's");
  surgeon_->put_stray(0, 1, slot, 10, "first's");
  surgeon_->put_stray(2, 1, slot, 20, "second's");
  for (size_t node : {size_t{0}, size_t{2}})
    surgeon_->must_set_slot(node, slot, "IMPORTING", cluster_->id(1));
  mend();
  EXPECT_EQ(count(1, slot), 6);
}

TEST_P(Fix, GathersStrayKeys) {
  Slot slot = fresh(0);
  for (int i = 0; i < 5; ++i) surgeon_->put(0, slot, i, "owner's");
  for (int i = 5; i < 8; ++i) surgeon_->put_stray(2, 0, slot, i, "lost");
  surgeon_->put_stray(2, 0, slot, 1, "owner's");  // the same on both
  EXPECT_THAT(look().findings, IsEmpty());
  CheckResult seen = look({.search_keys = true});
  ASSERT_THAT(troubles(seen.findings), ElementsAre(Trouble::kStrayKeys));
  EXPECT_THAT(seen.findings[0].text, HasSubstr("4 keys of slot"));
  FixResult fixed = mend();
  EXPECT_EQ(fixed.keys_moved, 3);
  EXPECT_EQ(count(0, slot), 8);
  EXPECT_EQ(count(2, slot), 0);
}

TEST_P(Fix, ComparesValuesOfAllTypes) {
  Slot slot = fresh(0);
  auto build = [&](size_t node, bool reversed) {
    surgeon_->must_set_slot(2, slot, "IMPORTING", cluster_->id(0));
    for (int i = 0; i < 600; ++i) {  // large enough for hash tables, whose order is each server's own
      std::string element = fmt::format("element-{}", reversed ? 599 - i : i);
      for (const resp::Command& command : {resp::Command{"SADD", surgeon_->key_of(slot, 1), element},
                                           resp::Command{"HSET", surgeon_->key_of(slot, 2), element, "value"},
                                           resp::Command{"ZADD", surgeon_->key_of(slot, 3), "7", element}}) {
        surgeon_->fleet.exchange({{cluster_->address(node), {{"ASKING"}, command}}}, 3000);
      }
    }
    surgeon_->fleet.exchange(
        {{cluster_->address(node), {{"ASKING"}, {"RPUSH", surgeon_->key_of(slot, 4), "a", "b", "c"}}}}, 3000);
    surgeon_->must_set_slot(2, slot, "STABLE");
  };
  build(0, false);
  build(2, true);
  ASSERT_EQ(count(0, slot), 4);
  ASSERT_EQ(count(2, slot), 4);
  FixResult fixed = mend();
  EXPECT_EQ(fixed.keys_moved, 0);
  EXPECT_EQ(count(2, slot), 0);
  EXPECT_THAT(fixed.done, Contains(HasSubstr("dropped 4 keys")));
}

TEST_P(Fix, AsksWhoseValueStays) {
  Slot slot = fresh(0);
  surgeon_->put_stray(1, 0, slot, 1, "stray");
  surgeon_->put_stray(1, 0, slot, 2, "only here");
  surgeon_->put(0, slot, 1, "owner's");
  mend();
  ASSERT_EQ(surgeon_->reporter.questions.size(), 1u);
  EXPECT_THAT(surgeon_->reporter.questions[0], HasSubstr("Keep what " + to_string(cluster_->address(0))));
  EXPECT_THAT(warnings(), HasSubstr("string"));
  EXPECT_EQ(count(1, slot), 0);
}

TEST_P(Fix, PrefersTheNodeThatItIsTold) {
  Slot slot = fresh(0);
  surgeon_->put(0, slot, 1, "owner's");
  surgeon_->put_stray(1, 0, slot, 1, "stray");
  mend({.yes = true, .prefer = to_string(cluster_->address(1))});
  EXPECT_THAT(surgeon_->reporter.questions, IsEmpty());
  EXPECT_EQ(count(1, slot), 0);
}

TEST_P(Fix, LosesNoValueWithoutAWord) {
  Slot slot = fresh(0);
  surgeon_->put_stray(1, 0, slot, 1, "stray");
  surgeon_->put(0, slot, 1, "owner's");
  Result<FixResult> result = fix(surgeon_->session, cluster_->address(0), {.yes = true});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(troubles(result->after.findings), ElementsAre(Trouble::kStrayKeys));
  EXPECT_EQ(count(1, slot), 1);
  EXPECT_EQ(count(0, slot), 1);
  EXPECT_THAT(warnings(), HasSubstr("--prefer"));
  mend({.prefer = cluster_->id(0).substr(0, 40)});
}

TEST_P(Fix, TimesToLiveMatter) {
  Slot slot = fresh(0);
  surgeon_->put_stray(1, 0, slot, 1, "value");
  surgeon_->put(0, slot, 1, "value");
  surgeon_->must(0, {"PEXPIRE", surgeon_->key_of(slot, 1), "3600000"});
  mend();
  EXPECT_EQ(surgeon_->reporter.questions.size(), 1u);
  EXPECT_GT(surgeon_->ask(0, {"PTTL", surgeon_->key_of(slot, 1)}).integer, 3'000'000);
}

TEST_P(Fix, GivesSlotsThatNobodyOwnsToWhoHasTheirKeys) {
  Slot slot = fresh(2);
  for (int i = 0; i < 3; ++i) surgeon_->put(2, slot, i, "v");
  surgeon_->put_stray(0, 2, slot, 7, "one more");
  Slot empty = fresh(2);
  for (size_t node : kAll) {
    if (node >= 3) continue;
    surgeon_->must(node, {"CLUSTER", "DELSLOTS", std::to_string(slot), std::to_string(empty)});
  }
  CheckResult seen = look();
  EXPECT_THAT(troubles(seen.findings), Contains(Trouble::kUncovered)) << texts(seen.findings);
  mend();
  EXPECT_EQ(count(2, slot), 4);
}

TEST_P(Fix, ASlotThatOnlyItsOwnerLetGo) {
  Slot slot = fresh(1);
  surgeon_->put(1, slot, 1, "v");
  surgeon_->must(1, {"CLUSTER", "DELSLOTS", std::to_string(slot)});
  mend();
  EXPECT_EQ(count(1, slot), 1);
}

TEST_P(Fix, ADryRunOnlyTells) {
  Slot slot = fresh(0);
  surgeon_->put_stray(1, 0, slot, 1, "stray");
  Result<FixResult> result = fix(surgeon_->session, cluster_->address(0), {.dry_run = true});
  ASSERT_TRUE(result);
  EXPECT_THAT(result->done, IsEmpty());
  EXPECT_THAT(troubles(result->after.findings), ElementsAre(Trouble::kStrayKeys));
  EXPECT_EQ(count(1, slot), 1);
  mend();
}

}  // namespace
}  // namespace keyway::admin
