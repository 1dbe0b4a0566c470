#include "admin/probe.h"

#include "base/format.h"
#include "engine/refusal.h"
#include "resp/slot.h"

namespace keyway::admin {

namespace {

// Should its deletion fail, it goes by itself.
constexpr const char* kLifetimeMs = "10000";

std::optional<Error> outcome(const engine::Request& request, const engine::Response& response) {
  if (response.error) return response.error;
  const resp::Reply& written = response.replies.front();
  if (!written.ok()) return engine::refusal(request.address, request.commands.front(), written);
  return std::nullopt;
}

}  // namespace

// Only the hash tag counts, and 16,384 slots take a number of tries that is small on average; every slot has
// some number below a million.
std::string probe_key(const cluster::SlotRanges& slots) {
  for (int number = 0;; ++number) {
    std::string key = fmt::format("keyway:probe:{{{}}}", number);
    if (cluster::contains(slots, resp::key_slot(key))) return key;
  }
}

std::vector<std::optional<Error>> probe_writes(Session& session, const std::vector<ProbedShard>& shards) {
  std::vector<engine::Request> requests;
  for (const ProbedShard& shard : shards) {
    std::string key = probe_key(shard.slots);
    requests.push_back({shard.primary, {{"SET", key, "1", "PX", kLifetimeMs}, {"DEL", key}}});
  }
  std::vector<engine::Response> responses = session.servers.exchange(requests, session.timeout_ms);
  std::vector<std::optional<Error>> outcomes;
  for (size_t i = 0; i < requests.size(); ++i) outcomes.push_back(outcome(requests[i], responses[i]));
  return outcomes;
}

}  // namespace keyway::admin
