#include "proxy/heavy_hitters.h"

#include <algorithm>
#include <functional>

namespace keyway::proxy {

// The entry of that key; else a free one; else the lightest.
size_t HeavyHitters::place_for(uint64_t hash) const {
  auto used_end = hashes_.begin() + static_cast<std::ptrdiff_t>(used_);
  auto known = std::find(hashes_.begin(), used_end, hash);
  if (known != used_end) return static_cast<size_t>(known - hashes_.begin());
  if (used_ < kEntries) return used_;
  return static_cast<size_t>(std::ranges::min_element(counts_) - counts_.begin());
}

void HeavyHitters::add(std::string_view key) {
  uint64_t hash = std::hash<std::string_view>{}(key);
  size_t place = place_for(hash);
  bool is_free = place == used_;
  if (is_free) ++used_;
  if (is_free || hashes_[place] != hash) {
    errors_[place] = counts_[place];  // it may have come as often as who had the place
    hashes_[place] = hash;
    keys_[place] = ShortText(key);
  }
  counts_[place] += 1;
  total_ += 1;
}

void HeavyHitters::fade() {
  for (double& count : counts_) count /= 2;
  for (double& error : errors_) error /= 2;
  total_ /= 2;
}

std::vector<HeavyHitters::Hit> HeavyHitters::hits() const {
  std::vector<Hit> hits;
  for (size_t i = 0; i < used_; ++i) hits.push_back({hashes_[i], keys_[i], counts_[i], errors_[i]});
  std::ranges::sort(hits, std::ranges::greater{}, &Hit::count);
  return hits;
}

}  // namespace keyway::proxy
