#include "backup/s3/tries.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backup/waiting.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/strings.h"
#include "platform/local/random.h"

namespace keyway::backup::s3 {

namespace {

constexpr int kMaxDoublings = 16;

uint32_t random_number() {
  uint32_t number = 0;
  std::string bytes = platform::local::random_bytes(sizeof number);
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

}  // namespace

Tries::Tries(const Patience& patience, std::function<bool()> interrupted)
    : patience_(patience), interrupted_(std::move(interrupted)), begun_ms_(monotonic_ms()) {}

bool Tries::again(int most, int64_t wanted_ms) {
  if (made_ >= most || (interrupted_ && interrupted_())) return false;
  int64_t delay_ms = patience_.backoff_min_ms << std::min(made_ - 1, kMaxDoublings);
  delay_ms = std::clamp<int64_t>(std::max(delay_ms, wanted_ms), 1, patience_.backoff_max_ms);
  // Not all clients at the same moment.
  delay_ms -= random_number() % (delay_ms / 2 + 1);
  if (monotonic_ms() - begun_ms_ + delay_ms > patience_.total_ms) return false;
  wait_unless(interrupted_, delay_ms);
  if (interrupted_ && interrupted_()) return false;
  ++made_;
  return true;
}

std::string Tries::text() const {
  return fmt::format("{} in {}", made_ == 1 ? "1 try" : fmt::format("{} tries", made_),
                     human_duration(monotonic_ms() - begun_ms_));
}

}  // namespace keyway::backup::s3
