// Before a primary is stopped, or when somebody asks for it: its place goes to a replica, data first, so that
// no write is lost and writers wait for a moment only. One object for one handover; step() is called until it
// has ended. The agent's thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "agent/clerk.h"
#include "agent/election.h"
#include "cluster/observed.h"
#include "engine/servers.h"

namespace keyway::agent {

// What a handover sees at each step.
struct HandoverSight {
  int64_t now_ms = 0;  // monotonic
  const cluster::NodeFacts* own = nullptr;
  std::vector<cluster::NodeFacts> others;  // of the shard, just observed
  const View* view = nullptr;              // replicated mode
};

class Handover {
 public:
  enum class State {
    kChoosing,   // looking for a replica that has all
    kAnnounced,  // replicated mode: the Lease is to name the replica first
    kOrdered,    // the servers are at it
    kDone,
    kFailed,  // `why` says why
  };

  // `only`: the pod that may take over; empty: whichever is best.
  Handover(cluster::Mode mode, engine::Servers& servers, int64_t deadline_ms, std::string only = "");

  State step(const HandoverSight& sight);
  bool ended() const { return state_ == State::kDone || state_ == State::kFailed; }
  // The pod that is to take over; empty: none yet.
  const std::string& to() const { return to_; }
  const std::string& why() const { return why_; }

 private:
  void choose(const HandoverSight& sight);
  bool waits_for_news(const cluster::NodeFacts& replica, const HandoverSight& sight);
  void order(const HandoverSight& sight);
  void watch(const HandoverSight& sight);
  void give_up(std::string why);

  cluster::Mode mode_;
  engine::Servers& servers_;
  int64_t deadline_ms_;  // monotonic
  std::string only_;
  State state_ = State::kChoosing;
  std::string to_;
  Address to_address_;
  std::string why_;
  int64_t ordered_ms_ = 0;
  int64_t waits_since_ms_ = -1;  // for a replica to hear of an epoch; -1: it never had to
  std::set<std::string> tried_;
};

}  // namespace keyway::agent
