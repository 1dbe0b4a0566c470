// How the holder of a Lease gets on with the operator: reads what is wanted, collects what was done, and
// composes the report. The agent's thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"
#include "platform/kubernetes/cluster_lease.h"
#include "reconcile/loop.h"

namespace keyway::agent {

using platform::kubernetes::Report;
using platform::kubernetes::Wanted;

class Reporter {
 public:
  // At the beginning of a holding. `last`: the report that is there, from whose outcomes on it is counted; of
  // one that cannot be read it is not known how far it had come, so that goes on from the time of day.
  void take_over(const std::string& last, int64_t wall_ms);

  // What the Lease says is wanted; of what cannot be read the report tells, and what was wanted before
  // stands.
  void heed(const std::string& wanted);
  const Wanted& wanted() const { return wanted_; }

  void add(std::string what, std::string why, const Status& status, const std::string& detail = "");
  // What a tick brought. A step that is planned again and again (slots move slice by slice) is told once, and
  // once more when it comes out otherwise.
  void add(const reconcile::Tick& tick);

  const std::vector<Report::Outcome>& outcomes() const { return outcomes_; }

  // Adds to `report` what is known here. Not more often than twice a second: what comes in between is told
  // with the next one.
  void compose(Report report, int64_t now_ms);
  // The last one that was composed; empty: none yet.
  const std::string& text() const { return text_; }

 private:
  int64_t last_n_ = 0;
  std::vector<Report::Outcome> outcomes_;
  std::map<std::string, bool> told_;  // steps under way, by key_of: whether they worked
  std::string wanted_text_;           // as it was read last
  Wanted wanted_;                     // the last one that could be read
  std::string unreadable_;            // why that is not the present one; empty: it is
  std::string text_;
  int64_t composed_ms_ = 0;  // monotonic; 0: never
};

// The state of a sharded cluster as a tick saw it, without outcomes.
Report describe_cluster(const reconcile::Tick& tick);

}  // namespace keyway::agent
