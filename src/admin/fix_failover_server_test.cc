// Real servers of every engine, of which some are killed, in the middle of a move too; and the others mended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/check.h"
#include "admin/test_damage.h"

namespace keyway::admin {
namespace {

using cluster::Slot;
using cluster::Trouble;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

class Deaths {
 public:
  explicit Deaths(engine::TestEngine engine) : engine_(std::move(engine)) {}

  void build(int primaries, int replicas, const DamagedCluster::Edit& edit = {}) {
    cluster = std::make_unique<DamagedCluster>(engine_, primaries, replicas, edit,
                                               "cluster-node-timeout 15000\n");  // no failover by itself
    surgeon = std::make_unique<Surgeon>(*cluster);
    for (size_t i = 0; i < cluster->size(); ++i) alive.push_back(i);
    ASSERT_TRUE(surgeon->whole(alive));
  }

  void kill(size_t node) {
    cluster->server(node).kill();
    std::erase(alive, node);
    // Until the others have noticed that the connection is gone.
    ASSERT_TRUE(engine::wait_until([&] {
      for (size_t viewer : alive) {
        if (line(viewer, node).find("disconnected") == std::string::npos) return false;
      }
      return true;
    }));
  }
  std::string line(size_t viewer, size_t node) {
    std::string nodes = surgeon->ask(viewer, {"CLUSTER", "NODES"}).text;
    for (std::string_view line : split(nodes, '\n')) {
      if (line.starts_with(cluster->id(node))) return std::string(line);
    }
    return "";
  }
  void fail_over(size_t replica) {
    surgeon->must(replica, {"CLUSTER", "FAILOVER", "FORCE"});
    ASSERT_TRUE(engine::wait_until([&] {
      for (size_t viewer : alive) {
        if (line(viewer, replica).find("master") == std::string::npos) return false;
      }
      return true;
    }));
  }

  // 20 keys, those below `moved` of which are on their way already.
  void begin_move(size_t from, size_t to, Slot slot, int moved) {
    for (int i = 0; i < 20; ++i) surgeon->put(from, slot, i, fmt::format("v{}", i));
    surgeon->must_set_slot(to, slot, "IMPORTING", cluster->id(from));
    surgeon->must_set_slot(from, slot, "MIGRATING", cluster->id(to));
    resp::Command migrate = {"MIGRATE",
                             "127.0.0.1",
                             std::to_string(cluster->address(to).port),
                             "",
                             "0",
                             "3000",
                             "AUTH2",
                             engine::kTestUser,
                             engine::kTestPassword,
                             "KEYS"};
    for (int i = 0; i < moved; ++i) migrate.push_back(surgeon->key_of(slot, i));
    if (moved > 0) surgeon->must(from, migrate);
    // Their replicas, if they have any, are to know as much. WAIT tells only of what its own client wrote.
    ASSERT_TRUE(engine::wait_until([&] {
      bool same = true;
      for (size_t node : {from, to}) {
        size_t replica = node + 3;
        if (replica < cluster->size()) same = same && count(replica, slot) == count(node, slot);
      }
      return same;
    }));
  }
  int64_t count(size_t node, Slot slot) {
    return surgeon->ask(node, {"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}).integer;
  }

  // The target of a move was lost. A Valkey server would take back what its successor has: what it imported
  // stays as it is unless a person gives it up.
  FixResult mend_without_target() {
    if (!engine_.name.starts_with("valkey")) return mend();
    Result<FixResult> first = fix(surgeon->session, cluster->address(alive.back()), {});
    EXPECT_TRUE(first) << first.error().message;
    EXPECT_THAT(surgeon->reporter.warnings, Contains(HasSubstr("was lost while it imported them")));
    if (!first) return {};
    EXPECT_THAT(troubles(first->after.findings), Contains(Trouble::kOpenSlot));
    FixResult both = mend({.with_unreachable_primaries = true});
    both.done.insert(both.done.begin(), first->done.begin(), first->done.end());
    return both;
  }

  // What is left must be that the dead do not answer.
  FixResult mend(const FixOptions& options = {}) {
    Result<FixResult> result = fix(surgeon->session, cluster->address(alive.back()), options);
    EXPECT_TRUE(result) << result.error().message;
    if (!result) return {};
    EXPECT_THAT(troubles(result->after.findings), Each(Trouble::kUnreachable))
        << texts(result->after.findings) << join(surgeon->reporter.warnings, "\n");
    EXPECT_TRUE(surgeon->whole(alive));
    surgeon->expect_all_keys(alive);
    return *result;
  }

  engine::TestEngine engine_;
  std::unique_ptr<DamagedCluster> cluster;
  std::unique_ptr<Surgeon> surgeon;
  std::vector<size_t> alive;
};

void on_every_engine(const std::function<void(Deaths&)>& run) { admin::on_every_engine<Deaths>(run); }

TEST(FixAfterDeath, TheTargetOfAMove) {
  on_every_engine([](Deaths& on) {
    on.build(3, 3);
    Slot slot = 100;
    on.begin_move(0, 1, slot, 7);
    on.kill(1);
    FixResult fixed = on.mend_without_target();
    EXPECT_THAT(fixed.done, Contains(HasSubstr("took over")));
    EXPECT_EQ(on.count(4, slot), 20);
    EXPECT_EQ(on.count(0, slot), 0);
  });
}

TEST(FixAfterDeath, TheSourceOfAMove) {
  on_every_engine([](Deaths& on) {
    on.build(3, 3);
    Slot slot = 100;
    on.begin_move(0, 1, slot, 12);
    on.kill(0);
    FixResult fixed = on.mend();
    EXPECT_THAT(fixed.done, Contains(HasSubstr("took over")));
    EXPECT_EQ(on.count(1, slot), 20);
    EXPECT_EQ(on.count(3, slot), 0);
  });
}

TEST(FixAfterDeath, BothSidesOfAMove) {
  on_every_engine([](Deaths& on) {
    on.build(3, 3);
    Slot slot = 100;
    on.begin_move(0, 1, slot, 12);
    on.kill(0);
    on.fail_over(3);
    on.kill(1);
    on.fail_over(4);
    on.mend_without_target();
    EXPECT_EQ(on.count(3, slot) + on.count(4, slot), 20);
  });
}

// Between the failover and the mending clients have written again what they did not find.
TEST(FixAfterDeath, KeysWrittenAnewMeanwhile) {
  on_every_engine([](Deaths& on) {
    on.build(3, 3);
    Slot slot = 100;
    on.begin_move(0, 1, slot, 12);
    on.kill(0);
    on.fail_over(3);
    std::string key = on.surgeon->key_of(slot, 3);
    std::string found = on.surgeon->get(3, key);
    bool flags_lost = found.empty();  // Redis; Valkey keeps them, so that clients are sent on
    if (flags_lost) {
      on.surgeon->put(3, slot, 3, "anew");
    } else {
      EXPECT_EQ(found, "v3");
    }
    on.mend({.prefer = to_string(on.cluster->address(3))});
    EXPECT_EQ(on.count(1, slot), 20);
  });
}

TEST(FixAfterDeath, ThePrimaryThatWasReplacedDoesNotHinder) {
  on_every_engine([](Deaths& on) {
    on.build(3, 3);
    on.kill(1);
    on.fail_over(4);
    CheckResult seen = check(on.surgeon->session, on.cluster->address(0), {}).value_or(CheckResult{});
    EXPECT_THAT(troubles(seen.findings), ElementsAre(Trouble::kUnreachable)) << texts(seen.findings);
    on.begin_move(0, 2, 100, 5);
    on.mend();
    EXPECT_EQ(on.count(2, 100), 20);
  });
}

TEST(FixAfterDeath, WithoutAMajority) {
  on_every_engine([](Deaths& on) {
    on.build(3, 3);
    on.surgeon->put(0, 5, 1, "value");
    ASSERT_EQ(on.surgeon->ask(0, {"WAIT", "1", "2000"}).integer, 1);
    on.kill(0);
    on.kill(1);
    on.mend();
    EXPECT_THAT(on.surgeon->reporter.questions, Contains(HasSubstr("without a vote")));
  });
}

TEST(FixAfterDeath, SlotsOfAPrimaryWithoutAReplica) {
  on_every_engine([](Deaths& on) {
    on.build(3, 1);  // the first one has a replica
    on.begin_move(0, 1, 100, 5);
    on.kill(2);
    Result<FixResult> first = fix(on.surgeon->session, on.cluster->address(0), {.yes = true});
    ASSERT_TRUE(first);
    EXPECT_THAT(troubles(first->after.findings), ElementsAre(Trouble::kUncovered, Trouble::kUnreachable))
        << texts(first->after.findings);
    EXPECT_EQ(on.count(1, 100), 20) << "all else is mended";
    FixResult fixed = on.mend({.with_unreachable_primaries = true});
    EXPECT_THAT(on.surgeon->reporter.questions, Contains(HasSubstr("are lost")));
    EXPECT_THAT(fixed.done, Contains(HasSubstr("owns slots")));
  });
}

// A primary that gets its first slot, and its replica.
TEST(FixAfterDeath, ATargetThatHadNoSlotsYet) {
  on_every_engine([](Deaths& on) {
    on.build(3, 3, [](size_t, DamagedCluster::Table& table) {
      table[0].slots = {{0, 10922}};
      table[1].slots.clear();
    });
    on.begin_move(0, 1, 100, 5);
    on.kill(1);
    on.mend_without_target();
    EXPECT_EQ(on.count(4, 100), 20);
  });
}

TEST(FixAfterDeath, ATargetThatIsGoneWithAllItHad) {
  on_every_engine([](Deaths& on) {
    on.build(3, 1, [](size_t, DamagedCluster::Table& table) {
      table[0].slots = {{0, 10922}};
      table[1].slots.clear();
    });
    on.begin_move(0, 1, 100, 0);
    on.kill(1);
    on.mend();
    EXPECT_EQ(on.count(0, 100), 20);
    EXPECT_THAT(on.surgeon->reporter.questions, ElementsAre(HasSubstr("Leave it with")));
  });
}

}  // namespace
}  // namespace keyway::admin
