#include "proxy/read_plan.h"

#include <algorithm>

namespace keyway::proxy {

namespace {

using cluster::ServerFacts;

constexpr int64_t kSameAnywayUs = 300;  // round trips that differ by less are taken for equal

const NodeLook* find(const NodeLooks& looks, const Address& address) {
  auto found = looks.find(address);
  return found != looks.end() && found->second.answers ? &found->second : nullptr;
}

// A primary that cannot be asked: its replica's word has to do.
bool heard_of_late(const ServerFacts& replica, const ReadOptions& options) {
  return replica.last_io_ms >= 0 && replica.last_io_ms <= options.max_lag_ms;
}

bool is_fresh(const ServerFacts& replica, const NodeLook* primary, const LagHistory& history,
              const ReadOptions& options, int64_t now_ms) {
  if (replica.role != cluster::Role::kReplica || !replica.link_up || replica.syncing) return false;
  if (primary == nullptr) return heard_of_late(replica, options);
  if (replica.replid != primary->facts.replid) return false;  // their offsets cannot be compared
  int64_t behind_bytes = primary->facts.offset - replica.offset;
  if (behind_bytes <= 0) return true;
  if (options.max_lag_bytes && behind_bytes > *options.max_lag_bytes) return false;
  return history.lag_ms(now_ms, replica.offset) <= options.max_lag_ms && heard_of_late(replica, options);
}

// Leaves those that are nearest to the proxy.
void keep_nearest(std::vector<Address>& readers, const NodeLooks& looks, const std::string& zone) {
  auto is_here = [&](const Address& address) {
    const NodeLook* look = find(looks, address);
    return !zone.empty() && look != nullptr && look->facts.zone == zone;
  };
  if (std::ranges::any_of(readers, is_here)) {
    std::erase_if(readers, [&](const Address& address) { return !is_here(address); });
    return;
  }
  auto round_trip_us = [&](const Address& address) {
    const NodeLook* look = find(looks, address);
    return look == nullptr || look->round_trip_us < 0 ? INT64_MAX : look->round_trip_us;
  };
  int64_t least_us = INT64_MAX;
  for (const Address& address : readers) least_us = std::min(least_us, round_trip_us(address));
  if (least_us == INT64_MAX) return;
  int64_t enough_us = least_us + least_us / 2 + kSameAnywayUs;
  std::erase_if(readers, [&](const Address& address) { return round_trip_us(address) > enough_us; });
}

}  // namespace

void LagHistory::note(int64_t now_ms, const std::string& replid, int64_t offset) {
  if (replid != replid_) samples_.clear();
  replid_ = replid;
  int64_t step_ms = max_lag_ms_ / kSamples;
  if (!samples_.empty() && now_ms - samples_.back().at_ms < step_ms) return;
  samples_.push_back({now_ms, offset});
  // One that is older than the bound stays, by which is seen that the bound is passed.
  while (samples_.size() > 2 && now_ms - samples_[1].at_ms > max_lag_ms_) samples_.pop_front();
}

int64_t LagHistory::lag_ms(int64_t now_ms, int64_t offset) const {
  auto beyond = std::ranges::upper_bound(samples_, offset, {}, &Sample::offset);
  return beyond == samples_.end() ? 0 : now_ms - beyond->at_ms;
}

ReadPlan plan_reads(const Topology& topology, const NodeLooks& looks, const ReadOptions& options,
                    std::map<Address, LagHistory>& histories, int64_t now_ms) {
  ReadPlan plan;
  std::erase_if(histories, [&](const auto& entry) { return !looks.contains(entry.first); });
  for (const TopologyNode& primary : topology.nodes) {
    if (!primary.primary) continue;
    const NodeLook* look = find(looks, primary.address);
    LagHistory& history =
        histories.try_emplace(primary.address, LagHistory(options.max_lag_ms)).first->second;
    if (look != nullptr) {
      history.note(now_ms, look->facts.replid, look->facts.offset);
      for (const cluster::OpenSlot& open : look->facts.open_slots) plan.moving.set(open.slot);
    }
    std::vector<Address> readers;
    for (const TopologyNode& node : topology.nodes) {
      if (node.primary || node.primary_id != primary.id || node.failed) continue;
      const NodeLook* replica = find(looks, node.address);
      if (replica == nullptr) {
        plan.silent.push_back(node.address);
      } else if (is_fresh(replica->facts, look, history, options, now_ms)) {
        readers.push_back(node.address);
      }
    }
    if (readers.empty()) continue;
    if (options.policy == ReadPolicy::kNearest) {
      readers.push_back(primary.address);
      keep_nearest(readers, looks, options.zone);
    }
    plan.readers.emplace(primary.address, std::move(readers));
  }
  return plan;
}

}  // namespace keyway::proxy
