#include "engine/atomic_jobs.h"

#include "base/format.h"
#include "engine/mover_view.h"
#include "engine/refusal.h"

namespace keyway::engine {

namespace {

AtomicState state_of(const std::string& text) {
  if (text == "success") return AtomicState::kSuccess;
  if (text == "failed") return AtomicState::kFailed;
  if (text == "cancelled") return AtomicState::kCancelled;
  return AtomicState::kUnderWay;
}

}  // namespace

Result<std::vector<AtomicJob>> parse_atomic_jobs(const resp::Reply& reply) {
  if (reply.type != resp::ReplyType::kArray)
    return fail(ErrorCode::kCorrupt, "the list of slot migrations is no array");
  std::vector<AtomicJob> jobs;
  for (const resp::Reply& fields : reply.elements) {
    AtomicJob& job = jobs.emplace_back();
    for (size_t i = 0; i + 1 < fields.elements.size(); i += 2) {
      const std::string& name = fields.elements[i].text;
      const std::string& value = fields.elements[i + 1].text;
      if (name == "name") job.name = value;
      if (name == "operation") job.is_export = value == "EXPORT";
      if (name == "target_node") job.target_id = value;
      if (name == "state") job.state = state_of(value);
      if (name == "message") job.message = value;
      if (name != "slot_ranges") continue;
      std::optional<cluster::SlotRanges> slots = cluster::parse_slots(value);
      if (!slots)
        return fail(ErrorCode::kCorrupt, fmt::format("'{}' is no list of slots of a migration", value));
      job.slots = cluster::normalize(*slots);
    }
    if (job.name.empty() || job.slots.empty())
      return fail(ErrorCode::kCorrupt, "a slot migration has no name or no slots");
  }
  return jobs;
}

Result<std::vector<AtomicJob>> atomic_jobs(Servers& servers, const Address& address) {
  const resp::Command command = {"CLUSTER", "GETSLOTMIGRATIONS"};
  Result<resp::Reply> reply = servers.call(address, command, kMoverCallTimeoutMs);
  if (!reply) return fail(reply.error());
  if (reply->is_error()) return fail(refusal(address, command, *reply));
  Result<std::vector<AtomicJob>> jobs = parse_atomic_jobs(*reply);
  if (!jobs) return fail(jobs.error().code, fmt::format("{}: {}", to_string(address), jobs.error().message));
  return jobs;
}

}  // namespace keyway::engine
