#include "supervisor/orders.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::supervisor {
namespace {

using cluster::NodeFacts;
using platform::local::LocalPlatform;

std::string names_of(const std::vector<std::string>& names) {
  return names.empty() ? "none" : join(names, ", ");
}

Result<Taken> apply(const ApplyRequest& order, LocalPlatform& platform) {
  Result<cluster::Spec> spec = cluster::parse_spec(order.spec_yaml, "spec");
  if (!spec) return fail(spec.error());
  Result<std::vector<std::string>> warnings = platform.apply(*spec);
  if (!warnings) return fail(warnings.error());
  return Taken{"a new spec was applied", std::move(*warnings)};
}

Error no_replica(const std::string& shard) {
  return {
      ErrorCode::kConflict,
      fmt::format("shard {} has no replica that is in sync and could take over; wait until it is whole, or "
                  "give it a replica (spec.replicas)",
                  shard)};
}

// Whom to hand over to is decided here and now: were it left open, each look would find another best one.
Result<Taken> fail_over(const FailoverRequest& order, LocalPlatform& platform, const reconcile::Tick& last) {
  const cluster::Desired desired = platform.desired();
  Status possible = check_failover(desired, last.observed, order.shard, order.to_node);
  if (!possible) return fail(possible.error());
  std::string to = order.to_node;
  if (to.empty()) {
    const NodeFacts* best = cluster::best_replica(last.observed, desired.mode, order.shard);
    if (!best) return fail(no_replica(order.shard));
    to = best->name;
  }
  Status recorded = platform.request_switchover(order.shard, to);
  if (!recorded) return fail(recorded.error());
  return Taken{fmt::format("a switchover of {} to {} was asked for", order.shard, to), {}};
}

Result<Taken> recover(const RecoverRequest& order, LocalPlatform& platform, const reconcile::Tick& last) {
  const cluster::Mode mode = platform.state().spec.mode;
  const NodeFacts* primary = cluster::primary_of(last.observed, mode, order.shard);
  if (primary != nullptr && primary->answering() && primary->server.role == cluster::Role::kPrimary) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} is the primary of {} and answers: there is nothing to recover", primary->name,
                            order.shard));
  }
  if (Status recorded = platform.accept_loss(order.shard); !recorded) return fail(recorded.error());
  return Taken{fmt::format("the loss of the data of {} was accepted", order.shard), {}};
}

Result<Taken> restart(const RestartRequest& order, LocalPlatform& platform) {
  if (order.nodes.empty()) return fail(ErrorCode::kInvalidArgument, "no node to restart was named");
  Status recorded = platform.request_restart(order.nodes);
  if (!recorded) return fail(recorded.error());
  return Taken{fmt::format("a restart of {} was asked for", join(order.nodes, ", ")), {}};
}

// A replica that holds all that its primary has, or is about to.
bool can_take_over(const NodeFacts& node, cluster::Mode mode) {
  return node.answering() && node.server.role == cluster::Role::kReplica &&
         cluster::health(node, mode) == "ok";
}

}  // namespace

Result<Taken> carry_out(const Request& order, LocalPlatform& platform, const reconcile::Tick& last) {
  if (const auto* it = std::get_if<ApplyRequest>(&order)) return apply(*it, platform);
  if (const auto* it = std::get_if<FailoverRequest>(&order)) return fail_over(*it, platform, last);
  if (const auto* it = std::get_if<RecoverRequest>(&order)) return recover(*it, platform, last);
  if (const auto* it = std::get_if<RestartRequest>(&order)) return restart(*it, platform);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("`{}` is no order that changes the cluster", name_of(order)));
}

Status check_failover(const cluster::Desired& desired, const cluster::Observed& observed,
                      const std::string& shard, const std::string& to_node) {
  std::vector<std::string> shards;
  for (const auto& known : desired.shards) shards.push_back(known.name);
  if (std::find(shards.begin(), shards.end(), shard) == shards.end()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no shard {}; there are: {}", shard, names_of(shards)));
  }
  const NodeFacts* primary = cluster::primary_of(observed, desired.mode, shard);
  std::vector<std::string> able;
  for (const auto& node : observed.nodes) {
    if (node.shard == shard && &node != primary && can_take_over(node, desired.mode))
      able.push_back(node.name);
  }
  if (!to_node.empty()) {
    const NodeFacts* node = observed.find(to_node);
    if (!node || node->shard != shard) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("shard {} has no node {}; its nodes that can take over: {}", shard, to_node,
                              names_of(able)));
    }
    if (node == primary && node->answering()) return {};
    if (std::find(able.begin(), able.end(), to_node) == able.end()) {
      return fail(ErrorCode::kConflict,
                  fmt::format("{} cannot take over now: it is {}; nodes of {} that can: {}", to_node,
                              cluster::health(*node, desired.mode), shard, names_of(able)));
    }
  } else if (able.empty()) {
    return fail(no_replica(shard));
  }
  return {};
}

}  // namespace keyway::supervisor
