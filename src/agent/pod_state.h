// What an agent knows of its own pod at one moment: what probes, /role and /metrics tell. A value; made in
// the agent's thread, read in the HTTP server's.
#pragma once

#include <cstdint>
#include <string>

#include "agent/pods.h"
#include "cluster/observed.h"

namespace keyway::agent {

enum class Phase {
  kPreparing,  // the server's files are being written
  kWaiting,    // the server is not started yet: for its pause, or until another node has taken over
  kRunning,
  kHandingOver,  // told to end; the primary's place goes to a replica first
  kStopping,     // the server has been told to end
};
std::string_view to_string(Phase phase);

struct PodState {
  std::string pod;
  std::string cluster;
  std::string shard;
  cluster::Mode mode = cluster::Mode::kSharded;
  Phase phase = Phase::kPreparing;
  cluster::NodeFacts node;          // process, reach and server facts
  std::string info;                 // INFO as the server gave it last; empty: it has not yet
  std::string waiting_for;          // why it is not as it should be; for people
  RoleMark mark = RoleMark::kNone;  // what the pod's label says, as far as is known
  bool leader = false;              // holds the shard's Lease, or the cluster's
  bool joined = true;               // sharded mode: the server has found the others since it was started
  int64_t starts = 0;               // of the server
  int64_t handovers = 0;
  int64_t fences = 0;   // times it was kept from taking writes because the Lease could not be renewed
  int64_t tick_ms = 0;  // monotonic, when this was made
  int64_t api_errors = 0;
};

// What a probe answers.
struct Probe {
  bool good = false;
  std::string why;
};

// Loaded, in sync and, in sharded mode, in the cluster.
Probe readiness(const PodState& state);

// Whether the agent does its work. A server that loads, saves, hangs or is being restarted is the agent's
// matter: a container that is killed for it loses more.
Probe liveness(const PodState& state, int64_t now_ms);

// {"pod":…,"role":"primary",…}.
std::string role_json(const PodState& state);

}  // namespace keyway::agent
