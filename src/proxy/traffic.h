// What a worker's traffic is like: which requests were slow, which keys are hot, which are big. Looks at one
// request in kSampleEach, and at each that is slow or large. Owned by its worker, whose thread it is but for
// what says otherwise. The commands' names come from the worker's tables, and live as long.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "proxy/big_keys.h"
#include "proxy/heavy_hitters.h"
#include "proxy/request.h"
#include "proxy/slow_log.h"
#include "resp/command_keys.h"

namespace keyway::proxy {

class Traffic {
 public:
  static constexpr uint32_t kSampleEach = 64;
  static constexpr size_t kLargeBytes = size_t{1} << 20;  // none of such a size is missed

  // A request of the client at `address` has its reply.
  void answered(const Request& request, uint64_t took_us, uint64_t slow_us, const Address& address) {
    --until_sample_;
    bool is_slow = took_us >= slow_us && !request.leased;  // one that is leased was asked to wait
    bool is_large = size_of(request) >= kLargeBytes;
    if (until_sample_ > 0 && !is_slow && !is_large) [[likely]]
      return;
    look_at(request, took_us, is_slow, is_large, address);
  }

  // Called each turn: shows others what there is, and lets it fade.
  void tick(int64_t now_ms);

  struct Keys {
    HeavyHitters hot;
    BigKeys big;
  };
  // As of the last second. Any thread.
  Keys keys() const;
  const SlowLog& slow_log() const { return slow_log_; }

 private:
  static size_t size_of(const Request& request) {
    return std::max<size_t>(request.bytes.size_bytes, request.reply_bytes() + request.streamed_bytes);
  }
  void look_at(const Request& request, uint64_t took_us, bool is_slow, bool is_large, const Address& address);
  void note_keys(const Request& request, bool is_sample);
  void note_slow(const Request& request, uint64_t took_us, const Address& address);
  // The positions of a request's keys in arguments_.
  resp::KeyPositions find_keys(const Request& request);
  uint32_t draw();

  int64_t until_sample_ = kSampleEach;
  uint64_t random_ = 0x9e3779b97f4a7c15U;
  int64_t now_ms_ = 0;
  int64_t faded_ms_ = 0;
  int64_t shown_ms_ = 0;
  std::vector<std::string_view> arguments_;
  std::string unquoted_;
  Keys keys_;
  mutable std::mutex mutex_;  // of shown_
  Keys shown_;
  SlowLog slow_log_;
};

}  // namespace keyway::proxy
