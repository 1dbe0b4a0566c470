#include "operator/status.h"

#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/slots.h"
#include "operator/sight.h"
#include "platform/kubernetes/time_text.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;
using kubernetes::Value;

namespace {

constexpr size_t kMaxMessage = 1024;

struct Condition {
  std::string_view type;
  std::string_view status;  // "True", "False", "Unknown"
  Remark why;
};

std::string_view truth(bool is_so) { return is_so ? "True" : "False"; }

Condition ready(const StatusInput& input) {
  const Outlook& outlook = input.decision.outlook;
  if (!outlook.known) return {"Ready", "False", input.decision.doing.front()};
  if (outlook.formed && outlook.not_serving.empty())
    return {"Ready",
            "True",
            {"Serving", fmt::format("{} take writes", count_of(std::ssize(outlook.wanted), "shard"))}};
  if (!outlook.formed && input.decision.refused) return {"Ready", "False", *input.decision.refused};
  if (!outlook.formed && !input.decision.doing.empty())
    return {"Ready", "False", input.decision.doing.front()};
  return {"Ready",
          "False",
          {"ShardsDown",
           fmt::format("without a primary that takes writes: {}", join(outlook.not_serving, ", "))}};
}

Condition progressing(const StatusInput& input) {
  if (input.decision.refused) return {"Progressing", "False", *input.decision.refused};
  if (!input.decision.doing.empty()) return {"Progressing", "True", input.decision.doing.front()};
  return {"Progressing", "False", {"AsSpecified", "the cluster is as its spec says"}};
}

Condition degraded(const StatusInput& input) {
  if (!input.failures.empty()) return {"Degraded", "True", input.failures.front()};
  if (input.decision.refused) return {"Degraded", "True", *input.decision.refused};
  if (!input.decision.troubles.empty()) return {"Degraded", "True", input.decision.troubles.front()};
  return {"Degraded", "False", {"NoTrouble", "nothing is known to be wrong"}};
}

Condition slots_covered(const Outlook& outlook) {
  constexpr std::string_view kType = "SlotsCovered";
  if (outlook.known && !outlook.sharded)
    return {kType, "True", {"Replicated", "a replicated server keeps all keys in one shard"}};
  if (!outlook.reported) return {kType, "Unknown", {"NoReport", "the agents have told nothing yet"}};
  if (outlook.slots_served == cluster::kSlotCount)
    return {kType, "True", {"AllSlots", "every hash slot has an owner that answers"}};
  return {kType,
          "False",
          {outlook.slots_assigned == cluster::kSlotCount ? "OwnersDown" : "SlotsUnassigned",
           fmt::format("of {} hash slots, {} have an owner, {} one that answers", cluster::kSlotCount,
                       outlook.slots_assigned, outlook.slots_served)}};
}

Condition redundant(const Outlook& outlook) {
  constexpr std::string_view kType = "Redundant";
  if (!outlook.reported) return {kType, "Unknown", {"NoReport", "the agents have told nothing yet"}};
  if (!outlook.not_redundant.empty())
    return {kType,
            "False",
            {"ReplicasMissing",
             fmt::format("fewer replicas in sync than wanted: {}", join(outlook.not_redundant, ", "))}};
  if (!outlook.wants_replicas)
    return {kType,
            "False",
            {"NoReplicasWanted", "there are shards without replicas; set spec.replicas to 1 or more"}};
  return {kType, "True", {"InSync", "every shard has the replicas that are wanted, in sync"}};
}

Condition users_applied(const StatusInput& input) {
  constexpr std::string_view kType = "UsersApplied";
  if (input.decision.refused) return {kType, "Unknown", *input.decision.refused};
  if (!input.decision.outlook.known) return {kType, "Unknown", input.decision.doing.front()};
  if (input.decision.users) return {kType, "False", *input.decision.users};
  return {
      kType, "True", {"InSecret", "the Secret has the users of the spec; servers take them over from there"}};
}

// In one word.
std::string_view state(const StatusInput& input, bool is_ready) {
  const Decision& decision = input.decision;
  if (decision.refused) return "invalid";
  if (!decision.outlook.formed) return "creating";
  if (!is_ready) return "unavailable";
  if (!input.failures.empty() || !decision.troubles.empty()) return "degraded";
  if (decision.doing.empty()) return "ready";
  const std::string& reason = decision.doing.front().reason;
  if (reason == "Rolling") return "rolling";
  if (reason == "Growing") return "growing";
  if (reason == "Scaling" || reason == "Moving" || reason == "Draining" || reason == "Removing")
    return "scaling";
  return "updating";
}

Value condition_value(const Condition& condition, const PriorStatus& prior, const StatusInput& input) {
  auto before = prior.conditions.find(std::string(condition.type));
  const bool same = before != prior.conditions.end() && before->second.status == condition.status &&
                    !before->second.since.empty();
  return kubernetes::fields(
      {{"type", condition.type},
       {"status", condition.status},
       {"reason", condition.why.reason},
       {"message", condition.why.message.substr(0, kMaxMessage)},
       {"observedGeneration", input.snapshot.cluster.meta.generation},
       {"lastTransitionTime", same ? before->second.since : kubernetes::time_text_s(input.now_s)}});
}

}  // namespace

std::string status_json(const StatusInput& input) {
  const PriorStatus prior = read_status(input.snapshot.cluster.status);
  const Outlook& outlook = input.decision.outlook;
  const Condition is_ready = ready(input);
  Value conditions;
  for (const Condition& one : {is_ready, progressing(input), degraded(input), slots_covered(outlook),
                               redundant(outlook), users_applied(input)})
    conditions.append(condition_value(one, prior, input));
  const int64_t serving = std::ssize(outlook.wanted) - std::ssize(outlook.not_serving);
  return to_json(
      kubernetes::fields({{"observedGeneration", input.snapshot.cluster.meta.generation},
                          {"state", state(input, is_ready.status == truth(true))},
                          {"mode", kubernetes::if_given(outlook.mode)},
                          {"engine", kubernetes::if_given(outlook.engine)},
                          {"shards", outlook.shards},
                          {"readyShards", serving},
                          {"ready", fmt::format("{}/{}", serving, outlook.wanted.size())},
                          {"version", kubernetes::if_given(outlook.version)},
                          {"selector", kubernetes::if_given(outlook.selector)},
                          {"lastOutcome", outlook.last_outcome == 0 ? Value() : Value(outlook.last_outcome)},
                          {"conditions", std::move(conditions)}}));
}

bool same_status(std::string_view one, std::string_view other) {
  const auto parse = [](std::string_view text) { return nlohmann::json::parse(text, nullptr, false); };
  return !one.empty() && !other.empty() && parse(one) == parse(other);
}

}  // namespace keyway::operators
