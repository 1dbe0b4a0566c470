#include "supervisor/stopper.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "engine/observe.h"

namespace keyway::supervisor {
namespace {

using cluster::NodeFacts;
using cluster::Role;

constexpr int64_t kObserveTimeoutMs = 500;

bool set_to(const cluster::ServerConfig& config, const std::string& name, std::string_view value) {
  const auto it = config.find(name);
  return it != config.end() && it->second == value;
}

}  // namespace

Stopper::Stopper(platform::Platform& platform, engine::Servers& servers, Say say, Probe probe,
                 StopOptions options)
    : platform_(platform),
      servers_(servers),
      say_(std::move(say)),
      probe_(std::move(probe)),
      options_(options) {}

bool Stopper::step() {
  if (!begun_) {
    begin();
  } else {
    look();
  }
  mark_ended();
  const int64_t now_ms = platform_.monotonic_ms();
  ask_told(now_ms);
  for (Server& server : stopping_) {
    if (server.state != State::kTold && server.state != State::kKilled) continue;
    sense(server, now_ms);
    judge(server, now_ms);
  }
  leave_orphans();
  std::vector<Server*> told;
  for (Server& server : stopping_) {
    if (due(server, now_ms)) told.push_back(&server);
  }
  tell(told);
  report(now_ms);
  return finished();
}

bool Stopper::finished() {
  size_t ended = 0;
  for (const Server& server : stopping_) {
    if (server.state == State::kEnded) {
      ++ended;
    } else if (server.state != State::kLeft) {
      return false;
    }
  }
  if (!std::exchange(told_end_, true) && ended == stopping_.size() && ended > 0) {
    say_(LogLevel::kInfo, "",
         fmt::format("all servers have stopped ({}, {})", count_of(std::ssize(stopping_), "server"),
                     human_duration(platform_.monotonic_ms() - begun_ms_)));
  }
  return true;
}

void Stopper::begin() {
  begun_ = true;
  begun_ms_ = reported_ms_ = platform_.monotonic_ms();
  desired_ = platform_.desired();
  observed_ = platform_.look();
  engine::observe(servers_, desired_.mode, observed_, kObserveTimeoutMs);
  for (const NodeFacts& node : observed_.nodes) {
    if (!node.running()) continue;
    Server server;
    server.name = node.name;
    server.shard = node.shard;
    server.address = node.address;
    server.pid = node.pid;
    server.primary = is_primary(node);
    server.way = way_of(node, server.primary);
    stopping_.push_back(std::move(server));
  }
}

// By what it says itself, or by the record.
bool Stopper::is_primary(const NodeFacts& node) const {
  if (node.answering()) return node.server.role == Role::kPrimary;
  const auto record = observed_.shards.find(node.shard);
  return record != observed_.shards.end() && record->second.primary == node.name;
}

Stopper::Way Stopper::way_of(const NodeFacts& node, bool primary) const {
  const bool has_log = set_to(node.applied_config, "appendonly", "yes");
  if (has_log) return Way::kSignal;  // every write is on disk already
  if (!node.answering()) {
    // A signal alone would lose what is in memory if the configuration says that nothing is ever saved.
    const bool never_saves = set_to(node.applied_config, "save", "");
    return primary && never_saves && node.reach == cluster::Reach::kSilent ? Way::kSave : Way::kSignal;
  }
  if (node.server.keys > 0) return node.server.syncing ? Way::kNoSave : Way::kSave;
  // An empty data set replaces the one on disk only if it is the truth: keys were deleted, not lost or still
  // on their way.
  const bool others_hold_keys =
      std::any_of(observed_.nodes.begin(), observed_.nodes.end(), [&](const NodeFacts& other) {
        return other.shard == node.shard && other.answering() && other.server.keys > 0;
      });
  return primary && !others_hold_keys ? Way::kSave : Way::kNoSave;
}

// The processes as they are now; what servers said before they were told is kept.
void Stopper::look() {
  cluster::Observed now = platform_.look();
  for (NodeFacts& node : now.nodes) {
    const NodeFacts* before = observed_.find(node.name);
    if (!before || !node.running()) continue;
    node.reach = before->reach;
    node.server = before->server;
  }
  observed_ = std::move(now);
}

void Stopper::mark_ended() {
  for (Server& server : stopping_) {
    const NodeFacts* node = observed_.find(server.name);
    if (!node || !node->running() || node->pid != server.pid) server.state = State::kEnded;
  }
}

bool Stopper::due(const Server& server, int64_t now_ms) const {
  if (server.state == State::kTold)
    return server.answers && now_ms - server.last_told_ms >= options_.retry_ms;
  if (server.state != State::kUntold) return false;
  if (server.primary) return true;
  return std::none_of(stopping_.begin(), stopping_.end(), [&](const Server& other) {
    return other.shard == server.shard && other.primary && other.state != State::kEnded;
  });
}

void Stopper::tell(const std::vector<Server*>& due) {
  std::vector<Server*> by_command;
  for (Server* server : due) {
    const int64_t now_ms = platform_.monotonic_ms();
    if (server->state == State::kUntold) server->first_told_ms = server->alive_ms = server->asked_ms = now_ms;
    server->state = State::kTold;
    server->last_told_ms = now_ms;
    if (server->way != Way::kSignal) {
      by_command.push_back(server);
    } else if (Status status = platform_.stop(server->name, true); !status) {
      server->refusal = status.error().message;  // most likely it has ended; the next look tells
    }
  }
  if (!by_command.empty()) tell_by_command(by_command);
}

// A server that obeys closes the connection, at once or after a save that takes longer than we wait here.
void Stopper::tell_by_command(const std::vector<Server*>& due) {
  std::vector<engine::Request> requests;
  for (const Server* server : due) {
    requests.push_back({server->address, {{"SHUTDOWN", server->way == Way::kSave ? "SAVE" : "NOSAVE"}}});
  }
  const auto responses = servers_.exchange(requests, options_.call_timeout_ms);
  for (size_t i = 0; i < due.size(); ++i) {
    if (responses[i].error || responses[i].replies.empty()) continue;
    Server& server = *due[i];
    server.answers = true;
    std::string refusal = responses[i].replies.front().text;
    while (refusal.ends_with('.')) refusal.pop_back();  // it stands within a sentence
    if (std::exchange(server.refusal, refusal) == refusal) continue;
    say_(LogLevel::kWarning, server.shard,
         fmt::format("{} refuses to stop: {}. It can probably not save its data: is there space on the disk? "
                     "It is told again "
                     "every {} s",
                     server.name, refusal, options_.retry_ms / 1000));
  }
}

// Whether those that were told still answer: then they have not begun to save, or could not.
void Stopper::ask_told(int64_t now_ms) {
  std::vector<Server*> asked;
  std::vector<engine::Request> requests;
  for (Server& server : stopping_) {
    if (server.state != State::kTold || now_ms - server.asked_ms < options_.ask_ms) continue;
    server.asked_ms = now_ms;
    asked.push_back(&server);
    requests.push_back({server.address, {{"PING"}}});
  }
  if (asked.empty()) return;
  const auto responses = servers_.exchange(requests, options_.call_timeout_ms);
  for (size_t i = 0; i < asked.size(); ++i) {
    asked[i]->answers = !responses[i].replies.empty();
    if (asked[i]->answers) asked[i]->alive_ms = now_ms;
  }
}

// A server that saves its data in the foreground answers nobody, but computes or waits for the disk.
void Stopper::sense(Server& server, int64_t now_ms) {
  const std::optional<Activity> activity = probe_(server.pid);
  if (!activity) return;
  const bool worked = activity->cpu_ms >= server.cpu_ms + 20;
  if (worked || activity->state == 'R' || activity->state == 'D') server.alive_ms = now_ms;
  if (worked) server.cpu_ms = activity->cpu_ms;
}

void Stopper::judge(Server& server, int64_t now_ms) {
  const int64_t told_for_ms = now_ms - server.first_told_ms;
  if (server.answers && told_for_ms >= options_.refusal_ms) {
    server.state = State::kLeft;
    if (server.refusal.empty()) server.refusal = "it still answers; its log may say why";
  } else if (told_for_ms >= options_.limit_ms) {
    server.state = State::kLeft;
    server.refusal = fmt::format("it was not done after {}", human_duration(options_.limit_ms));
  } else if (server.state == State::kTold && now_ms - server.alive_ms >= options_.silence_ms) {
    server.state = State::kKilled;
    say_(LogLevel::kError, server.shard,
         fmt::format("kill {} (pid {}): it gave no sign of life for {}{}", server.name, server.pid,
                     human_duration(options_.silence_ms),
                     server.primary ? "; what it had not saved is lost unless a replica has it" : ""));
    if (Status status = platform_.stop(server.name, false); !status) server.refusal = status.error().message;
  }
}

// While a primary is left running, so are its replicas: they are the only other copies.
void Stopper::leave_orphans() {
  for (Server& server : stopping_) {
    if (server.state != State::kUntold || server.primary) continue;
    const bool primary_left = std::any_of(stopping_.begin(), stopping_.end(), [&](const Server& other) {
      return other.shard == server.shard && other.primary && other.state == State::kLeft;
    });
    if (!primary_left) continue;
    server.state = State::kLeft;
    server.refusal = "its primary could not be stopped";
  }
}

void Stopper::report(int64_t now_ms) {
  if (now_ms - reported_ms_ < options_.report_ms) return;
  reported_ms_ = now_ms;
  for (const Server& server : stopping_) {
    if (server.state != State::kTold && server.state != State::kKilled) continue;
    say_(LogLevel::kInfo, server.shard, "waiting for " + wait_text(server, now_ms));
  }
}

std::string Stopper::wait_text(const Server& server, int64_t now_ms) const {
  const std::string who = fmt::format("{} (pid {}) to end", server.name, server.pid);
  const int64_t silent_ms = now_ms - server.alive_ms;
  if (server.state == State::kUntold) return who + ": it is stopped after its primary";
  if (server.state == State::kKilled) return who + ": it was killed";
  if (!server.refusal.empty()) return fmt::format("{}: {}", who, server.refusal);
  if (server.answers) return who + ": it still answers; it waits for its replicas, or cannot save its data";
  if (silent_ms < options_.report_ms) return who + ": it saves its data";
  return fmt::format("{}: no sign of life for {}; after {} it is killed", who, human_duration(silent_ms),
                     human_duration(options_.silence_ms));
}

std::vector<std::string> Stopper::waiting() const {
  std::vector<std::string> texts;
  const int64_t now_ms = platform_.monotonic_ms();
  for (const Server& server : stopping_) {
    if (server.state == State::kEnded || server.state == State::kLeft) continue;
    texts.push_back("waiting for " + wait_text(server, now_ms));
  }
  return texts;
}

Status Stopper::result() const {
  std::vector<std::string> left;
  for (const Server& server : stopping_) {
    if (server.state == State::kEnded) continue;
    left.push_back(fmt::format("{} (pid {}): {}", server.name, server.pid,
                               server.refusal.empty() ? "it has not ended yet" : server.refusal));
  }
  if (!left.empty()) {
    return fail(
        ErrorCode::kUnavailable,
        fmt::format(
            "{} still running, with all data: {}. `keyway down` tries again, `keyway up` goes on with {}",
            left.size() == 1 ? "a server is" : "servers are", join(left, "; "),
            left.size() == 1 ? "it" : "them"));
  }
  return {};
}

}  // namespace keyway::supervisor
