// Real servers of every engine that do not agree on who is who and who owns what, and their mending.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/check.h"
#include "admin/test_damage.h"

namespace keyway::admin {
namespace {

using cluster::Slot;
using cluster::Trouble;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class Views {
 public:
  explicit Views(engine::TestEngine engine) : engine_(std::move(engine)) {}

  // The servers cannot reach each other: each one looks for the cluster bus of the others in a wrong place.
  // So nothing heals by itself, and nothing gets worse.
  void build_apart(int primaries, int replicas, const DamagedCluster::Edit& edit = {}) {
    auto without_bus = [&](size_t node, DamagedCluster::Table& table) {
      for (cluster::PeerView& peer : table) {
        if (!peer.myself) peer.bus_port = 1;
      }
      if (edit) edit(node, table);
    };
    build(primaries, replicas, without_bus, "cluster-node-timeout 60000\ncluster-require-full-coverage no\n");
    ASSERT_TRUE(surgeon->whole(std::vector<size_t>(all.begin(), all.begin() + primaries)));
  }
  void build(int primaries, int replicas, const DamagedCluster::Edit& edit, const std::string& config = "") {
    cluster = std::make_unique<DamagedCluster>(engine_, primaries, replicas, edit, config);
    surgeon = std::make_unique<Surgeon>(*cluster);
    for (size_t i = 0; i < cluster->size(); ++i) all.push_back(i);
    ASSERT_TRUE(engine::wait_until([&] {
      for (size_t i : all) {
        if (surgeon->text(cluster->address(i), {"PING"}) != "PONG") return false;
      }
      return true;
    }));
  }

  CheckResult look(size_t seed, const CheckOptions& options = {}) {
    Result<CheckResult> result = check(surgeon->session, cluster->address(seed), options);
    EXPECT_TRUE(result) << result.error().message;
    return result.value_or(CheckResult{});
  }
  FixResult mend(size_t seed) {
    FixOptions options;
    options.check.settle_timeout_ms = 1500;
    Result<FixResult> result = fix(surgeon->session, cluster->address(seed), options);
    EXPECT_TRUE(result) << result.error().message;
    if (!result) return {};
    EXPECT_THAT(result->after.findings, IsEmpty())
        << texts(result->after.findings) << join(surgeon->reporter.warnings, "\n");
    EXPECT_TRUE(surgeon->whole(all));
    surgeon->expect_all_keys(all);
    return *result;
  }
  int64_t count(size_t node, Slot slot) {
    return surgeon->ask(node, {"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}).integer;
  }

  engine::TestEngine engine_;
  std::unique_ptr<DamagedCluster> cluster;
  std::unique_ptr<Surgeon> surgeon;
  std::vector<size_t> all;
};

void on_every_engine(const std::function<void(Views&)>& run) { admin::on_every_engine<Views>(run); }

void forget(DamagedCluster::Table& table, int node) {
  std::erase_if(table, [&](const cluster::PeerView& peer) { return peer.id == engine::test_id('a', node); });
}

// Were they to hear of each other, the one with the lower epoch would give way and delete its keys.
TEST(FixViews, TwoOwners) {
  on_every_engine([](Views& on) {
    constexpr Slot slot = 100;
    on.build_apart(3, 0, [&](size_t node, DamagedCluster::Table& table) {
      if (node == 0) return;  // it does not know
      table[0].slots = {{0, slot - 1}, {slot + 1, 5461}};
      table[1].slots.insert(table[1].slots.begin(), {slot, slot});
    });
    for (int i = 0; i < 10; ++i) on.surgeon->put(0, slot, i, "first's");
    for (int i = 10; i < 15; ++i) on.surgeon->put(1, slot, i, "second's");
    on.surgeon->put(1, slot, 3, "first's");
    CheckResult seen = on.look(2, {.settle_timeout_ms = 300});
    EXPECT_EQ(seen.findings.front().trouble, Trouble::kTwoOwners) << texts(seen.findings);
    on.mend(2);
    EXPECT_EQ(on.count(0, slot) + on.count(1, slot), 15);
  });
}

TEST(FixViews, TwoOwnersThatDoNotKnowEachOther) {
  on_every_engine([](Views& on) {
    constexpr Slot slot = 100;
    on.build_apart(3, 0, [&](size_t node, DamagedCluster::Table& table) {
      if (node == 1) table[1].slots.insert(table[1].slots.begin(), {slot, slot});
      if (node < 2) forget(table, 1 - static_cast<int>(node));
    });
    for (int i = 0; i < 10; ++i) on.surgeon->put(0, slot, i, "first's");
    for (int i = 10; i < 15; ++i) on.surgeon->put(1, slot, i, "second's");
    CheckResult seen = on.look(2, {.settle_timeout_ms = 300});
    EXPECT_EQ(seen.findings.front().trouble, Trouble::kTwoOwners) << texts(seen.findings);
    EXPECT_THAT(troubles(seen.findings), Contains(Trouble::kNeverMet)) << texts(seen.findings);
    on.mend(2);
    EXPECT_EQ(on.count(0, slot) + on.count(1, slot), 15);
  });
}

TEST(FixViews, ANodeThatSomeHaveForgotten) {
  on_every_engine([](Views& on) {
    on.build_apart(3, 0, [](size_t node, DamagedCluster::Table& table) {
      if (node == 1) forget(table, 2);
    });
    on.surgeon->put(2, 16000, 1, "v");
    CheckResult seen = on.look(0, {.settle_timeout_ms = 300});
    EXPECT_THAT(troubles(seen.findings), Contains(Trouble::kHalfForgotten)) << texts(seen.findings);
    EXPECT_THAT(on.mend(0).done, Contains(HasSubstr("introduced")));
  });
}

TEST(FixViews, ADeadNodeThatSomeHaveForgotten) {
  on_every_engine([](Views& on) {
    on.build_apart(3, 1, [](size_t node, DamagedCluster::Table& table) {
      if (node < 2) forget(table, 3);
    });
    on.cluster->server(3).kill();
    on.all.pop_back();
    CheckResult seen = on.look(2, {.settle_timeout_ms = 300});
    EXPECT_THAT(troubles(seen.findings), Contains(Trouble::kUnreachable)) << texts(seen.findings);
    EXPECT_THAT(troubles(seen.findings), Contains(Trouble::kHalfForgotten)) << texts(seen.findings);
    EXPECT_THAT(on.mend(2).done, Contains(HasSubstr("forgot")));
    EXPECT_THAT(on.surgeon->reporter.questions, Contains(HasSubstr("Shall all forget it?")));
  });
}

// The third one knows two that know nobody.
TEST(FixViews, Islands) {
  on_every_engine([](Views& on) {
    on.build_apart(3, 0, [](size_t node, DamagedCluster::Table& table) {
      if (node < 2) table = {table[node]};
    });
    on.surgeon->put(0, 100, 1, "v");
    on.surgeon->put(1, 6000, 1, "v");
    on.mend(2);
  });
}

TEST(FixViews, EqualEpochs) {
  on_every_engine([](Views& on) {
    on.build_apart(3, 0, [](size_t, DamagedCluster::Table& table) {
      for (cluster::PeerView& peer : table) peer.config_epoch = 1;
    });
    on.surgeon->put(0, 100, 1, "v");
    on.surgeon->put(1, 6000, 1, "v");
    CheckResult seen = on.look(2, {.settle_timeout_ms = 300});
    EXPECT_THAT(troubles(seen.findings), Contains(Trouble::kEqualEpochs)) << texts(seen.findings);
    on.mend(2);
  });
}

TEST(FixViews, AddressesOfBefore) {
  on_every_engine([](Views& on) {
    on.build_apart(2, 1, [](size_t node, DamagedCluster::Table& table) {
      if (node < 2) table[1 - node].address.port = 1;
    });
    on.surgeon->put(0, 100, 1, "v");
    CheckResult seen = on.look(2, {.settle_timeout_ms = 300});
    EXPECT_THAT(troubles(seen.findings), Contains(Trouble::kStaleAddress)) << texts(seen.findings);
    on.mend(2);
  });
}

// A primary and a replica heard of a higher epoch than the owner has. Let alone, they would tell the owner
// that the slot is not its own, and it would delete its keys.
TEST(FixViews, ThoseWhoTakeASlotForAnothers) {
  on_every_engine([](Views& on) {
    constexpr Slot slot = 100;
    on.build_apart(3, 1, [](size_t node, DamagedCluster::Table& table) {
      if (node < 2) return;
      table[0].slots = {{0, slot - 1}, {slot + 1, 5461}};
      table[1].slots.insert(table[1].slots.begin(), {slot, slot});
      table[1].config_epoch = 50;
    });
    on.surgeon->put(0, slot, 1, "v");
    CheckResult seen = on.look(0, {.settle_timeout_ms = 300});
    ASSERT_THAT(troubles(seen.findings), Contains(Trouble::kDisagreement)) << texts(seen.findings);
    on.mend(0);
    EXPECT_EQ(on.count(0, slot), 1);
  });
}

TEST(FixViews, AReplicaOfAReplica) {
  on_every_engine([](Views& on) {
    on.build_apart(2, 2, [](size_t node, DamagedCluster::Table& table) {
      if (node != 2) return;
      table[2].primary_id = table[3].id;
      table[2].shard_id = table[3].shard_id;  // Valkey 8.1 does not start otherwise
    });
    on.surgeon->put(0, 100, 1, "v");
    CheckResult seen = on.look(0, {.settle_timeout_ms = 300});
    EXPECT_THAT(troubles(seen.findings), Contains(Trouble::kReplicaOfNobody)) << texts(seen.findings);
    on.mend(0);
  });
}

TEST(FixViews, AReplicaOfANodeThatNobodyKnows) {
  on_every_engine([](Views& on) {
    on.build_apart(2, 2, [](size_t node, DamagedCluster::Table& table) {
      if (node == 2) table[2].primary_id = engine::test_id('e', 7);
    });
    on.surgeon->put(0, 100, 1, "v");
    CheckResult seen = on.look(0, {.settle_timeout_ms = 300});
    EXPECT_THAT(troubles(seen.findings), Contains(Trouble::kReplicaOfNobody)) << texts(seen.findings);
    on.mend(0);
  });
}

}  // namespace
}  // namespace keyway::admin
