// Tests of the simulator itself: it repeats itself exactly, honest runs pass, and each rule catches a bug
// that was planted for it. A checker that cannot fail is worth nothing.
#include "simulation.h"

#include <gtest/gtest.h>

#include "server.h"

namespace keyway::simulation {
namespace {

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  for (uint64_t seed : {uint64_t{3}, uint64_t{14}, uint64_t{15}}) {
    RunResult first = run(draw_scenario(seed), {});
    RunResult second = run(draw_scenario(seed), {});
    EXPECT_EQ(first.ticks, second.ticks) << seed;
    EXPECT_EQ(first.steps, second.steps) << seed;
    EXPECT_EQ(first.acknowledged, second.acknowledged) << seed;
    EXPECT_EQ(first.virtual_us, second.virtual_us) << seed;
  }
}

TEST(Simulation, RunsDiffer) {
  EXPECT_NE(describe(draw_scenario(1)), describe(draw_scenario(2)));
  RunResult result = run(draw_scenario(1), {});
  EXPECT_GT(result.acknowledged, 0);
  EXPECT_GT(result.steps, 0);
}

TEST(Simulation, HonestRunsPass) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    RunResult result = run(draw_scenario(seed), {});
    EXPECT_FALSE(result.failure) << "seed " << seed << ": " << *result.failure;
  }
}

// Runs seeds with the planted bug until one fails with a text that holds `mark`; that mark. Else the last
// other failure, or "" if all runs passed.
template <typename Platform>
std::string caught(bool planned_only, const std::string& mark, uint64_t seeds = 400) {
  RunOptions options;
  options.make_platform = [](World& world, Interrupter& interrupter) {
    return std::make_unique<Platform>(world, interrupter);
  };
  std::string last;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    Scenario scenario = draw_scenario(seed);
    if (planned_only && scenario.settings.unplanned) continue;
    RunResult result = run(scenario, options);
    if (result.failure) last = *result.failure;
    if (last.find(mark) != std::string::npos) return mark;
  }
  return last;
}

// Starts a dead primary again at once, with nothing on its disk, before a replica can take over.
class StartsEmptyPrimaries : public ModelPlatform {
 public:
  StartsEmptyPrimaries(World& world, Interrupter& interrupter)
      : ModelPlatform(world, interrupter), world_(world) {}

  cluster::Observed look() override {
    cluster::Observed observed = ModelPlatform::look();
    for (const cluster::NodeFacts& node : observed.nodes) {
      if (node.process != cluster::Process::kStopped || observed.shards[node.shard].primary != node.name)
        continue;
      Disk& disk = world_.place(find(node.name)->place).disk;
      disk.has_data = false;
      disk.replid.clear();
      cluster::StartNode again;
      again.node = node.name;
      again.config = node.applied_config;
      (void)ModelPlatform::start(again);
    }
    return ModelPlatform::look();
  }

 private:
  World& world_;
};

TEST(PlantedBugs, APrimaryThatComesBackEmptyIsCaught) {
  EXPECT_EQ(caught<StartsEmptyPrimaries>(false, "takes over with"), "takes over with");
}

// Kills where it should ask.
class KillsInsteadOfStopping : public ModelPlatform {
 public:
  using ModelPlatform::ModelPlatform;
  cluster::Observed look() override {
    cluster::Observed observed = ModelPlatform::look();
    const cluster::Desired wanted = desired();
    for (const cluster::NodeFacts& node : observed.nodes) {
      auto restart = wanted.restart_before_ms.find(node.name);
      bool due = restart != wanted.restart_before_ms.end() && node.started_ms <= restart->second;
      if (due && node.running()) (void)stop(node.name, false);
    }
    return observed;
  }
};

TEST(PlantedBugs, AKillThatCostsWritesIsCaught) {
  EXPECT_EQ(caught<KillsInsteadOfStopping>(true, "Keyway killed it"), "Keyway killed it");
}

// Puts data aside that nobody else has.
class PutsDataAside : public ModelPlatform {
 public:
  using ModelPlatform::ModelPlatform;
  Status start(const cluster::StartNode& step) override {
    if (find(step.node)->started) (void)set_data_aside(step.node, false);
    return ModelPlatform::start(step);
  }
};

TEST(PlantedBugs, DataPutAsideIsCaught) { EXPECT_EQ(caught<PutsDataAside>(true, "put aside"), "put aside"); }

// Flushes servers on the occasion of new users.
class Flushes : public ModelPlatform {
 public:
  using ModelPlatform::ModelPlatform;
  Result<std::vector<resp::Command>> stage_users(const std::string&) override {
    return std::vector<resp::Command>{{"FLUSHALL"}};
  }
};

TEST(PlantedBugs, AFlushIsCaught) { EXPECT_EQ(caught<Flushes>(true, "flushall"), "flushall"); }

// Starts servers without the configuration they should have, and says they have it.
class ForgetsConfiguration : public ModelPlatform {
 public:
  using ModelPlatform::ModelPlatform;
  Status start(const cluster::StartNode& step) override {
    cluster::StartNode bare = step;
    bare.config.erase("maxmemory-policy");
    Status status = ModelPlatform::start(bare);
    if (status) return persist_config(step.node, step.config);
    return status;
  }
};

TEST(PlantedBugs, AWrongConfigurationIsCaught) {
  EXPECT_EQ(caught<ForgetsConfiguration>(true, "runs with another"), "runs with another");
}

// Takes nodes off the record that still serve somebody.
class RemovesTooEarly : public ModelPlatform {
 public:
  RemovesTooEarly(World& world, Interrupter& interrupter)
      : ModelPlatform(world, interrupter), world_(world) {}
  cluster::Observed look() override {
    cluster::Observed observed = ModelPlatform::look();
    const cluster::Desired wanted = desired();
    for (const cluster::NodeFacts& node : observed.nodes) {
      bool kept = false;
      for (const cluster::DesiredShard& shard : wanted.shards) {
        kept = kept || std::find(shard.nodes.begin(), shard.nodes.end(), node.name) != shard.nodes.end();
      }
      if (kept || !node.running()) continue;
      world_.server(find(node.name)->place)->save();
      world_.end(find(node.name)->place, Exit::kShutdown);
      (void)remove(node.name);
    }
    return ModelPlatform::look();
  }

 private:
  World& world_;
};

TEST(PlantedBugs, ANodeRemovedTooEarlyIsCaught) {
  EXPECT_EQ(caught<RemovesTooEarly>(true, "was removed while"), "was removed while");
}

// Never starts a server a second time: the cluster does not become whole again.
class StartsOnlyOnce : public ModelPlatform {
 public:
  using ModelPlatform::ModelPlatform;
  Status start(const cluster::StartNode& step) override {
    if (find(step.node)->started) return fail(ErrorCode::kExhausted, "not a second time");
    return ModelPlatform::start(step);
  }
};

TEST(PlantedBugs, AClusterThatDoesNotSettleIsCaught) {
  EXPECT_EQ(caught<StartsOnlyOnce>(false, "it did not settle"), "it did not settle");
}

// The same, but says that it did.
class ClaimsToStart : public ModelPlatform {
 public:
  using ModelPlatform::ModelPlatform;
  Status start(const cluster::StartNode& step) override {
    if (find(step.node)->started) return {};
    return ModelPlatform::start(step);
  }
};

TEST(PlantedBugs, ALoopThatNeverRestsIsCaught) {
  EXPECT_EQ(caught<ClaimsToStart>(false, "steps were taken"), "steps were taken");
}

}  // namespace
}  // namespace keyway::simulation
