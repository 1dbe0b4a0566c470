// What the loop remembers between its looks, against the model of servers.
#include "reconcile/loop.h"

#include <gtest/gtest.h>

#include "cluster/desired.h"
#include "interrupter.h"
#include "model_platform.h"
#include "model_servers.h"
#include "server.h"
#include "world.h"

namespace keyway::simulation {
namespace {

class LoopTest : public testing::Test {
 protected:
  LoopTest() {
    world.make_keys(4);
    world.on_exit = [this](int place, int, Exit exit) {
      servers.peer_gone(place);
      platform.note_exit(place, exit);
    };
    platform.apply(cluster::default_spec("app", cluster::Mode::kSharded, 3, 1));
    reconcile::LoopOptions options;
    options.act.move.clock_ms = [this] { return world.scheduler.now_ms(); };
    loop.emplace(platform, servers, options);
  }

  // Turns until nothing is left to do; false: that takes more than two minutes.
  bool settle() {
    int64_t end_us = world.now_us() + 120'000'000;
    while (world.now_us() < end_us) {
      reconcile::Tick tick = loop->tick();
      if (!tick.delayed.empty()) delayed = tick.delayed.front();
      if (tick.plan.converged()) return true;
      world.scheduler.run_until(world.now_us() + std::max<int64_t>(tick.next_ms * 1000, 200));
    }
    return false;
  }

  // How long it took, in ms; -1: it was not done.
  int64_t switch_to(const std::string& node) {
    int64_t begun_us = world.now_us();
    platform.request_switchover("p1", node);
    if (!settle() || platform.record("p1").primary != node) return -1;
    return (world.now_us() - begun_us) / 1000;
  }

  World world{1, {}};
  Interrupter interrupter;
  ModelPlatform platform{world, interrupter};
  ModelServers servers{world, interrupter};
  std::optional<reconcile::Loop> loop;
  std::string delayed;
};

constexpr int64_t kOldVotesMs = 20'000;  // four node timeouts of 5 s

TEST_F(LoopTest, AReplicaThatWasElectedAMomentAgoIsNotAskedToTakeOver) {
  ASSERT_TRUE(settle());
  int64_t begun_ms = world.scheduler.now_ms();
  int64_t first_ms = switch_to("p1-1");
  EXPECT_GE(first_ms, 0);
  EXPECT_LT(first_ms, kOldVotesMs / 2);
  EXPECT_GE(switch_to("p1-0"), 0);
  EXPECT_LT(world.scheduler.now_ms() - begun_ms, kOldVotesMs) << "it was a primary from the beginning";
  EXPECT_EQ(delayed, "");
  EXPECT_GE(switch_to("p1-1"), 0);
  EXPECT_GT(world.scheduler.now_ms() - begun_ms, kOldVotesMs);
  EXPECT_NE(delayed.find("elected a moment ago"), std::string::npos) << delayed;
}

// Its clients learn by its answers that it has handed over.
TEST_F(LoopTest, AServerThatHasHandedOverGoesOnForAMoment) {
  ASSERT_TRUE(settle());
  platform.request_restart("p1-0");
  int64_t demoted_us = -1;
  int64_t ended_us = -1;
  int64_t end_us = world.now_us() + 30'000'000;
  while (ended_us < 0 && world.now_us() < end_us) {
    reconcile::Tick tick = loop->tick();
    const Server* server = world.server(world.place_named("p1-0"));
    if (server == nullptr) {
      ended_us = world.now_us();
    } else if (!server->is_primary() && demoted_us < 0) {
      demoted_us = world.now_us();
    }
    world.scheduler.run_until(world.now_us() + std::max<int64_t>(tick.next_ms * 1000, 200));
  }
  ASSERT_GE(demoted_us, 0);
  ASSERT_GE(ended_us, 0);
  EXPECT_GE(ended_us - demoted_us, 75'000) << "100 ms, less one look";
  EXPECT_TRUE(settle());
}

}  // namespace
}  // namespace keyway::simulation
