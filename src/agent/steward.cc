#include "agent/steward.h"

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"

namespace keyway::agent {

namespace {

constexpr int64_t kLetGoMs = 3500;  // after a renewal; the Lease lasts for 5 s
constexpr int64_t kSaveMs = 1500;
constexpr int64_t kSoonMs = 100;
constexpr int64_t kBeginMs = 60'000;  // for all pods of a new cluster to be there
constexpr int64_t kWaitingMs = 500;   // between looks for them
// A pod that does not answer is nobody's to fence but the servers' own: they vote.
constexpr int64_t kNeverFenceMs = int64_t{365} * 24 * 3600 * 1000;

reconcile::LoopOptions loop_options() {
  reconcile::LoopOptions options;
  options.policy.unresponsive_ms = kNeverFenceMs;
  return options;
}

}  // namespace

Steward::Steward(const Workplace& place)
    : place_(place),
      platform_(place.settings.partitions, place.account,
                [this](const std::string& record) { return save(record); }),
      loop_(platform_, place.servers, loop_options()) {}

void Steward::wish_for(const View& view, bool able, int64_t now_ms, Wish& wish) {
  bool takes = able && !view.mine && view.is_free(now_ms);
  if (!able) {
    wish.hold = view.mine ? Wish::Hold::kGiveUp : Wish::Hold::kWatch;
  } else {
    wish.hold = takes || view.mine ? Wish::Hold::kHold : Wish::Hold::kWatch;
  }
  if (takes) wish.take_version = view.lease ? view.lease->resource_version : "";
  if (!view.mine) record_ = view.lease ? view.lease->note : "";
  wish.note = record_;
  wish.report = leading_ ? reporter_.text() : "";
  wish_ = wish;
}

bool Steward::step(const View& view, int64_t now_ms) {
  bool leads = view.mine && now_ms - view.renewed_ms < kLetGoMs;
  if (leads && !leading_) begin(view, now_ms);
  if (!leads && leading_) log_info("this agent does not see to the cluster any more");
  leading_ = leads;
  if (!leads || !view.pods_read) return false;
  if (now_ms < due_ms_) return due_ms_ - now_ms < kSoonMs;
  reporter_.heed(view.lease->wanted);
  if (Status noted = platform_.want(reporter_.wanted()); !noted) log_warning(noted.error().message);
  platform_.see(view.pods, now_ms);
  // Slots are shared out once: who comes later would have them moved to it. A replica that is late costs
  // nothing, though, and may be late for ever.
  std::string missing = platform_.missing(place_.settings.replicas, now_ms - leading_since_ms_ < kBeginMs);
  if (!missing.empty()) {
    Report waiting;
    waiting.doing = missing;
    reporter_.compose(std::move(waiting), now_ms);
    due_ms_ = now_ms + kWaitingMs;
    return false;
  }
  reconcile::Tick tick = loop_.tick();
  platform_.note_leaving(tick.observed);
  std::erase_if(tick.plan.problems, [this](const cluster::Problem& problem) {
    return problem.shard.empty() && platform_.tells_of_leaving(problem.text);
  });
  tell(tick);
  reporter_.add(tick);
  Report seen = describe_cluster(tick);
  seen.generation = reporter_.wanted().generation;
  seen.drained = platform_.drained();
  reporter_.compose(std::move(seen), monotonic_ms());
  due_ms_ = monotonic_ms() + std::max<int64_t>(tick.next_ms, 1);
  return tick.next_ms < kSoonMs;
}

void Steward::begin(const View& view, int64_t now_ms) {
  log_info("this agent sees to the cluster");
  platform_.take_over(record_, now_ms);
  reporter_.take_over(view.lease->report, wall_ms());
  leading_since_ms_ = now_ms;
  due_ms_ = 0;
}

// On record before it is acted upon.
Status Steward::save(const std::string& record) {
  record_ = record;
  wish_.note = record;
  wish_.note_now = true;
  place_.clerk->wish(wish_);
  place_.clerk->settle(kSaveMs);
  View view = place_.clerk->view();
  if (view.mine && view.lease && view.lease->note == record) return {};
  return fail(ErrorCode::kUnavailable, "the record could not be written: " + view.last_error);
}

void Steward::tell(const reconcile::Tick& tick) {
  for (const reconcile::Outcome& outcome : tick.outcomes) {
    if (!outcome.status || cluster::for_the_record(outcome.step.action)) continue;
    log_info(cluster::describe(outcome.step.action), {{"why", outcome.step.reason}});
  }
  std::string trouble = tick.plan.problems.empty() ? "" : tick.plan.problems.front().text;
  if (trouble.empty() && !tick.delayed.empty()) trouble = tick.delayed.front();
  if (trouble == told_) return;
  told_ = trouble;
  if (!trouble.empty()) log_warning("the cluster is not as it should be", {{"why", trouble}});
}

}  // namespace keyway::agent
