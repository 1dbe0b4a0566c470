// failover: a replica becomes the primary of its shard. The wish goes where the agents look: to the
// KeywayCluster, from which the operator tells them, or where there is none to the Lease itself.
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/strings.h"
#include "cli/interrupt.h"
#include "cli/kubectl/actions.h"
#include "cli/kubectl/annotation.h"
#include "cli/kubectl/status.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/switchover_wish.h"

namespace keyway::cli {

namespace kubernetes = platform::kubernetes;

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kLookMs = 500;
constexpr int64_t kWaitMs = 60'000;

// Where wishes for switchovers are kept: an annotation of an object, by shard.
struct WishPlace {
  const kubernetes::ResourceType& type;
  std::string name;
  std::string_view annotation;
};

using Wishes = std::map<std::string, std::string>;

WishPlace place_of(const PodCluster& cluster, const std::string& shard) {
  if (!cluster.object.empty()) return {kKeywayClusters, cluster.name, kubernetes::kSwitchoverAnnotation};
  return {kubernetes::kLeases, cluster.lease_name(shard), kubernetes::kWantedAnnotation};
}

Wishes read_wishes(const WishPlace& place, const std::string& text) {
  if (place.annotation == kubernetes::kWantedAnnotation) {
    Result<kubernetes::Wanted> wanted = kubernetes::parse_wanted(text);
    return wanted ? wanted->switchover : Wishes{};
  }
  return kubernetes::parse_switchovers(text).value_or(Wishes{});
}

// Nothing: the annotation goes.
std::optional<std::string> text_of(const WishPlace& place, const std::string& before, const Wishes& wishes) {
  if (place.annotation != kubernetes::kWantedAnnotation) {
    if (wishes.empty()) return std::nullopt;
    return nlohmann::json(wishes).dump();
  }
  kubernetes::Wanted wanted = kubernetes::parse_wanted(before).value_or(kubernetes::Wanted{});
  wanted.switchover = wishes;
  if (wanted == kubernetes::Wanted{}) return std::nullopt;
  return kubernetes::wanted_json(wanted);
}

// Puts the wish, or with an empty `pod` takes it back.
Status put_wish(PluginSession& session, const WishPlace& place, const std::string& shard,
                const std::string& pod) {
  return change_annotation(session, place.type, place.name, place.annotation, [&](const std::string& before) {
    Wishes wishes = read_wishes(place, before);
    pod.empty() ? (void)wishes.erase(shard) : (void)(wishes[shard] = pod);
    return text_of(place, before, wishes);
  });
}

// The pod that shall be the primary. kNotFound, kConflict: none can.
Result<std::string> target_of(const PodCluster& cluster, const PluginRequest& request) {
  auto shard = cluster.shards.find(request.word);
  if (shard == cluster.shards.end()) {
    std::vector<std::string> names;
    for (const auto& [name, one] : cluster.shards) names.push_back(name);
    return fail(ErrorCode::kNotFound, fmt::format("{} has no shard \"{}\"; it has {}", cluster.name,
                                                  request.word, join(names, ", ")));
  }
  std::string primary = shard->second.primary();
  std::vector<std::string> able;
  for (const kubernetes::PodView& pod : shard->second.pods) {
    bool wished = request.to.empty() ? pod.meta.name != primary : pod.meta.name == request.to;
    if (pod.ready && !pod.meta.deleting && wished) return pod.meta.name;
    if (pod.ready && pod.meta.name != primary) able.push_back(pod.meta.name);
  }
  std::string who = able.empty() ? "none is" : join(able, ", ") + " are";
  return fail(ErrorCode::kConflict,
              fmt::format("{} cannot be the primary of {}: it is no pod of that shard, or is not ready; {}",
                          request.to.empty() ? "no other pod" : request.to, request.word, who));
}

// Whether labels and agents agree that the pod is the shard's one primary. Either alone may be ahead: a
// label is set before the former primary has heard of it, and may be taken back once by that one's agent.
Result<bool> is_primary(PluginSession& session, const PodCluster& cluster, const std::string& shard,
                        const std::string& pod) {
  for (const kubernetes::PodView& one : cluster.shards.at(shard).pods) {
    kubernetes::ApiResult<std::string> body =
        session.client.call(kubernetes::get_request(kubernetes::kPods, session.name_space, one.meta.name));
    bool gone = !body && body.error().code == kubernetes::ApiCode::kNotFound;
    if (gone && one.meta.name != pod) continue;
    if (!body) return fail(explained(body.error()));
    Result<kubernetes::PodView> view = kubernetes::parse_pod(*body);
    if (!view) return fail(view.error());
    bool marked = view->meta.label(kubernetes::kShardRoleLabel) == kubernetes::kShardRolePrimary;
    if (marked != (one.meta.name == pod)) return false;
  }
  std::optional<kubernetes::Report> report = read_report(session, cluster.lease_name(shard));
  // Who may not read it goes by the labels.
  if (!report) return true;
  auto told = report->shards.find(shard);
  return told != report->shards.end() && told->second.primary == pod;
}

// kTimeout: it has not become the primary.
Status wait_for_primary(PluginSession& session, Interrupts& interrupts, const PodCluster& cluster,
                        const std::string& shard, const std::string& pod) {
  Clock::time_point until = Clock::now() + std::chrono::milliseconds(kWaitMs);
  while (Clock::now() < until) {
    Result<bool> done = is_primary(session, cluster, shard, pod);
    if (!done) return fail(done.error());
    if (*done) return {};
    if (interrupts.wait(kLookMs)) return fail(ErrorCode::kConflict, "interrupted; the wish stands");
  }
  return fail(ErrorCode::kTimeout,
              fmt::format("{} has not become the primary within {}; the wish stands: see "
                          "`kubectl keyway status` for what is in its way",
                          pod, human_duration(kWaitMs)));
}

}  // namespace

Outcome fail_over(PluginSession& session, const PodCluster& cluster, const PluginRequest& request,
                  Output& output) {
  Result<std::string> target = target_of(cluster, request);
  if (!target) return fail(target.error());
  const std::string& shard = request.word;
  Result<bool> already = is_primary(session, cluster, shard, *target);
  if (!already) return fail(already.error());
  if (*already) {
    output.note(fmt::format("{} is the primary of {} already", *target, shard));
    return kExitDone;
  }
  WishPlace place = place_of(cluster, shard);
  Interrupts interrupts;
  if (Status put = put_wish(session, place, shard, *target); !put) return fail(put.error());
  output.note(fmt::format("a switchover of {} to {} was asked for", shard, *target));
  if (!request.wait) return kExitDone;
  Status done = wait_for_primary(session, interrupts, cluster, shard, *target);
  if (!done && interrupts.wait(0)) return tl::unexpected(Failure(done.error(), kExitInterrupted));
  if (!done) return fail(done.error());
  // A wish that was met and stays would stand in the way of the next one for the same pod.
  if (Status back = put_wish(session, place, shard, ""); !back) return fail(back.error());
  output.note(fmt::format("{} is now the primary of {}", *target, shard));
  return kExitDone;
}

}  // namespace keyway::cli
