#include "engine/mover_lost_importer.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "engine/mover.h"
#include "engine/mover_view.h"
#include "engine/refusal.h"

namespace keyway::engine {

namespace {

using resp::Reply;

// Of a flat list of names and values, as CLUSTER SHARDS has them inside of each other.
const Reply* value_of(const Reply& fields, std::string_view name) {
  for (size_t i = 0; i + 1 < fields.elements.size(); i += 2) {
    if (fields.elements[i].text == name) return &fields.elements[i + 1];
  }
  return nullptr;
}

std::vector<std::string> ids_of(const Reply& shard) {
  std::vector<std::string> ids;
  const Reply* nodes = value_of(shard, "nodes");
  if (nodes == nullptr) return ids;
  for (const Reply& node : nodes->elements) {
    if (const Reply* id = value_of(node, "id")) ids.push_back(id->text);
  }
  return ids;
}

bool holds(const std::vector<std::string>& ids, const std::string& id) {
  return std::ranges::find(ids, id) != ids.end();
}

Status raise_epoch(Servers& servers, const Address& address) {
  const resp::Command command = {"CLUSTER", "BUMPEPOCH"};
  Result<Reply> reply = servers.call(address, command, kMoverCallTimeoutMs);
  if (!reply) return fail(reply.error());
  return reply->is_error() ? fail(refusal(address, command, *reply)) : Status{};
}

}  // namespace

Status outrank(Servers& servers, const MoveTask& task, const MoverViews& views, MoveMemory& memory) {
  const MoverView& from = views.from;
  const MoverView& to = views.to;
  if ((from.owned & to.owned).any())
    return {};  // else the source would take back what it was about to let go
  if (!memory.outranked && from.epoch < to.epoch) return raise_epoch(servers, task.from);
  memory.outranked = true;
  bool behind = to.epoch < from.epoch && to.peer_epoch >= from.epoch;
  return behind ? raise_epoch(servers, task.to) : Status{};
}

Result<std::optional<Address>> lost_importer(Servers& servers, const MoveTask& task,
                                             const MoverViews& views) {
  if (views.to.idle_primaries.empty()) return std::optional<Address>{};
  const resp::Command command = {"CLUSTER", "SHARDS"};
  Result<Reply> shards = servers.call(task.to, command, kMoverCallTimeoutMs);
  if (!shards) return fail(shards.error());
  if (shards->type != resp::ReplyType::kArray) return fail(refusal(task.to, command, *shards));
  for (const Reply& shard : shards->elements) {
    std::vector<std::string> ids = ids_of(shard);
    if (!holds(ids, task.to_id)) continue;
    for (const auto& [id, address] : views.to.idle_primaries) {
      if (holds(ids, id)) return std::optional<Address>{address};
    }
  }
  return std::optional<Address>{};
}

}  // namespace keyway::engine
