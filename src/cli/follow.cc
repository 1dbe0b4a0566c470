#include "cli/follow.h"

#include "base/format.h"
#include "base/strings.h"
#include "cli/interrupt.h"
#include "cli/progress.h"

namespace keyway::cli {

namespace {

constexpr int64_t kPollMs = 100;
constexpr int64_t kProblemStandsMs = 15'000;
constexpr size_t kMaxEventsKept = 10'000;

// What is judged between two looks at the supervisor.
struct Watch {
  int64_t begin_ms = steady_ms();
  int64_t changed_ms = begin_ms;  // something happened last
  std::vector<std::string> doing;

  void note(const supervisor::Progress& progress) {
    if (progress.events.empty() && progress.doing == doing) return;
    changed_ms = steady_ms();
    doing = progress.doing;
  }
};

std::string what_is_done(const supervisor::Progress& progress) {
  if (progress.doing.empty()) return "looking";
  std::string more =
      progress.doing.size() > 1 ? fmt::format(" (and {} more)", progress.doing.size() - 1) : "";
  return progress.doing.front() + more;
}

Error timed_out(const FollowOrder& order, const supervisor::Progress& progress, int64_t waited_ms) {
  return {
      ErrorCode::kTimeout,
      fmt::format("not done after {}; last: {}. The supervisor goes on; `keyway status {} --watch` shows how",
                  human_duration(waited_ms / 1000 * 1000), what_is_done(progress), order.cluster)};
}

std::optional<Error> given_up(const FollowOrder& order, const supervisor::Progress& progress,
                              const Watch& watch) {
  int64_t now_ms = steady_ms();
  bool stands = now_ms - watch.changed_ms > kProblemStandsMs;
  if (stands && !progress.problems.empty()) {
    return Error{ErrorCode::kConflict,
                 fmt::format("it cannot be finished: {}", join(progress.problems, "; "))};
  }
  bool late = order.timeout_ms ? now_ms - watch.begin_ms > *order.timeout_ms
                               : now_ms - watch.changed_ms > order.patience_ms;
  if (late) return timed_out(order, progress, now_ms - watch.begin_ms);
  return std::nullopt;
}

}  // namespace

int64_t patience_ms(size_t node_count) { return 60'000 + 1000 * static_cast<int64_t>(node_count); }

Result<Followed> follow(supervisor::Client& client, const FollowOrder& order, const Output& output) {
  Followed followed;
  Watch watch;
  Interrupts interrupts;
  Progress view(output);
  uint64_t since = order.events_since;
  while (true) {
    Result<supervisor::Progress> progress = client.progress(since);
    if (!progress) return fail(progress.error());
    for (const supervisor::Event& event : progress->events) {
      since = event.sequence;
      view.event(event);
      if (followed.events.size() < kMaxEventsKept) followed.events.push_back(event);
    }
    if (progress->converged && progress->generation >= order.generation) return followed;
    watch.note(*progress);
    if (std::optional<Error> error = given_up(order, *progress, watch)) return fail(*error);
    view.working(what_is_done(*progress));
    if (interrupts.wait(kPollMs)) {
      followed.interrupted = true;
      return followed;
    }
  }
}

}  // namespace keyway::cli
