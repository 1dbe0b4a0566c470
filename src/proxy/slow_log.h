// The last requests that took long, of one worker: as many as it has places. Written by the worker, read by
// any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/short_text.h"

namespace keyway::proxy {

struct SlowRequest {
  int64_t at_ms = 0;  // when it was answered, since 1970
  uint64_t took_us = 0;
  std::string server;        // "several" if it was sent in parts; empty: none has answered
  std::string client;        // its address
  std::string_view command;  // name, of the command table
  ShortText key;             // the first
};

class SlowLog {
 public:
  static constexpr size_t kEntries = 128;

  void add(SlowRequest request);
  // The last first.
  std::vector<SlowRequest> entries() const;

 private:
  mutable std::mutex mutex_;
  std::vector<SlowRequest> ring_;
  size_t next_ = 0;
};

}  // namespace keyway::proxy
