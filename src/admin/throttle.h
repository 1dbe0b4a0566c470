// How fast something goes, and how long to wait so that it goes no faster than wished. Pure: the time is an
// argument, in monotonic milliseconds.
#pragma once

#include <cstdint>
#include <deque>

namespace keyway::admin {

// Lets `max_bytes_per_s` through on average; what was not used is forgotten after a second.
class Throttle {
 public:
  explicit Throttle(int64_t max_bytes_per_s) : max_bytes_per_s_(max_bytes_per_s) {}  // 0: no limit

  // So many bytes went; how long to wait before the next.
  int64_t pause_ms(int64_t bytes, int64_t at_ms);

 private:
  int64_t max_bytes_per_s_;
  int64_t paid_until_ms_ = 0;  // what went so far is paid for up to then
};

// Counts of the last few seconds.
class Rate {
 public:
  void count(int64_t total, int64_t at_ms);
  int64_t per_s() const;  // -1: not known yet

 private:
  struct Sample {
    int64_t total = 0;
    int64_t at_ms = 0;
  };
  std::deque<Sample> samples_;
};

}  // namespace keyway::admin
