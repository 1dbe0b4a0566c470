// What the holder of a shard's Lease does for the operator: it reports, and hands over when it is asked to.
#include <algorithm>

#include "agent/replicated_duty.h"
#include "base/format.h"
#include "base/log.h"

namespace keyway::agent {

namespace {

using cluster::NodeFacts;
using cluster::Role;

constexpr int64_t kSwitchoverMs = 10'000;
constexpr int64_t kSwitchAgainMs = 10'000;  // after a switchover, if it is asked for yet

}  // namespace

// Without a look at all the server's own count says that there are not more.
void ReplicatedDuty::note_copies(const Sight& sight, const NodeFacts& own, bool looked) {
  if (!own.answering()) return;
  if (!looked) {
    copies_ = std::min(copies_, own.server.connected_replicas);
    return;
  }
  copies_ = static_cast<int>(std::ranges::count_if(sight.nodes, [&](const NodeFacts& node) {
    return node.name != own.name && node.answering() && node.server.role == Role::kReplica &&
           node.server.link_up && !node.server.syncing && node.server.replid == own.server.replid;
  }));
}

void ReplicatedDuty::begin_report() {
  reporting_ = true;
  reporter_.take_over(view_.lease->report, wall_ms());
  Result<Report> last = platform::kubernetes::parse_report(view_.lease->report);
  std::string before = last ? last->shards[settings().shard].primary : "";
  if (before == settings().pod) return;
  bool asked = asked_for() == settings().pod;
  reporter_.add(fmt::format("make {} the primary of {}", settings().pod, settings().shard),
                asked            ? "a switchover was asked for"
                : before.empty() ? "it is the first"
                                 : fmt::format("{} is not any more", before),
                Status{});
}

void ReplicatedDuty::report(const Decision& decision, const PodState& state, int64_t now_ms) {
  const NodeFacts& own = state.node;
  bool primary = own.answering() && own.server.role == Role::kPrimary;
  if (!view_.mine) reporting_ = false;
  if (!view_.mine || !view_.lease) return;
  if (primary && !reporting_) begin_report();
  if (!reporting_) return;
  Report seen;
  seen.generation = reporter_.wanted().generation;
  seen.formed = true;
  Report::Shard& shard = seen.shards[settings().shard];
  if (primary) shard.primary = settings().pod;
  shard.replicas_in_sync = primary ? copies_ : 0;
  seen.doing = decision.waiting_for;
  if (!primary)
    seen.problems.push_back(
        {"no_primary", settings().shard, "the server of the Lease's holder does not answer as primary"});
  reporter_.compose(std::move(seen), now_ms);
}

// As many as the operator wants, if there is one: its pods are not told, lest a change replaces them.
int ReplicatedDuty::replicas() const { return reporter_.wanted().replicas.value_or(settings().replicas); }

// The pod that shall be the primary; empty: whichever is.
std::string ReplicatedDuty::asked_for() const {
  auto asked = reporter_.wanted().switchover.find(settings().shard);
  return asked == reporter_.wanted().switchover.end() ? std::string() : asked->second;
}

void ReplicatedDuty::begin_switchover(const Decision& decision, const PodState& state, int64_t now_ms) {
  std::string to = asked_for();
  bool primary = state.node.answering() && state.node.server.role == Role::kPrimary;
  bool due = view_.mine && primary && !decision.fenced && now_ms >= switch_not_before_ms_;
  if (!due || to.empty() || to == settings().pod || to == note_.met) return;
  log_info("a switchover was asked for", {{"to", to}});
  switchover_.emplace(cluster::Mode::kReplicated, place_.servers, now_ms + kSwitchoverMs, to);
}

// A step of the switchover; false: there is none any more. Who cannot renew the Lease has other cares.
bool ReplicatedDuty::switching_over(PodState& state, int64_t now_ms) {
  bool replica = state.node.answering() && state.node.server.role == Role::kReplica;
  bool renewed = now_ms - view_.renewed_ms <= kUnrenewedMs;
  if (!switchover_->ended() && view_.mine && renewed) switchover_->step(handover_sight(state, now_ms));
  // The Lease is the other one's to take; if it does not, it ends, and there is an election.
  if (view_.mine && (replica || (renewed && !switchover_->ended()))) {
    handing_over(*switchover_, state);
    state.leader = !replica;
    state.waiting_for = fmt::format("{} is to take over", switchover_->to());
    return true;
  }
  if (!replica) {
    std::string why = switchover_->why().empty() ? "the Lease could not be renewed" : switchover_->why();
    log_warning("the switchover has failed", {{"why", why}});
    if (why != switch_failure_)
      reporter_.add(fmt::format("make {} the primary of {}", asked_for(), settings().shard),
                    "a switchover was asked for", fail(ErrorCode::kConflict, why));
    switch_failure_ = why;
  } else {
    log_info("the switchover is done", {{"to", switchover_->to()}});
    switch_failure_.clear();
  }
  switch_not_before_ms_ = now_ms + kSwitchAgainMs;
  switchover_.reset();
  return false;
}

}  // namespace keyway::agent
