#include "cli/estimate.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cli {

namespace {

// Rates measured on one machine with two cores; others differ, but rarely by more than a few times.
constexpr int64_t kSlotsPerS = 2000;
constexpr int64_t kKeysPerS = 50'000;
constexpr int64_t kMoveBytesPerS = int64_t{50} << 20;
constexpr int64_t kCopyBytesPerS = int64_t{100} << 20;  // full copies to replicas, loading and saving

constexpr int64_t kStartMs = 500;
constexpr int64_t kNewPrimaryMs =
    2000;  // a server refuses writes for its first 2 s as a primary of a cluster
constexpr int64_t kStopMs = 200;
constexpr int64_t kSwitchoverMs = 500;
constexpr int64_t kCommandMs = 10;

int64_t at_rate_ms(int64_t amount, int64_t per_s) { return amount * 1000 / per_s; }

Cost move_cost(const cluster::MoveSlots& move, const DataSizes& sizes) {
  Cost cost;
  int64_t slots = 0;
  for (const cluster::SlotRange& range : move.slots) {
    for (int slot = range.first; slot <= range.last; ++slot) {
      ++slots;
      int64_t keys = sizes.keys_in_slot[static_cast<size_t>(slot)];
      cost.keys += keys;
      auto shard = sizes.shards.find(sizes.shard_of_slot[static_cast<size_t>(slot)]);
      if (shard == sizes.shards.end() || shard->second.keys == 0) continue;
      cost.size_bytes +=
          static_cast<int64_t>(static_cast<double>(shard->second.size_bytes) * static_cast<double>(keys) /
                               static_cast<double>(shard->second.keys));
    }
  }
  cost.duration_ms = at_rate_ms(slots, kSlotsPerS) +
                     std::max(at_rate_ms(cost.keys, kKeysPerS), at_rate_ms(cost.size_bytes, kMoveBytesPerS));
  return cost;
}

bool starts_as_primary(const cluster::Action& action) {
  const auto& start = std::get<cluster::StartNode>(action);
  bool replica = std::ranges::any_of(
      start.table, [](const cluster::PeerView& peer) { return peer.myself && !peer.primary; });
  return start.follow.empty() && !start.hold && !replica;
}

}  // namespace

std::string how_estimated() {
  return fmt::format(
      "Keys are counted slot by slot; bytes are the data's memory by their share of the shard's keys. Times "
      "are estimates: {} slots/s, {} "
      "keys/s and at most {}/s for moves, {}/s for copies to replicas.",
      kSlotsPerS, kKeysPerS, human_bytes(kMoveBytesPerS), human_bytes(kCopyBytesPerS));
}

Cost cost_of(const ForeseenStep& step, const DataSizes& sizes) {
  if (const auto* move = std::get_if<cluster::MoveSlots>(&step.step.action)) return move_cost(*move, sizes);
  auto found = sizes.shards.find(step.step.shard);
  int64_t shard_bytes = found == sizes.shards.end() ? 0 : found->second.size_bytes;
  std::string_view kind = cluster::kind(step.step.action);
  // A server that starts loads its data or is sent a copy; a new replica is sent one.
  if (kind == "start_node") {
    bool new_primary = found == sizes.shards.end() && starts_as_primary(step.step.action);
    int64_t start_ms = new_primary ? kNewPrimaryMs : kStartMs;
    return {0, shard_bytes, start_ms + at_rate_ms(shard_bytes, kCopyBytesPerS)};
  }
  if (kind == "stop_node") return {0, 0, kStopMs + at_rate_ms(shard_bytes, kCopyBytesPerS)};
  if (kind == "promote") return {0, 0, kSwitchoverMs};
  return {0, 0, kCommandMs};
}

Cost total_cost(const std::vector<ForeseenStep>& steps, const std::vector<Cost>& costs) {
  Cost total;
  std::map<int, int64_t> longest_ms;  // by stage
  for (size_t i = 0; i < steps.size(); ++i) {
    total.keys += costs[i].keys;
    total.size_bytes += costs[i].size_bytes;
    // Moves take turns, slice by slice; servers start and stop side by side.
    if (std::holds_alternative<cluster::MoveSlots>(steps[i].step.action)) {
      total.duration_ms += costs[i].duration_ms;
    } else {
      longest_ms[steps[i].stage] = std::max(longest_ms[steps[i].stage], costs[i].duration_ms);
    }
  }
  for (const auto& [stage, duration_ms] : longest_ms) total.duration_ms += duration_ms;
  return total;
}

}  // namespace keyway::cli
