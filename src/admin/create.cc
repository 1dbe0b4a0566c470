#include "admin/create.h"

#include <algorithm>
#include <set>

#include "admin/formation.h"
#include "admin/joining.h"
#include "admin/look.h"
#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;
using cluster::Observed;
using cluster::Placement;

constexpr size_t kFewestSafePrimaries = 3;

bool is_loopback(const std::string& host) {
  return host.starts_with("127.") || host == "::1" || host == "localhost";
}

Status check_input(const CreateOptions& options) {
  if (options.nodes.empty())
    return fail(ErrorCode::kInvalidArgument, "no nodes were given to make a cluster of");
  if (options.replicas < 0) return fail(ErrorCode::kInvalidArgument, "replicas cannot be fewer than none");
  std::set<Address> given;
  for (const Address& address : options.nodes) {
    if (!given.insert(address).second)
      return fail(ErrorCode::kInvalidArgument, fmt::format("{} was given twice", to_string(address)));
  }
  for (const auto& [address, zone] : options.zones) {
    if (!given.contains(address)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("a zone was given for {}, which is none of the nodes", to_string(address)));
    }
  }
  return {};
}

// Two addresses, one id.
std::vector<Error> doubles(const Observed& observed) {
  std::map<std::string, const NodeFacts*> by_id;
  std::vector<Error> found;
  for (const NodeFacts& node : observed.nodes) {
    if (!node.answering()) continue;
    auto [first, is_new] = by_id.try_emplace(node.server.id, &node);
    if (is_new) continue;
    found.push_back({ErrorCode::kConflict,
                     fmt::format("{} and {} have the same node id: it is one server given twice, or one was "
                                 "made as a copy of the other (CLUSTER RESET HARD on it)",
                                 first->second->name, node.name)});
  }
  return found;
}

// A node that is told to find another one at a loopback address finds itself, unless both are on one host.
std::vector<Error> mixed_loopback(const Session& session, const Observed& observed) {
  const NodeFacts* near = nullptr;
  const NodeFacts* far = nullptr;
  for (const NodeFacts& node : observed.nodes) {
    if (!node.answering()) continue;
    (is_loopback(meeting_address(session, observed, node).host) ? near : far) = &node;
  }
  if (near == nullptr || far == nullptr) return {};
  return {
      {ErrorCode::kInvalidArgument,
       fmt::format("{} would look for {} on its own host: give all nodes by addresses at which they reach "
                   "each other, or set cluster-announce-ip",
                   far->name, near->name)}};
}

Status check_nodes(const Session& session, const Observed& observed) {
  std::set<std::string> companions;
  for (const NodeFacts& node : observed.nodes) {
    if (node.answering()) companions.insert(node.server.id);
  }
  std::vector<Error> all;
  for (const NodeFacts& node : observed.nodes) {
    for (Error& obstacle : obstacles(node, companions)) all.push_back(std::move(obstacle));
  }
  for (Error& obstacle : doubles(observed)) all.push_back(std::move(obstacle));
  for (Error& obstacle : mixed_loopback(session, observed)) all.push_back(std::move(obstacle));
  if (all.empty()) return {};
  return fail(combined("these servers cannot be made a cluster as they are:", all));
}

std::vector<cluster::Site> sites_of(const Session& session, const Observed& observed,
                                    const std::map<Address, std::string>& zones) {
  std::vector<cluster::Site> sites;
  for (const NodeFacts& node : observed.nodes) {
    cluster::Site& site = sites.emplace_back(site_of(session, observed, node));
    auto given = zones.find(node.address);
    if (given != zones.end()) site.zone = given->second;
  }
  return sites;
}

void tell_oddities(const Session& session, const Observed& observed, const Placement& placement) {
  for (const std::string& compromise : placement.compromises) session.reporter.warn(compromise);
  size_t primaries = placement.shards.size();
  if (primaries < kFewestSafePrimaries && observed.nodes.size() > primaries) {
    session.reporter.warn(
        fmt::format("with {} no replica can take over by itself: that takes the votes of most primaries, the "
                    "lost one counted in; {} or more are usual",
                    primaries == 1 ? "one primary" : "two primaries", kFewestSafePrimaries));
  }
  std::set<std::string> versions;
  for (const NodeFacts& node : observed.nodes) {
    bool valkey = node.server.engine == cluster::EngineKind::kValkey;
    versions.insert(fmt::format("{} {}", valkey ? "Valkey" : "Redis", node.server.version));
  }
  if (versions.size() > 1) {
    session.reporter.warn(
        fmt::format("the servers differ in version ({}): a replica that is older than its "
                    "primary may not understand it",
                    join({versions.begin(), versions.end()}, ", ")));
  }
}

Result<bool> agreed(Session& session, const CreateOptions& options) {
  if (options.yes) return true;
  return session.reporter.confirm(fmt::format("Make one cluster of these {} nodes?", options.nodes.size()));
}

}  // namespace

Result<CreateResult> create(Session& session, const CreateOptions& options) {
  int64_t started_ms = now_ms();
  if (Status valid = check_input(options); !valid) return fail(valid.error());
  Observed observed = look_at(session, options.nodes);
  learn_ip_addresses(session, observed);
  if (Status fit = check_nodes(session, observed); !fit) return fail(fit.error());
  Result<Placement> placement =
      cluster::place(sites_of(session, observed, options.zones), options.replicas, 1);
  if (!placement) return fail(placement.error());
  Formation formation(session, observed, *placement);
  if (std::vector<Error> found = formation.contradictions(); !found.empty())
    return fail(combined("these servers are something else already:", found));

  CreateResult result;
  result.placement = *placement;
  tell_oddities(session, observed, *placement);
  if (options.show_plan) options.show_plan(*placement);
  if (options.dry_run) return result;
  Result<bool> go = agreed(session, options);
  if (!go) return fail(go.error());
  if (!*go) return result;
  if (Status formed = formation.run(options.timeout_ms); !formed) return fail(formed.error());
  result.interrupted = session.interrupted();
  result.carried_out = !result.interrupted;
  result.elapsed_ms = now_ms() - started_ms;
  return result;
}

}  // namespace keyway::admin
