#include "supervisor/repeat_limit.h"

#include <algorithm>
#include <utility>

namespace keyway::supervisor {
namespace {

constexpr int64_t kFirstIntervalMs = 5'000;
constexpr int64_t kLongestIntervalMs = 300'000;
constexpr int64_t kPeaceMs = 120'000;
constexpr int kFree = 3;
constexpr size_t kMaxKinds = 2000;

}  // namespace

std::optional<int> RepeatLimit::admit(const std::string& kind, int64_t now_ms) {
  if (!kinds_.contains(kind) && kinds_.size() >= kMaxKinds) make_room(now_ms);
  Kind& known = kinds_[kind];
  if (now_ms - known.seen_ms >= kPeaceMs) known = {};
  known.seen_ms = now_ms;
  if (now_ms - known.told_ms < known.interval_ms) {
    ++known.held_back;
    return std::nullopt;
  }
  known.told_ms = now_ms;
  if (++known.told >= kFree) {
    known.interval_ms = std::clamp(known.interval_ms * 2, kFirstIntervalMs, kLongestIntervalMs);
  }
  return std::exchange(known.held_back, 0);
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
