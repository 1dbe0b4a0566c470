// What clocks on a wall show at a moment, and which moment it is when they show something. Immutable; any
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"

namespace keyway {

class TimeZone {
 public:
  // "Europe/Berlin", by the machine's own tables (tzdata); "" and "UTC" need none. kInvalidArgument: there is
  // no such zone here.
  static Result<TimeZone> load(const std::string& name);

  std::chrono::local_time<std::chrono::milliseconds> civil(int64_t wall_ms) const;
  // If clocks show it twice, the first of the two; if they skip it, the moment at which they do.
  int64_t wall_ms(std::chrono::local_time<std::chrono::minutes> civil) const;

 private:
  struct Impl;
  explicit TimeZone(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

  std::shared_ptr<const Impl> impl_;
};

}  // namespace keyway
