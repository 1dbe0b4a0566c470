// What will happen in one run, as data: the cluster that is asked for, what people change about it, and which
// faults strike. Everything follows from the seed. Values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/spec.h"
#include "world.h"

namespace keyway::simulation {

enum class EventKind {
  // What people do.
  kApplySpec,
  kChangeUsers,
  kRestartNode,
  kRollingRestart,
  kSwitchover,
  // What befalls the supervisor. None of these costs a write.
  kCrashSupervisor,  // at once, or in the middle of its next steps
  kStaleLooks,
  kSlowReplies,
  // What befalls servers.
  kKill,
  kKillShard,
  kKillAll,
  kPause,
  kCutFromKeyway,
  kCutServers,
  kIsolate,
  kLagging,
  kLoseData,
  kLoseTable,
  kDamageData,
  kFailingStarts,
};
std::string_view to_string(EventKind kind);

struct Event {
  int64_t at_us = 0;
  EventKind kind = EventKind::kKill;
  int node = 0;  // which node, shard or pair: counted around
  int other = 0;
  int64_t duration_us = 0;
  int amount = 0;      // points of interruption, starts that fail, directions that are cut
  cluster::Spec spec;  // kApplySpec
};

struct Scenario {
  uint64_t seed = 0;
  Settings settings;
  int keys = 0;
  cluster::Spec spec;
  int64_t faults_end_us = 0;  // the end of phase one
  int64_t write_every_us = 0;
  int64_t waiting_ms = 0;     // of the loop
  std::vector<Event> events;  // by time
};

// `storm`: a third of the runs have several times as many faults and changes at once.
Scenario draw_scenario(uint64_t seed, bool storm = false);

// One line that tells what kind of run it is.
std::string describe(const Scenario& scenario);

}  // namespace keyway::simulation
