#include "ledger.h"

#include <algorithm>

#include "server.h"

namespace keyway::simulation {
namespace {

// A copy that Keyway could see for so long before a decision should have been taken into account.
constexpr int64_t kSeenUs = 2'000'000;

}  // namespace

void Ledger::resize(int keys) {
  promised_.assign(static_cast<size_t>(keys), 0);
  attempted_.assign(static_cast<size_t>(keys), 0);
  homes_.assign(static_cast<size_t>(keys), std::string());
}

void Ledger::violation(const std::string& text) {
  if (failure_) return;
  failure_ = fmt::format("at {:.3f} s: {}", static_cast<double>(world_.now_us()) / 1e6, text);
  if (world_.tracing) world_.trace("VIOLATION: " + text);
}

// Whether a newer primary of the same data exists already: what `at` takes now is lost by the servers' own
// rules.
bool Ledger::doomed(int key, const Server& at) const {
  int slot = world_.key_slots[static_cast<size_t>(key)];
  for (int i = 0; i < world_.place_count(); ++i) {
    const Server* other = world_.server(i);
    if (other == nullptr || other == &at || !other->is_primary() || other->home().shard != at.home().shard)
      continue;
    if (other->bus == nullptr) {
      if (other->replication.primary_since_us > at.replication.primary_since_us) return true;
      continue;
    }
    if (at.bus == nullptr || other->bus->owner(slot) != other->bus->my_id()) continue;
    if (other->bus->me().config_epoch > at.bus->me().config_epoch) return true;
  }
  return false;
}

void Ledger::acknowledge(int key, int64_t value, const Server& at) {
  ++acknowledged_count_;
  if (doomed(key, at)) {
    if (!world_.settings.unplanned) {
      violation(fmt::format("{} took a write of {} after it had been replaced", at.name(),
                            world_.key_names[static_cast<size_t>(key)]));
    }
    return;
  }
  promised_[static_cast<size_t>(key)] = value;
  moved(key, at);
}

void Ledger::note_data(const std::string& shard) { known_data_.try_emplace(shard, world_.now_us()); }

void Ledger::moved(int key, const Server& to) { homes_[static_cast<size_t>(key)] = to.home().shard; }

int64_t Ledger::best_copy(int key) const {
  int64_t best = 0;
  for (int i = 0; i < world_.place_count(); ++i) {
    if (world_.place(i).shard != homes_[static_cast<size_t>(key)]) continue;
    const Server* server = world_.server(i);
    const Disk& disk = world_.place(i).disk;
    if (server != nullptr && server->serving()) {
      best = std::max(best, server->values[static_cast<size_t>(key)]);
    } else if (disk.has_data && disk.loadable) {
      best = std::max(best, disk.values[static_cast<size_t>(key)]);
    }
  }
  return best;
}

void Ledger::copy_gone(Cause cause, int place, const char* how) {
  bool excused = cause == Cause::kFault || (cause == Cause::kReplicated && world_.settings.unplanned);
  for (size_t key = 0; key < promised_.size(); ++key) {
    int64_t best = best_copy(static_cast<int>(key));
    if (best >= promised_[key]) continue;
    if (excused) {
      if (world_.tracing) {
        world_.trace(fmt::format("forgiven: {} {} -> {}", world_.key_names[key], promised_[key], best));
      }
      ++forgiven_count_;
      promised_[key] = best;
      continue;
    }
    violation(fmt::format("the last copy of {} = {} was lost on {}: {} (best elsewhere: {})",
                          world_.key_names[key], promised_[key], world_.place(place).name, how, best));
    return;
  }
}

void Ledger::takes_over(const Server& server, Claim claim) {
  for (size_t key = 0; key < promised_.size(); ++key) {
    if (server.bus != nullptr && server.bus->owner(world_.key_slots[key]) != server.bus->my_id()) continue;
    if (doomed(static_cast<int>(key), server)) continue;  // it will hear of its replacement
    check_key(server, static_cast<int>(key), claim);
  }
}

// A server that takes over with less than was promised must have been the best choice.
void Ledger::check_key(const Server& server, int key, Claim claim) {
  size_t at = static_cast<size_t>(key);
  if (server.values[at] >= promised_[at]) return;
  if (homes_[at] != server.home().shard) return;  // in the middle of its slot's way from shard to shard
  int64_t decided_us = claim == Claim::kStarted ? server.started_us : world_.now_us();
  // Coming up empty is never excused; but of data that appeared a moment ago Keyway cannot know.
  auto data = known_data_.find(server.home().shard);
  bool empty = server.total_keys() == 0 && data != known_data_.end() && data->second < decided_us;
  for (int i = 0; i < world_.place_count(); ++i) {
    const Place& place = world_.place(i);
    if (i == server.place || place.shard != server.home().shard) continue;
    const Server* other = world_.server(i);
    bool live = other != nullptr && other->serving();
    bool on_disk = !live && place.disk.has_data && place.disk.loadable;
    int64_t value = live ? other->values[at] : on_disk ? place.disk.values[at] : 0;
    if (value <= server.values[at]) continue;
    bool seen = sees ? sees(server.place, i, kSeenUs) : world_.reachable_for(i, kSeenUs);
    bool known = live && seen && other->started_us < decided_us;
    bool excused = claim == Claim::kElected || (!known && !empty);
    if (world_.settings.unplanned && excused) continue;
    violation(fmt::format("{} takes over with {} = {} though {} has {} of {} promised", server.name(),
                          world_.key_names[at], server.values[at], place.name, value, promised_[at]));
    return;
  }
  if (!world_.settings.unplanned) {
    violation(fmt::format("{} takes over with {} = {} of {} promised", server.name(), world_.key_names[at],
                          server.values[at], promised_[at]));
    return;
  }
  if (world_.tracing) {
    world_.trace(
        fmt::format("forgiven: {} {} -> {}", world_.key_names[at], promised_[at], server.values[at]));
  }
  ++forgiven_count_;
  promised_[at] = server.values[at];
}

}  // namespace keyway::simulation
