#include "proxy/events.h"

#include <chrono>
#include <mutex>
#include <utility>

namespace keyway::proxy {

namespace {

constexpr int64_t kSecondMs = 1000;
constexpr std::array<std::string_view, kEvents> kNames = {
    "start", "reload", "topology", "lost_server", "refused_client", "denied_login", "drain", "trouble"};

// As the log itself: for the whole process, and never destroyed.
struct Limiter {
  std::mutex mutex;
  EventRate rate;
};

Limiter& the_limiter() {
  static Limiter& instance = *new Limiter();
  return instance;
}

int64_t clock_ms() {
  auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

size_t place(Event event) { return static_cast<size_t>(event); }

}  // namespace

std::string_view to_string(Event event) { return kNames[place(event)]; }

std::optional<uint64_t> EventRate::admit(Event event, int64_t now_ms) {
  Kind& kind = kinds_[place(event)];
  if (kind.second != now_ms / kSecondMs) {
    kind.second = now_ms / kSecondMs;
    kind.told = 0;
  }
  if (kind.told >= kASecond) {
    ++kind.left_out;
    return std::nullopt;
  }
  ++kind.told;
  return std::exchange(kind.left_out, 0);
}

uint64_t EventRate::take_left_out(Event event, int64_t now_ms) {
  Kind& kind = kinds_[place(event)];
  return kind.second == now_ms / kSecondMs ? 0 : std::exchange(kind.left_out, 0);
}

void tell(LogLevel level, Event event, std::string_view text, const LogFields& fields) {
  std::optional<uint64_t> left_out;
  {
    Limiter& limiter = the_limiter();
    std::lock_guard lock(limiter.mutex);
    left_out = limiter.rate.admit(event, clock_ms());
  }
  if (!left_out) return;
  LogFields all = {{"event", std::string(to_string(event))}};
  all.insert(all.end(), fields.begin(), fields.end());
  if (*left_out > 0) all.emplace_back("left_out", std::to_string(*left_out));
  log(level, text, all);
}

void tell_left_out() {
  for (size_t i = 0; i < kEvents; ++i) {
    auto event = static_cast<Event>(i);
    uint64_t left_out = 0;
    {
      Limiter& limiter = the_limiter();
      std::lock_guard lock(limiter.mutex);
      left_out = limiter.rate.take_left_out(event, clock_ms());
    }
    if (left_out == 0) continue;
    log_warning("there were more events of this kind than are logged",
                {{"event", std::string(to_string(event))}, {"left_out", std::to_string(left_out)}});
  }
}

}  // namespace keyway::proxy
