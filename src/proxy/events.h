// What the proxy logs: a line an event, of each kind only so many a second, so that no client and no broken
// server can flood the log. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/log.h"

namespace keyway::proxy {

enum class Event : uint8_t {
  kStart,
  kReload,
  kTopology,       // another primary, another owner of slots, the cluster found or not found
  kLostServer,     // a connection with unanswered requests broke, or could not be made
  kRefusedClient,  // too many, or no descriptors left
  kDeniedLogin,
  kDrain,
  kTrouble,  // of the proxy itself
};
inline constexpr size_t kEvents = 8;

std::string_view to_string(Event event);

// Logs it with the field "event", unless too many of its kind were logged within this second; "left_out" says
// of a later one how many were not.
void tell(LogLevel level, Event event, std::string_view text, const LogFields& fields = {});

// Says how many were left out of the kinds of which none was logged since. Called each second or so.
void tell_left_out();

// How many of each kind there may be. One thread at a time.
class EventRate {
 public:
  static constexpr uint64_t kASecond = 10;

  // How many were left out since the last one that was let pass; nothing: this one is left out too.
  std::optional<uint64_t> admit(Event event, int64_t now_ms);
  // The left out ones of a kind whose second is over, once.
  uint64_t take_left_out(Event event, int64_t now_ms);

 private:
  struct Kind {
    int64_t second = -1;
    uint64_t told = 0;  // within it
    uint64_t left_out = 0;
  };

  std::array<Kind, kEvents> kinds_;
};

}  // namespace keyway::proxy
