#include "engine/mover_pace.h"

#include <algorithm>

namespace keyway::engine {

namespace {

constexpr int64_t kMaxWeight = int64_t{4} << 20;
constexpr int64_t kMaxCalls = 100;
constexpr int64_t kLeastWeight = 32 * SizedKey::kKeyWeight;  // of keys whose sizes are known
constexpr double kMostShrinking = 0.25;
constexpr double kSlowestBytesAUs = 1;
constexpr double kFastestBytesAUs = 1000;
// Calls that weigh less are mostly the calls themselves and tell nothing of bytes.
constexpr int64_t kTellingWeight = int64_t{1} << 20;

int64_t scaled(int64_t number, double factor) {
  return static_cast<int64_t>(static_cast<double>(number) * factor);
}

}  // namespace

int64_t MovePace::estimate_us(int64_t weight) const {
  return static_cast<int64_t>(static_cast<double>(weight) / weight_a_us_);
}

int64_t MovePace::budget_us(int64_t max_call_us) const {
  return std::clamp(4 * way_us_, max_call_us / 4, max_call_us / 2);
}

void MovePace::learn(const MoveLoad& load, int64_t elapsed_us, int64_t max_call_us) {
  learn_way(elapsed_us);
  int64_t busy_us = std::max<int64_t>(1, elapsed_us - way_us_);
  int64_t budget = budget_us(max_call_us);
  if (load.weight >= kTellingWeight && load.keys == 1) {
    double seen = static_cast<double>(load.weight) / static_cast<double>(busy_us);
    weight_a_us_ = std::clamp((weight_a_us_ + seen) / 2, kSlowestBytesAUs, kFastestBytesAUs);
  }
  // One key that is too big for the budget says nothing of how many small ones fit.
  if (busy_us > budget && load.keys > 1) {
    // The machine may have been busy with something else: what was one bad moment is made good soon.
    double factor = static_cast<double>(budget) / static_cast<double>(busy_us);
    if (load.weighed) factor = std::max(factor, kMostShrinking);
    int64_t least = load.weighed ? kLeastWeight : SizedKey::kKeyWeight;
    max_weight_ = std::max(least, scaled(std::min(max_weight_, load.weight), factor));
    max_calls_ = std::max<int64_t>(1, scaled(std::min(max_calls_, load.calls), factor));
  } else if (busy_us * 3 <= budget * 2) {
    double factor = busy_us * 4 <= budget ? 2 : 1.4;
    if (load.out_of_weight) max_weight_ = std::min(kMaxWeight, scaled(max_weight_, factor));
    if (load.out_of_calls) max_calls_ = std::min(kMaxCalls, scaled(max_calls_, factor) + 1);
  }
}

void MovePace::learn_way(int64_t elapsed_us) {
  if (way_us_ < 0 || elapsed_us < way_us_) way_us_ = elapsed_us;
}

}  // namespace keyway::engine
