// The keys that come most often in a stream of keys, in a place of fixed size: the sketch Space-Saving, whose
// counts fade so that it tells of late. A key's count is too high by no more than its error, and any key that
// made up more than one in kEntries of the whole is in it. Without allocation. A value; one thread at a time.
// Source: Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data
// Streams", 2005.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/short_text.h"

namespace keyway::proxy {

class HeavyHitters {
 public:
  static constexpr size_t kEntries = 128;

  struct Hit {
    uint64_t hash = 0;  // by which a key is told from others
    ShortText key;
    double count = 0;
    double error = 0;
  };

  void add(std::string_view key);
  // All counts become half of what they are.
  void fade();

  // Of all that was added, faded as the counts are.
  double total() const { return total_; }
  // The heaviest first.
  std::vector<Hit> hits() const;

 private:
  size_t place_for(uint64_t hash) const;

  size_t used_ = 0;
  double total_ = 0;
  // Apart, since each search looks at all of one of them.
  std::array<uint64_t, kEntries> hashes_{};
  std::array<double, kEntries> counts_{};
  std::array<double, kEntries> errors_{};
  std::array<ShortText, kEntries> keys_;
};

}  // namespace keyway::proxy
