#include "admin/throttle.h"

#include <algorithm>

namespace keyway::admin {

namespace {

constexpr int64_t kSecondMs = 1000;
constexpr int64_t kRateWindowMs = 3000;
constexpr int64_t kRateStepMs = 100;

}  // namespace

int64_t Throttle::pause_ms(int64_t bytes, int64_t at_ms) {
  if (max_bytes_per_s_ <= 0) return 0;
  auto cost_ms =
      static_cast<int64_t>(static_cast<double>(bytes) * kSecondMs / static_cast<double>(max_bytes_per_s_));
  paid_until_ms_ = std::max(paid_until_ms_, at_ms - kSecondMs) + cost_ms;
  return std::max<int64_t>(0, paid_until_ms_ - at_ms);
}

void Rate::count(int64_t total, int64_t at_ms) {
  if (!samples_.empty() && at_ms - samples_.back().at_ms < kRateStepMs) return;
  samples_.push_back({total, at_ms});
  while (samples_.size() > 2 && at_ms - samples_.front().at_ms > kRateWindowMs) samples_.pop_front();
}

int64_t Rate::per_s() const {
  if (samples_.size() < 2) return -1;
  int64_t elapsed_ms = std::max<int64_t>(1, samples_.back().at_ms - samples_.front().at_ms);
  return (samples_.back().total - samples_.front().total) * kSecondMs / elapsed_ms;
}

}  // namespace keyway::admin
