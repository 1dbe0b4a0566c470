#include "engine/atomic_mover.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <numeric>
#include <set>
#include <thread>

#include "base/format.h"
#include "base/strings.h"
#include "engine/atomic_jobs.h"
#include "engine/mover_view.h"
#include "engine/refusal.h"

namespace keyway::engine {

namespace {

using cluster::Slot;
using cluster::SlotSet;
using resp::Command;

constexpr size_t kCountsAtOnce = 1000;
constexpr int64_t kShortestPauseMs = 2;
constexpr int64_t kLongestPauseMs = 20;
constexpr int64_t kCancelTimeoutMs = 5000;
constexpr int64_t kPingEveryMs = 1000;

int64_t machine_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Slots that go together, and what they hold.
struct Batch {
  cluster::SlotRanges slots;
  int64_t keys = 0;
};

class AtomicMove {
 public:
  AtomicMove(Servers& servers, const MoveTask& task, const AtomicLimits& limits, const MoveHooks& hooks)
      : servers_(servers), task_(task), limits_(limits), hooks_(hooks) {}

  Status run();
  const MoveProgress& progress() const { return progress_; }

 private:
  int64_t now_ms() const { return limits_.clock_ms ? limits_.clock_ms() : machine_ms(); }
  void pause(int64_t pause_ms) const;
  Status look();
  Status check_open_slots(const MoverViews& views);
  Status adopt(const std::vector<AtomicJob>& jobs);
  Status cut();
  Result<std::vector<int64_t>> count_keys(const std::vector<Slot>& slots);
  Status submit();
  Result<bool> harvest();
  Status hear_target();
  Status cancel();
  Status give_up(Error error);
  void finish(const Batch& batch);
  std::string reason(const AtomicJob& job) const;
  Error why(const AtomicJob& job) const;

  Servers& servers_;
  const MoveTask& task_;
  const AtomicLimits& limits_;
  const MoveHooks& hooks_;
  SlotSet left_;     // owned by the source, in no job
  SlotSet arrived_;  // that the target owned from the beginning
  std::map<std::string, Batch>
      running_;  // by the job's name; never more than jobs_at_once, or what was found
  std::deque<Batch> batches_;
  std::set<std::string> ended_before_;  // names of jobs that are none of ours
  int64_t asked_ms_ = 0;                // when the target was asked for a sign of life last
  int64_t heard_ms_ = 0;                // when it gave one last
  MoveProgress progress_;
};

void AtomicMove::pause(int64_t pause_ms) const {
  if (limits_.pause_ms) return limits_.pause_ms(pause_ms);
  std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
}

Status AtomicMove::run() {
  // Before the look at who owns what: a job that ends in between has then its slots at the target, while in
  // the other order they would seem to be left.
  Result<std::vector<AtomicJob>> jobs = atomic_jobs(servers_, task_.from);
  if (!jobs) return fail(jobs.error());
  if (Status looked = look(); !looked) return looked;
  if (Status adopted = adopt(*jobs); !adopted) return adopted;
  if (Status cut_up = cut(); !cut_up) return cut_up;
  int64_t ended_ms = asked_ms_ = heard_ms_ = now_ms();
  int64_t pause_ms = kShortestPauseMs;
  while (!running_.empty() || !batches_.empty()) {
    if (hooks_.stop && hooks_.stop()) return cancel();
    if (Status submitted = submit(); !submitted) return submitted;
    pause(pause_ms);
    Result<bool> ended = harvest();
    if (!ended) return give_up(ended.error());
    if (Status heard = hear_target(); !heard) return give_up(heard.error());
    pause_ms = *ended ? kShortestPauseMs : std::min(kLongestPauseMs, pause_ms * 2);
    if (*ended) ended_ms = now_ms();
    if (now_ms() - ended_ms <= limits_.job_timeout_ms) continue;
    Status cancelled = cancel();
    return cancelled ? fail(ErrorCode::kTimeout,
                            fmt::format("{} has not finished any slot migration for {}; "
                                        "those under way were cancelled",
                                        to_string(task_.from), human_duration(limits_.job_timeout_ms)))
                     : cancelled;
  }
  return {};
}

Status AtomicMove::look() {
  Result<MoverViews> views = look_at_pair(servers_, task_);
  if (!views) return fail(views.error());
  if (Status closed = check_open_slots(*views); !closed) return closed;
  SlotSet wanted = cluster::to_set(task_.slots);
  left_ = wanted & views->from.owned;
  SlotSet elsewhere = wanted & ~views->from.owned & ~views->to.owned;
  if (elsewhere.any()) {
    return fail(ErrorCode::kConflict,
                fmt::format("slots {} cannot move from {} to {}: neither of them owns them",
                            cluster::to_string(cluster::to_ranges(elsewhere)), to_string(task_.from),
                            to_string(task_.to)));
  }
  // An interrupted call has begun it.
  arrived_ = wanted & views->to.owned;
  finish({cluster::to_ranges(arrived_), 0});
  return {};
}

// The servers refuse while any slot of theirs is open ("Slots are being manually migrated").
Status AtomicMove::check_open_slots(const MoverViews& views) {
  for (bool source : {true, false}) {
    const MoverView& view = source ? views.from : views.to;
    SlotSet open = view.open | view.outdated | view.foreign;
    if (open.none()) continue;
    return fail(
        ErrorCode::kConflict,
        fmt::format("slots {} of {} are open by the classic way of moving, which atomic migration does "
                    "not go together with; finish or close them first (fix does)",
                    cluster::to_string(cluster::to_ranges(open)), to_string(source ? task_.from : task_.to)));
  }
  return {};
}

// Jobs of a call that was interrupted go on as if they were ours.
Status AtomicMove::adopt(const std::vector<AtomicJob>& jobs) {
  for (const AtomicJob& job : jobs) {
    ended_before_.insert(job.name);
    if (job.state != AtomicState::kUnderWay) continue;
    SlotSet slots = cluster::to_set(job.slots);
    bool known = job.is_export && job.target_id == task_.to_id;
    if (known && (slots & ~arrived_).none()) continue;
    if (!known || (slots & ~left_).any()) {
      return fail(
          ErrorCode::kConflict,
          fmt::format("{} is at work on another migration, of slots {}; wait for it, or cancel it with "
                      "CLUSTER CANCELSLOTMIGRATIONS there",
                      to_string(task_.from), cluster::to_string(job.slots)));
    }
    running_[job.name] = {job.slots, 0};
    left_ &= ~slots;
  }
  return {};
}

// Batches of neighbouring slots, as few as can be and of about the same size: the fewest keys to be deleted
// at one moment.
Status AtomicMove::cut() {
  std::vector<Slot> slots;
  for (size_t slot = 0; slot < left_.size(); ++slot) {
    if (left_[slot]) slots.push_back(static_cast<Slot>(slot));
  }
  Result<std::vector<int64_t>> counts = count_keys(slots);
  if (!counts) return fail(counts.error());
  int64_t sum = std::accumulate(counts->begin(), counts->end(), int64_t{0});
  int64_t jobs = std::max<int64_t>(1, (sum + limits_.keys_a_job - 1) / limits_.keys_a_job);
  int64_t share = std::max<int64_t>(1, (sum + jobs - 1) / jobs);
  for (size_t i = 0; i < slots.size(); ++i) {
    int64_t count = (*counts)[i];
    int64_t held = batches_.empty() ? 0 : batches_.back().keys;
    bool full = count > 0 && (held >= share || held + count > limits_.keys_a_job);
    if (batches_.empty() || full) batches_.emplace_back();
    batches_.back().slots.push_back({slots[i], slots[i]});
    batches_.back().keys += count;
  }
  for (Batch& batch : batches_) batch.slots = cluster::normalize(std::move(batch.slots));
  return {};
}

Result<std::vector<int64_t>> AtomicMove::count_keys(const std::vector<Slot>& slots) {
  std::vector<int64_t> keys;
  for (size_t first = 0; first < slots.size(); first += kCountsAtOnce) {
    std::vector<Command> commands;
    for (size_t i = first; i < std::min(slots.size(), first + kCountsAtOnce); ++i)
      commands.push_back({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slots[i])});
    Response counts = std::move(servers_.exchange({{task_.from, commands}}, kMoverCallTimeoutMs).front());
    if (counts.error) return fail(*counts.error);
    for (size_t i = 0; i < commands.size(); ++i) {
      const resp::Reply& count = counts.replies[i];
      if (count.type != resp::ReplyType::kInteger) return fail(refusal(task_.from, commands[i], count));
      keys.push_back(count.integer);
    }
  }
  return keys;
}

// Several jobs in one command, so that the source goes on from one to the next without being asked.
Status AtomicMove::submit() {
  auto room = static_cast<size_t>(std::max(1, limits_.jobs_at_once));
  if (batches_.empty() || running_.size() * 2 > room) return {};
  Command command = {"CLUSTER", "MIGRATESLOTS"};
  size_t count = std::min(batches_.size(), room - running_.size());
  for (size_t i = 0; i < count; ++i) {
    command.emplace_back("SLOTSRANGE");
    for (const cluster::SlotRange& range : batches_[i].slots) {
      command.push_back(std::to_string(range.first));
      command.push_back(std::to_string(range.last));
    }
    command.insert(command.end(), {"NODE", task_.to_id});
  }
  Result<resp::Reply> reply = servers_.call(task_.from, command, kMoverCallTimeoutMs);
  if (!reply) return fail(reply.error());
  if (!reply->ok()) return fail(refusal(task_.from, command, *reply));
  Result<std::vector<AtomicJob>> jobs = atomic_jobs(servers_, task_.from);
  if (!jobs) return fail(jobs.error());
  for (size_t i = 0; i < count; ++i) {
    auto made = std::ranges::find_if(*jobs, [&](const AtomicJob& job) {
      return job.is_export && job.slots == batches_.front().slots && !ended_before_.contains(job.name);
    });
    if (made == jobs->end()) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("{} knows nothing of the slot migration that it began", to_string(task_.from)));
    }
    ended_before_.insert(made->name);
    running_[made->name] = std::move(batches_.front());
    batches_.pop_front();
  }
  return {};
}

// Whether any job has ended. The first that failed is the error; what else ended is counted all the same.
Result<bool> AtomicMove::harvest() {
  Result<std::vector<AtomicJob>> jobs = atomic_jobs(servers_, task_.from);
  if (!jobs) return fail(jobs.error());
  bool ended = false;
  std::optional<Error> failed;
  std::set<std::string> known;
  for (const AtomicJob& job : *jobs) {
    known.insert(job.name);
    auto ours = running_.find(job.name);
    if (ours == running_.end() || job.state == AtomicState::kUnderWay) continue;
    ended = true;
    if (job.state == AtomicState::kSuccess) finish(ours->second);
    if (job.state != AtomicState::kSuccess && !failed) failed = why(job);
    running_.erase(ours);
  }
  for (const auto& [name, batch] : running_) {
    if (known.contains(name) || failed) continue;
    failed = Error{ErrorCode::kUnavailable,
                   fmt::format("{} knows nothing any more of a slot migration that it was at work on: it may "
                               "have been restarted or replaced",
                               to_string(task_.from))};
  }
  if (failed) return fail(*failed);
  return ended;
}

// The source would wait for a target that hangs for as long as its repl-timeout, a minute, also when a
// replica has long taken over.
Status AtomicMove::hear_target() {
  if (now_ms() - asked_ms_ < kPingEveryMs) return {};
  Result<resp::Reply> reply = servers_.call(task_.to, {"PING"}, kPingEveryMs);
  asked_ms_ = now_ms();
  if (reply) heard_ms_ = asked_ms_;
  if (asked_ms_ - heard_ms_ < limits_.silence_timeout_ms) return {};
  return fail(ErrorCode::kUnavailable,
              fmt::format("{} has not answered for {}: {}", to_string(task_.to),
                          human_duration(asked_ms_ - heard_ms_), reply.error().message));
}

void AtomicMove::finish(const Batch& batch) {
  if (batch.slots.empty()) return;
  MoveProgress step{cluster::count(batch.slots), batch.keys, 0};
  progress_.slots_done += step.slots_done;
  progress_.keys_moved += step.keys_moved;
  for (const cluster::SlotRange& range : batch.slots) {
    for (int slot = range.first; slot <= range.last && hooks_.on_slot; ++slot)
      hooks_.on_slot(static_cast<Slot>(slot));
  }
  if (hooks_.on_progress) hooks_.on_progress(step);
}

// The source often knows only that its target hung up; the target knows why.
std::string AtomicMove::reason(const AtomicJob& job) const {
  Result<std::vector<AtomicJob>> jobs = atomic_jobs(servers_, task_.to);
  if (!jobs) return job.message;
  for (const AtomicJob& other : *jobs) {
    if (other.name == job.name && other.state == AtomicState::kFailed && !other.message.empty())
      return other.message;
  }
  return job.message;
}

Error AtomicMove::why(const AtomicJob& job) const {
  std::string message = reason(job);
  std::ranges::replace_if(message, [](char c) { return c == '\r' || c == '\n'; }, ' ');
  bool manual = message.find("manually") != std::string::npos;
  bool full = message.find("OOM") != std::string::npos;
  bool cancelled = job.state == AtomicState::kCancelled;
  ErrorCode code = manual || cancelled ? ErrorCode::kConflict
                   : full              ? ErrorCode::kExhausted
                                       : ErrorCode::kUnavailable;
  return Error{code, fmt::format("the migration of slots {} from {} to {} {}{}{}",
                                 cluster::to_string(job.slots), to_string(task_.from), to_string(task_.to),
                                 cancelled ? "was cancelled by somebody" : "failed",
                                 message.empty() ? "" : ": ", message)};
}

// What has changed hands by then stays so.
Status AtomicMove::cancel() {
  if (running_.empty()) return {};
  const Command command = {"CLUSTER", "CANCELSLOTMIGRATIONS"};
  Result<resp::Reply> reply = servers_.call(task_.from, command, kMoverCallTimeoutMs);
  if (!reply) return fail(reply.error());
  bool none = reply->is_error() && reply->text.find("No migrations") != std::string::npos;
  if (!reply->ok() && !none) return fail(refusal(task_.from, command, *reply));
  int64_t end_ms = now_ms() + kCancelTimeoutMs;
  while (!running_.empty() && now_ms() < end_ms) {
    Result<std::vector<AtomicJob>> jobs = atomic_jobs(servers_, task_.from);
    if (!jobs) return fail(jobs.error());
    for (const AtomicJob& job : *jobs) {
      auto ours = running_.find(job.name);
      if (ours == running_.end() || job.state == AtomicState::kUnderWay) continue;
      if (job.state == AtomicState::kSuccess) finish(ours->second);
      running_.erase(ours);
    }
    if (!running_.empty()) pause(kShortestPauseMs);
  }
  if (running_.empty()) return {};
  return fail(ErrorCode::kTimeout,
              fmt::format("{} has not cancelled its slot migrations within {}; see CLUSTER "
                          "GETSLOTMIGRATIONS there",
                          to_string(task_.from), human_duration(kCancelTimeoutMs)));
}

Status AtomicMove::give_up(Error error) {
  if (Status cancelled = cancel(); !cancelled) error.message += "; " + cancelled.error().message;
  return fail(std::move(error));
}

}  // namespace

Result<bool> can_move_atomically(Servers& servers, const std::vector<Address>& addresses) {
  std::vector<Request> requests;
  for (const Address& address : addresses)
    requests.push_back({address, {{"COMMAND", "INFO", "cluster|migrateslots"}}});
  for (const Response& response : servers.exchange(requests, kMoverCallTimeoutMs)) {
    if (response.error) return fail(*response.error);
    const resp::Reply& known = response.replies.front();
    // A server that does not know it, or does not let us ask.
    if (known.elements.empty() || known.elements.front().is_null()) return false;
  }
  return !addresses.empty();
}

Result<MoveProgress> move_slots_atomically(Servers& servers, const MoveTask& task, const AtomicLimits& limits,
                                           const MoveHooks& hooks) {
  AtomicMove move(servers, task, limits, hooks);
  if (Status done = move.run(); !done) return fail(done.error());
  return move.progress();
}

}  // namespace keyway::engine
