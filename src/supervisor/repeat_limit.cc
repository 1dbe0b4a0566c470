#include "supervisor/repeat_limit.h"

#include <algorithm>
#include <utility>

namespace keyway::supervisor {
namespace {

constexpr int64_t kFirstIntervalMs = 5'000;
constexpr int64_t kLongestIntervalMs = 300'000;
constexpr int64_t kPeaceMs = 600'000;
constexpr size_t kMaxKinds = 2000;

}  // namespace

std::optional<int> RepeatLimit::admit(const std::string& kind, int64_t now_ms) {
  if (const auto it = kinds_.find(kind); it != kinds_.end() && now_ms - it->second.seen_ms < kPeaceMs) {
    Kind& known = it->second;
    known.seen_ms = now_ms;
    if (now_ms - known.told_ms < known.interval_ms) {
      ++known.held_back;
      return std::nullopt;
    }
    known.told_ms = now_ms;
    known.interval_ms = std::min(known.interval_ms * 2, kLongestIntervalMs);
    return std::exchange(known.held_back, 0);
  }
  if (kinds_.size() >= kMaxKinds) make_room(now_ms);
  kinds_[kind] = {now_ms, now_ms, kFirstIntervalMs, 0};
  return 0;
}

void RepeatLimit::make_room(int64_t now_ms) {
  std::erase_if(kinds_, [&](const auto& entry) { return now_ms - entry.second.seen_ms >= kPeaceMs; });
  if (kinds_.size() < kMaxKinds) return;
  const auto oldest = std::min_element(kinds_.begin(), kinds_.end(), [](const auto& a, const auto& b) {
    return a.second.seen_ms < b.second.seen_ms;
  });
  kinds_.erase(oldest);
}

}  // namespace keyway::supervisor
