#include "proxy/stats.h"

namespace keyway::proxy {

std::shared_ptr<ServerStats> ServerTable::of(const std::string& name) {
  std::lock_guard lock(mutex_);
  bool is_full = entries_.size() >= kMaxServers && !entries_.contains(name);
  Entry& entry = entries_[is_full ? "other" : name];
  if (entry.stats == nullptr) entry.stats = std::make_shared<ServerStats>(is_full ? "other" : name);
  entry.unused_since_ms = 0;
  return entry.stats;
}

void ServerTable::drop_gone(int64_t now_ms) {
  std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    int64_t& since_ms = entry->second.unused_since_ms;
    bool unused = entry->second.stats->connections.read() == 0;
    if (!unused) since_ms = 0;
    if (unused && since_ms == 0) since_ms = now_ms;
    entry = unused && now_ms - since_ms > kKeepMs ? entries_.erase(entry) : std::next(entry);
  }
}

std::vector<std::shared_ptr<const ServerStats>> ServerTable::all() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const ServerStats>> all;
  all.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) all.push_back(entry.stats);
  return all;
}

}  // namespace keyway::proxy
