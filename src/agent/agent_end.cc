// How the agent ends: a primary hands over, then the server is told to end.
#include <algorithm>
#include <csignal>

#include "agent/agent_process.h"
#include "base/clock.h"
#include "base/log.h"

namespace keyway::agent {

namespace {

constexpr int64_t kReserveMs = 5000;  // of the time to stop, for the server's own end
constexpr int64_t kShutdownMs = 1000;

// What is written to the end is worth more than the server's own configuration says; what is no whole copy
// must not replace the file on disk. Nothing: a signal does best.
std::optional<resp::Command> stop_command(const cluster::NodeFacts& node, bool appends) {
  if (!node.answering()) return std::nullopt;
  bool replica = node.server.role == cluster::Role::kReplica;
  if (replica && node.server.syncing) return resp::Command{"SHUTDOWN", "NOSAVE"};
  if (appends) return std::nullopt;
  if (node.server.keys > 0) return resp::Command{"SHUTDOWN", "SAVE"};
  return replica && !node.server.link_up ? std::optional<resp::Command>({"SHUTDOWN", "NOSAVE"})
                                         : std::nullopt;
}

}  // namespace

void Agent::begin_stop() {
  stop_ms_ = monotonic_ms();
  log_info("told to end");
  int64_t deadline_ms = stop_ms_ + std::max<int64_t>(settings_.grace_ms - kReserveMs, settings_.grace_ms / 2);
  handover_.emplace(settings_.mode, *fleet_, deadline_ms);
}

void Agent::hand_over() {
  state_.phase = Phase::kHandingOver;
  handover_->step(duty_->handover_sight(state_, monotonic_ms()));
  duty_->handing_over(*handover_, state_);
  if (!handover_->ended()) return;
  if (handover_->to().empty() || !handover_->why().empty()) {
    log_warning("no replica has taken over", {{"why", handover_->why()}});
  } else {
    ++state_.handovers;
    // What has reached it by its end goes unanswered; they learn by its answers where to go.
    constexpr int64_t kClientsLeaveMs = 100;
    left_ms_ = monotonic_ms() + kClientsLeaveMs;
    log_info("a replica has taken over", {{"replica", handover_->to()}});
  }
}

// What a server is told that it does not do is said again, for the cause may pass; the time to stop bounds
// it.
void Agent::stop_server() {
  constexpr int64_t kAgainMs = 10'000;
  state_.phase = Phase::kStopping;
  duty_->handing_over(*handover_, state_);
  int64_t now_ms = monotonic_ms();
  if (now_ms < left_ms_ && !hurry_) return;
  bool due = told_ms_ == 0 || now_ms - told_ms_ > kAgainMs;
  if (!due && !hurry_) return;
  hurry_ = false;
  told_ms_ = now_ms;
  std::optional<resp::Command> command = stop_command(state_.node, appends());
  if (!command) {
    if (Status sent = server_.signal(SIGTERM); !sent && sent.error().code != ErrorCode::kNotFound)
      log_error("the server cannot be told to end", {{"error", sent.error().message}});
    return;
  }
  // It answers by ending, unless it cannot.
  Result<resp::Reply> reply = fleet_->call(settings_.server, *command, kShutdownMs);
  if (reply && reply->is_error()) log_error("the server does not end", {{"why", reply->text}});
}

}  // namespace keyway::agent
