#include "admin/formation.h"

#include <algorithm>
#include <set>
#include <utility>

#include "admin/look.h"
#include "admin/probe.h"
#include "admin/quick_sync.h"
#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;
using cluster::PeerView;
using resp::Command;

constexpr size_t kMissingShown = 8;

size_t index_of(const cluster::Observed& observed, const std::string& name) {
  return static_cast<size_t>(observed.find(name) - observed.nodes.data());
}

// Nothing that waiting would heal.
bool is_final(const Error& error) {
  return error.code == ErrorCode::kDenied || error.code == ErrorCode::kUnsupported ||
         error.code == ErrorCode::kExhausted;
}

}  // namespace

Formation::Formation(Session& session, cluster::Observed observed, const cluster::Placement& placement)
    : session_(session), observed_(std::move(observed)), introducer_(session), gaps_(view_gaps(observed_)) {
  auto shards = static_cast<int>(placement.shards.size());
  for (int shard = 0; shard < shards; ++shard) {
    const cluster::PlacedShard& placed = placement.shards[static_cast<size_t>(shard)];
    size_t primary = index_of(observed_, placed.primary);
    parts_.push_back({primary, primary, {cluster::even_range(shard, shards)}, 0});
    for (const std::string& replica : placed.replicas)
      parts_.push_back({index_of(observed_, replica), primary, {}, 0});
  }
  // Those of the primaries are in the order of their slots, and later than those that the replicas have while
  // they are not replicas yet: else what is late of that time would count for more than what they say as
  // replicas, with the epochs of their primaries (see Introducer).
  std::stable_partition(parts_.begin(), parts_.end(), [this](const Part& part) { return !is_replica(part); });
  size_t replicas = parts_.size() - placement.shards.size();
  for (size_t i = 0; i < parts_.size(); ++i)
    parts_[i].number = static_cast<int>((i + replicas) % parts_.size()) + 1;
}

const std::string& Formation::primary_id(const Part& part) const {
  return cluster::effective_id(observed_.nodes[part.primary]);
}

std::vector<Error> Formation::contradictions() const {
  std::vector<Error> found;
  for (const Part& part : parts_) {
    const PeerView* own = cluster::own_view(node(part));
    if (own == nullptr) continue;
    std::string is;
    if (!own->primary && (!is_replica(part) || own->primary_id != primary_id(part))) {
      is = fmt::format("is a replica of {}", own->primary_id);
    } else if (!own->slots.empty() && own->slots != part.slots) {
      is = fmt::format("owns the slots {}", cluster::to_string(own->slots));
    } else {
      continue;
    }
    std::string becomes = is_replica(part)
                              ? fmt::format("a replica of {}", observed_.nodes[part.primary].name)
                              : fmt::format("the primary of {}", cluster::to_string(part.slots));
    found.push_back({ErrorCode::kConflict,
                     fmt::format("{} {} already but would become {}: CLUSTER RESET on it (it holds no keys), "
                                 "or give nodes and options as they were given the first time",
                                 node(part).name, is, becomes)});
  }
  return found;
}

Status Formation::run(int64_t timeout_ms) {
  std::vector<Address> followed;
  for (const Part& part : parts_) {
    if (is_replica(part)) followed.push_back(observed_.nodes[part.primary].address);
  }
  std::sort(followed.begin(), followed.end());
  followed.erase(std::unique(followed.begin(), followed.end()), followed.end());
  QuickSync quick(session_, std::move(followed));
  quick.begin();
  Status formed = form(timeout_ms);
  quick.end();
  return formed;
}

Status Formation::form(int64_t timeout_ms) {
  Status final_error;
  bool formed = wait_until(
      session_,
      [&] {
        final_error = round();
        return !final_error || (missing_.empty() && probe());
      },
      timeout_ms);
  if (!final_error) return final_error;
  if (formed || session_.interrupted()) return {};
  return fail(too_late(timeout_ms));
}

// Tells and introduces by what was seen last, then looks what came of it.
Status Formation::round() {
  if (Status told = tell(); !told) return told;
  Status introduced = introducer_.close(observed_, gaps_);
  if (!introduced && is_final(introduced.error())) return introduced;
  look();
  list_missing();
  return {};
}

void Formation::look() {
  look_again(session_, observed_);
  gaps_ = view_gaps(observed_);
}

// What the node has still to be told before it is what it shall be.
std::vector<Command> Formation::lacking(const Part& part) const {
  const PeerView* own = cluster::own_view(node(part));
  if (own == nullptr) return {};
  std::vector<Command> commands;
  // Distinct epochs from the start: servers that find two alike change one of them, and then another.
  if (own->config_epoch == 0 && node(part).server.peers.size() == 1)
    commands.push_back({"CLUSTER", "SET-CONFIG-EPOCH", fmt::format("{}", part.number)});
  if (!is_replica(part) && own->slots.empty()) {
    commands.push_back({"CLUSTER", "ADDSLOTSRANGE", fmt::format("{}", part.slots.front().first),
                        fmt::format("{}", part.slots.front().last)});
  }
  if (is_replica(part) && own->primary && knows(node(part), primary_id(part)))
    commands.push_back({"CLUSTER", "REPLICATE", primary_id(part)});
  return commands;
}

Status Formation::tell() {
  trouble_.clear();
  std::vector<engine::Request> requests;
  for (const Part& part : parts_) {
    std::vector<Command> commands = lacking(part);
    if (!commands.empty()) requests.push_back({node(part).address, std::move(commands)});
  }
  std::vector<engine::Response> responses = session_.servers.exchange(requests, session_.timeout_ms);
  for (size_t i = 0; i < requests.size(); ++i) {
    for (size_t k = 0; k < responses[i].replies.size(); ++k) {
      if (responses[i].replies[k].ok()) continue;
      Error refused = engine::refusal(requests[i].address, requests[i].commands[k], responses[i].replies[k]);
      if (is_final(refused)) return fail(std::move(refused));
      trouble_[requests[i].address] = refused.message;
    }
  }
  return {};
}

// What one node lacks by its own word; empty: nothing.
std::string Formation::lack_of(const Part& part) const {
  const NodeFacts& facts = node(part);
  auto refused = trouble_.find(facts.address);
  if (refused != trouble_.end()) return refused->second;
  if (!facts.answering()) {
    return fmt::format("{} does not answer any more{}", facts.name,
                       facts.note.empty() ? "" : ": " + facts.note);
  }
  const PeerView* own = cluster::own_view(facts);
  if (own == nullptr) return fmt::format("{} does not list itself", facts.name);
  if (is_replica(part)) {
    const std::string& primary = observed_.nodes[part.primary].name;
    if (own->primary) return fmt::format("{} does not follow {} yet", facts.name, primary);
    if (!facts.server.link_up || facts.server.syncing)
      return fmt::format("{} is not in sync with its primary {} yet", facts.name, primary);
  } else if (own->slots.empty()) {
    return fmt::format("{} does not own its slots yet", facts.name);
  }
  return facts.server.cluster_ok ? "" : fmt::format("{} says that the cluster is down", facts.name);
}

void Formation::list_missing() {
  missing_.clear();
  for (const Part& part : parts_) {
    std::string lack = lack_of(part);
    if (!lack.empty()) missing_.push_back(std::move(lack));
  }
  Progress progress;
  progress.what = "forming the cluster";
  progress.total = static_cast<int64_t>(parts_.size());
  progress.unit = "nodes";
  progress.done = progress.total - static_cast<int64_t>(missing_.size());
  session_.reporter.progress(progress);
  for (const ViewGap& gap : gaps_) missing_.push_back(describe(observed_, gap));
}

bool Formation::probe() {
  std::vector<ProbedShard> shards;
  for (const Part& part : parts_) {
    if (!is_replica(part)) shards.push_back({node(part).address, part.slots});
  }
  for (const std::optional<Error>& error : probe_writes(session_, shards)) {
    if (!error) continue;
    if (error->code != ErrorCode::kDenied) {
      missing_.push_back(error->message);
    } else {
      session_.reporter.warn(
          fmt::format("the cluster is made, but no write could be tried: {}", error->message));
      return true;
    }
  }
  return missing_.empty();
}

Error Formation::too_late(int64_t timeout_ms) const {
  size_t shown = std::min(missing_.size(), kMissingShown);
  std::string text =
      fmt::format("the cluster is not whole after {}; the same command again goes on from here. Missing:",
                  human_duration(timeout_ms));
  for (size_t i = 0; i < shown; ++i) text += "\n  " + missing_[i];
  if (missing_.size() > shown) text += fmt::format("\n  and {} more", missing_.size() - shown);
  return {ErrorCode::kTimeout, text};
}

}  // namespace keyway::admin
