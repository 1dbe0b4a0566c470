#include "agent/handover.h"

#include <algorithm>

#include "base/format.h"
#include "engine/hasten.h"

namespace keyway::agent {

namespace {

using cluster::NodeFacts;
using cluster::Role;

constexpr int64_t kCallMs = 500;
constexpr int64_t kAttemptMs = 5500;  // servers give a coordinated handover up after 5 s
constexpr int64_t kFailoverMs = 5000;
constexpr int64_t kNewsMs = 2000;

bool is_replica_in_sync(const NodeFacts& node, const NodeFacts& own) {
  return node.answering() && node.server.role == Role::kReplica && node.server.link_up &&
         !node.server.syncing && node.server.replid == own.server.replid;
}

std::string error_of(const Result<resp::Reply>& reply) {
  if (!reply) return reply.error().message;
  return reply->is_error() ? reply->text : std::string();
}

}  // namespace

Handover::Handover(cluster::Mode mode, engine::Servers& servers, int64_t deadline_ms, std::string only)
    : mode_(mode), servers_(servers), deadline_ms_(deadline_ms), only_(std::move(only)) {}

Handover::State Handover::step(const HandoverSight& sight) {
  bool over = sight.own == nullptr || !sight.own->running();
  if (over) give_up("the server has ended");
  if (!ended() && sight.now_ms >= deadline_ms_) give_up("there was no time left");
  switch (state_) {
    case State::kChoosing:
      choose(sight);
      break;
    case State::kAnnounced:
      if (decode_note(sight.view->lease ? sight.view->lease->note : "").to == to_) order(sight);
      break;
    case State::kOrdered:
      watch(sight);
      break;
    case State::kDone:
    case State::kFailed:
      break;
  }
  return state_;
}

void Handover::choose(const HandoverSight& sight) {
  if (!sight.own->answering()) return;
  if (sight.own->server.role == Role::kReplica) {
    state_ = State::kDone;
    return;
  }
  const NodeFacts* best = nullptr;
  for (const NodeFacts& node : sight.others) {
    if (!is_replica_in_sync(node, *sight.own) || tried_.contains(node.name)) continue;
    if (!only_.empty() && node.name != only_) continue;
    if (best == nullptr || node.server.offset > best->server.offset) best = &node;
  }
  if (best == nullptr && why_.empty())
    why_ = only_.empty() ? "no replica is in sync" : only_ + " is not in sync";
  if (best == nullptr) return give_up(why_);
  if (waits_for_news(*best, sight)) return;
  to_ = best->name;
  to_address_ = best->address;
  tried_.insert(to_);
  if (mode_ == cluster::Mode::kReplicated) {
    state_ = State::kAnnounced;
  } else {
    order(sight);
  }
}

// Nobody votes twice in one epoch: a replica that has not heard of the last failover would ask for votes in
// vain, and the servers would refuse writes until they give up.
bool Handover::waits_for_news(const NodeFacts& replica, const HandoverSight& sight) {
  bool heard = replica.server.current_epoch >= sight.own->server.current_epoch;
  if (mode_ != cluster::Mode::kSharded || heard) return false;
  if (waits_since_ms_ < 0) waits_since_ms_ = sight.now_ms;
  return sight.now_ms - waits_since_ms_ < kNewsMs;
}

void Handover::order(const HandoverSight& sight) {
  Result<resp::Reply> reply =
      mode_ == cluster::Mode::kSharded
          ? servers_.call(to_address_, {"CLUSTER", "FAILOVER"}, kCallMs)
          : servers_.call(sight.own->address,
                          {"FAILOVER", "TO", to_address_.host, fmt::format("{}", to_address_.port), "TIMEOUT",
                           fmt::format("{}", kFailoverMs)},
                          kCallMs);
  why_ = error_of(reply);
  if (why_.empty() && mode_ == cluster::Mode::kReplicated) engine::hasten_failover(servers_, to_address_);
  ordered_ms_ = sight.now_ms;
  state_ = why_.empty() ? State::kOrdered : State::kChoosing;
}

void Handover::watch(const HandoverSight& sight) {
  if (sight.own->answering() && sight.own->server.role == Role::kReplica) {
    state_ = State::kDone;
  } else if (sight.now_ms - ordered_ms_ > kAttemptMs) {
    why_ = fmt::format("{} did not take over within {} ms", to_, kAttemptMs);
    state_ = State::kChoosing;
  }
}

void Handover::give_up(std::string why) {
  why_ = std::move(why);
  state_ = State::kFailed;
}

}  // namespace keyway::agent
