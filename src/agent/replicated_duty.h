// Replicated mode: the class behind make_replicated_duty(), for the files that implement it: what the
// election decides is carried out in replicated_duty.cc; what a holder does for the operator, in
// replicated_requests.cc. The agent's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/duty.h"
#include "agent/election.h"
#include "agent/reporter.h"

namespace keyway::agent {

inline constexpr int64_t kUnrenewedMs = 3500;  // of a Lease that lasts for 5 s

class ReplicatedDuty : public Duty {
 public:
  explicit ReplicatedDuty(const Workplace& place) : place_(place), since_ms_(place.clock_ms()) {}

  std::optional<StartAs> prepare(const Start& start, std::string& waiting_for) override;
  void woke_up(PodState& state, int64_t slept_ms) override;
  Tended tend(PodState& state, int64_t now_ms) override;
  HandoverSight handover_sight(const PodState& state, int64_t now_ms) override;
  void handing_over(const Handover& handover, const PodState& state) override;
  void leave() override;

 private:
  const Settings& settings() const { return place_.settings; }
  Sight make_sight(const PodState& state, int64_t now_ms, bool look_at_all);
  std::vector<cluster::NodeFacts> look_at_others();
  // Whether the server is as it was decided, or was told to be.
  bool carry_out(const Decision& decision, const Sight& sight, PodState& state);
  Status tell(const Address& server, resp::Command command);
  Status hold(const cluster::NodeFacts& own);
  void demote(const std::string& pod, const Address& server, const cluster::NodeFacts& own);
  void wish_for(const Decision& decision, const PodState& state);
  void note_data(const cluster::NodeFacts& own);

  void note_copies(const Sight& sight, const cluster::NodeFacts& own, bool looked);
  void report(const Decision& decision, const PodState& state, int64_t now_ms);
  void begin_report();
  std::string asked_for() const;
  int replicas() const;
  void begin_switchover(const Decision& decision, const PodState& state, int64_t now_ms);
  bool switching_over(PodState& state, int64_t now_ms);

  Workplace place_;
  View view_;
  int64_t since_ms_;              // since when nobody is known to hold the Lease
  int64_t primary_since_ms_ = 0;  // the server; 0: it is a replica, or does not answer
  bool unsteady_ = true;
  bool was_fenced_ = false;
  bool restarted_ = false;  // the server, since the Lease is known not to be held for it
  LeaseNote note_;
  Wish wish_;
  Reporter reporter_;
  bool reporting_ = false;              // this agent holds the Lease, and has said so
  int copies_ = 0;                      // replicas in sync, when all were last looked at
  std::optional<Handover> switchover_;  // that was asked for and is under way
  int64_t switch_not_before_ms_ = 0;    // monotonic
  std::string switch_failure_;          // told last
};

}  // namespace keyway::agent
