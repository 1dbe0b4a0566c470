// The keys with the largest requests and replies of late, in a place of fixed size. Without allocation. A
// value; one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/short_text.h"

namespace keyway::proxy {

class BigKeys {
 public:
  static constexpr size_t kEntries = 32;
  static constexpr int64_t kKeepMs = 600'000;  // those that were not seen for so long are forgotten

  struct Big {
    uint64_t hash = 0;
    ShortText key;
    uint64_t size_bytes = 0;        // the largest request or reply
    std::string_view command = {};  // its name, which outlives this
    int64_t seen_ms = 0;
  };

  void add(std::string_view key, uint64_t size_bytes, std::string_view command, int64_t now_ms);
  void forget_old(int64_t now_ms);
  // The largest first.
  std::vector<Big> keys() const;

 private:
  size_t used_ = 0;
  std::array<Big, kEntries> keys_;
};

}  // namespace keyway::proxy
