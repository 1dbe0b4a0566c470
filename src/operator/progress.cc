#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/strings.h"
#include "operator/parts.h"
#include "platform/kubernetes/names.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;

namespace {

// "no_primary" as conditions and Events have their reasons: "NoPrimary".
std::string reason_of(std::string_view code) {
  std::string reason;
  bool capital = true;
  for (char c : code) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter) reason += capital && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    capital = !letter;
  }
  return reason.empty() ? "Problem" : reason;
}

void read_pods(const std::string& name, const ShardSight& shard, Decision& decision) {
  size_t ready = 0;
  for (const ServerPod* pod : shard.pods) {
    if (pod->ready && !pod->meta.deleting) ++ready;
    if (!pod->trouble.empty())
      decision.troubles.push_back(
          {pod->trouble, fmt::format("pod {}: {}", pod->meta.name,
                                     pod->trouble_text.empty() ? pod->trouble : pod->trouble_text)});
  }
  if (shard.wanted == nullptr) return;
  const auto wanted = static_cast<size_t>(shard.wanted->replicas) + 1;
  if (shard.set == nullptr || shard.pods.size() != wanted || ready != wanted)
    decision.doing.push_back(
        {"WaitingForPods", fmt::format("{} of {} of shard {} ready", ready,
                                       count_of(static_cast<int64_t>(wanted), "pod"), name)});
}

void read_report(const Sight& sight, Decision& decision) {
  const kubernetes::Report& report = *sight.report;
  if (!report.formed) decision.doing.push_back({"Forming", "the servers are being made into a cluster"});
  if (!report.doing.empty()) decision.doing.push_back({"Moving", report.doing});
  for (const kubernetes::Report::Problem& problem : report.problems)
    decision.troubles.push_back({reason_of(problem.code), problem.text});
  const int64_t told = sight.prior.last_outcome;
  // A counter that went back began anew.
  const bool began_anew = !report.outcomes.empty() && report.outcomes.back().n < told;
  for (const kubernetes::Report::Outcome& outcome : report.outcomes) {
    if (outcome.n <= told && !began_anew) continue;
    std::string text = outcome.what;
    if (!outcome.why.empty()) text += ": " + outcome.why;
    if (!outcome.text.empty()) text += "; " + outcome.text;
    decision.events.push_back({fmt::format("{}-outcome-{}", sight.meta().uid, outcome.n), !outcome.ok,
                               outcome.ok ? "StepDone" : "StepFailed", std::move(text)});
  }
}

// "8.0" of "registry.example/redis:8.0@sha256:…"; empty: it has no tag.
std::string tag_of(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const size_t slash = image.rfind('/');
  const size_t colon = image.rfind(':');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash)) return {};
  return std::string(image.substr(colon + 1));
}

bool takes_writes(const Sight& sight, const ShardSight& shard) {
  if (shard.report == nullptr || shard.report->primary.empty()) return false;
  if (sight.spec.mode == cluster::Mode::kSharded && shard.report->slots == 0) return false;
  return std::ranges::any_of(shard.pods, [&shard](const ServerPod* pod) {
    return pod->meta.name == shard.report->primary && pod->ready;
  });
}

void look_at_shard(const Sight& sight, const cluster::PartitionSpec& wanted, Outlook& outlook) {
  const ShardSight& shard = sight.shards.at(wanted.name);
  outlook.wanted.push_back(wanted.name);
  outlook.wants_replicas = outlook.wants_replicas && wanted.replicas > 0;
  if (!takes_writes(sight, shard)) outlook.not_serving.push_back(wanted.name);
  if (shard.report == nullptr || shard.report->replicas_in_sync < wanted.replicas)
    outlook.not_redundant.push_back(wanted.name);
}

void look_out(const Sight& sight, bool refused, Outlook& outlook) {
  outlook.known = true;
  outlook.mode = refused ? sight.prior.mode : std::string(to_string(sight.spec.mode));
  outlook.engine = refused ? sight.prior.engine : std::string(to_string(sight.spec.engine.kind));
  outlook.sharded = sight.spec.mode == cluster::Mode::kSharded;
  outlook.selector = fmt::format("{}={},{}={}", kubernetes::cluster_label(sight.spec.mode), sight.meta().name,
                                 kubernetes::kRoleLabel, kubernetes::kPartitionRole);
  outlook.last_outcome = sight.prior.last_outcome;
  std::set<std::string> versions;
  for (const auto& [name, shard] : sight.shards) {
    if (shard.set != nullptr) ++outlook.shards;
    for (const ServerPod* pod : shard.pods) {
      if (std::string tag = tag_of(pod->image); !tag.empty()) versions.insert(std::move(tag));
    }
  }
  outlook.version = join({versions.begin(), versions.end()}, ",");
  for (const cluster::PartitionSpec& wanted : sight.spec.partitions) look_at_shard(sight, wanted, outlook);
  if (!sight.report) return;
  outlook.reported = true;
  outlook.formed = sight.report->formed;
  outlook.slots_assigned = sight.report->slots_assigned;
  outlook.slots_served = sight.report->slots_served;
  if (!sight.report->outcomes.empty()) outlook.last_outcome = sight.report->outcomes.back().n;
}

}  // namespace

void read_progress(const Sight& sight, Decision& decision) {
  look_out(sight, decision.refused.has_value(), decision.outlook);
  for (const auto& [name, shard] : sight.shards) read_pods(name, shard, decision);
  if (sight.report) read_report(sight, decision);
  if (!sight.report_is_current() && !decision.refused)
    decision.doing.push_back(
        {"WaitingForAgents", "the agents have not told yet what they make of the present spec"});
}

}  // namespace keyway::operators
