// restart: pods are made anew. Where an operator makes the cluster, it is asked to, and goes on with it
// whatever becomes of this process. Elsewhere each is evicted, one at a time, so that disruption budgets
// hold; the agent of a primary hands over before it ends.
#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/format.h"
#include "base/strings.h"
#include "cli/interrupt.h"
#include "cli/kubectl/actions.h"
#include "cli/kubectl/annotation.h"
#include "cli/kubectl/status.h"
#include "platform/kubernetes/api_versions.h"
#include "platform/kubernetes/switchover_wish.h"

namespace keyway::cli {

namespace kubernetes = platform::kubernetes;

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kLookMs = 1'000;
constexpr int64_t kPodMs = 300'000;  // for one pod: to be allowed to go, to end, to come back, to be ready

struct Restart {
  PluginSession& session;
  Output& output;
  Interrupts& interrupts;
  std::string policy_version;

  // Calls `look` each second until it says true or fails.
  Status wait(const std::string& what, const std::function<Result<bool>()>& look) const {
    Clock::time_point until = Clock::now() + std::chrono::milliseconds(kPodMs);
    for (;;) {
      Result<bool> done = look();
      if (!done) return fail(done.error());
      if (*done) return {};
      if (Clock::now() > until)
        return fail(ErrorCode::kTimeout, fmt::format("{} within {}", what, human_duration(kPodMs)));
      if (interrupts.wait(kLookMs)) return fail(ErrorCode::kConflict, "interrupted");
    }
  }
};

// The pod as it is now; nothing: it is gone, or on its way out.
Result<std::optional<kubernetes::PodView>> look_at(const Restart& restart, const std::string& pod) {
  kubernetes::ApiResult<std::string> body = restart.session.client.call(
      kubernetes::get_request(kubernetes::kPods, restart.session.name_space, pod));
  if (!body && body.error().code == kubernetes::ApiCode::kNotFound)
    return std::optional<kubernetes::PodView>();
  if (!body) return fail(explained(body.error()));
  Result<kubernetes::PodView> view = kubernetes::parse_pod(*body);
  if (!view) return fail(view.error());
  return std::optional(*std::move(view));
}

// And another one than that.
Result<bool> is_ready(const Restart& restart, const std::string& pod, const std::string& not_uid) {
  Result<std::optional<kubernetes::PodView>> view = look_at(restart, pod);
  if (!view) return fail(view.error());
  return *view && (*view)->ready && !(*view)->meta.deleting && (*view)->meta.uid != not_uid;
}

Status wait_ready(const Restart& restart, const std::string& pod, const std::string& not_uid) {
  return restart.wait(fmt::format("{} was not ready", pod), [&] { return is_ready(restart, pod, not_uid); });
}

Status restart_one(const Restart& restart, const PodShard& shard, const kubernetes::PodView& pod) {
  const std::string& name = pod.meta.name;
  // Never while another of the shard is missing.
  for (const kubernetes::PodView& other : shard.pods) {
    if (other.meta.name == name) continue;
    if (Status ready = wait_ready(restart, other.meta.name, ""); !ready) return ready;
  }
  restart.output.note(fmt::format("{} is made anew", name));
  Status evicted = restart.wait(fmt::format("{} could not be evicted", name), [&]() -> Result<bool> {
    kubernetes::ApiResult<std::string> answer = restart.session.client.call(kubernetes::evict_request(
        restart.session.name_space, name, restart.policy_version, {.uid = pod.meta.uid}));
    if (answer || answer.error().code == kubernetes::ApiCode::kNotFound) return true;
    if (answer.error().code == kubernetes::ApiCode::kTooManyRequests) return false;
    return fail(explained(answer.error()));
  });
  return evicted ? wait_ready(restart, name, pod.meta.uid) : evicted;
}

// Of each shard those that are to be made anew: replicas first, the primary last.
struct Choice {
  const PodShard* shard;
  std::vector<const kubernetes::PodView*> pods;
};

// `word`: a shard, a pod, or empty for all of them.
Result<std::vector<Choice>> choose(const PodCluster& cluster, const std::string& word) {
  std::vector<Choice> choices;
  for (const auto& [name, shard] : cluster.shards) {
    Choice choice{&shard, {}};
    for (const kubernetes::PodView& pod : shard.pods) {
      if (word.empty() || word == name || word == pod.meta.name) choice.pods.push_back(&pod);
    }
    std::ranges::stable_partition(
        choice.pods, [&](const kubernetes::PodView* pod) { return pod->meta.name != shard.primary(); });
    if (!choice.pods.empty()) choices.push_back(std::move(choice));
  }
  if (choices.empty() && !word.empty())
    return fail(ErrorCode::kNotFound, fmt::format("{} has no pod or shard \"{}\"", cluster.name, word));
  return choices;
}

Status restart_by_eviction(Restart& restart, const std::vector<Choice>& choices) {
  kubernetes::ApiResult<kubernetes::ApiVersions> versions = kubernetes::discover(restart.session.client);
  if (!versions) return fail(explained(versions.error()));
  restart.policy_version = versions->eviction_version;
  for (const Choice& choice : choices) {
    for (const kubernetes::PodView* pod : choice.pods) {
      if (Status done = restart_one(restart, *choice.shard, *pod); !done) return done;
    }
  }
  return {};
}

// Adds to the wish, or takes from it, the pods of these uids. Those of pods that are gone go with the next
// wish.
Status change_wish(const Restart& restart, const PodCluster& cluster, const std::set<std::string>& uids,
                   bool wanted) {
  return change_annotation(
      restart.session, kKeywayClusters, cluster.name, kubernetes::kRestartAnnotation,
      [&](const std::string& before) -> std::optional<std::string> {
        std::set<std::string> wish = wanted ? uids : std::set<std::string>();
        for (const std::string& uid : kubernetes::parse_restarts(before).value_or(std::set<std::string>())) {
          bool there = std::ranges::any_of(cluster.shards, [&](const auto& shard) {
            return std::ranges::any_of(shard.second.pods,
                                       [&](const auto& pod) { return pod.meta.uid == uid; });
          });
          if (there && (wanted || !uids.contains(uid))) wish.insert(uid);
        }
        if (wish.empty()) return std::nullopt;
        return nlohmann::json(wish).dump();
      });
}

Status restart_by_operator(const Restart& restart, const PodCluster& cluster,
                           const std::vector<Choice>& choices) {
  std::set<std::string> uids;
  std::map<std::string, std::string> left;  // uids by name
  for (const Choice& choice : choices) {
    for (const kubernetes::PodView* pod : choice.pods) {
      uids.insert(pod->meta.uid);
      left[pod->meta.name] = pod->meta.uid;
    }
  }
  if (Status asked = change_wish(restart, cluster, uids, true); !asked) return asked;
  restart.output.note(
      fmt::format("the operator was asked to make {} anew, and goes on with it without this command",
                  count_of(std::ssize(uids), "pod")));
  while (!left.empty()) {
    std::string done;
    Status waited = restart.wait(
        fmt::format("no further pod was made anew ({} left; `kubectl keyway status` says what is in the way)",
                    left.size()),
        [&]() -> Result<bool> {
          for (const auto& [name, uid] : left) {
            Result<bool> ready = is_ready(restart, name, uid);
            if (!ready) return fail(ready.error());
            if (*ready) done = name;
            if (*ready) return true;
          }
          return false;
        });
    if (!waited) return waited;
    left.erase(done);
    restart.output.note(fmt::format("{} was made anew", done));
  }
  return change_wish(restart, cluster, uids, false);
}

}  // namespace

Outcome restart_pods(PluginSession& session, const PodCluster& cluster, const PluginRequest& request,
                     Output& output) {
  Result<std::vector<Choice>> choices = choose(cluster, request.word);
  if (!choices) return fail(choices.error());
  Interrupts interrupts;
  Restart restart{session, output, interrupts, {}};
  Status done = cluster.object.empty() ? restart_by_eviction(restart, *choices)
                                       : restart_by_operator(restart, cluster, *choices);
  if (!done && interrupts.wait(0)) return tl::unexpected(Failure(done.error(), kExitInterrupted));
  if (!done) return fail(done.error());
  return kExitDone;
}

}  // namespace keyway::cli
