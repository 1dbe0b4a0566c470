#include "proxy/big_keys.h"

#include <algorithm>
#include <functional>

namespace keyway::proxy {

void BigKeys::add(std::string_view key, uint64_t size_bytes, std::string_view command, int64_t now_ms) {
  uint64_t hash = std::hash<std::string_view>{}(key);
  auto end = keys_.begin() + static_cast<std::ptrdiff_t>(used_);
  auto place = std::find_if(keys_.begin(), end, [&](const Big& big) { return big.hash == hash; });
  if (place != end) {
    place->seen_ms = now_ms;
    if (size_bytes <= place->size_bytes) return;
  } else if (used_ < kEntries) {
    ++used_;
  } else {
    place = std::ranges::min_element(keys_, {}, &Big::size_bytes);
    if (size_bytes <= place->size_bytes) return;
  }
  *place = {hash, ShortText(key), size_bytes, command, now_ms};
}

void BigKeys::forget_old(int64_t now_ms) {
  auto end = keys_.begin() + static_cast<std::ptrdiff_t>(used_);
  auto kept =
      std::remove_if(keys_.begin(), end, [&](const Big& big) { return now_ms - big.seen_ms > kKeepMs; });
  used_ = static_cast<size_t>(kept - keys_.begin());
}

std::vector<BigKeys::Big> BigKeys::keys() const {
  std::vector<Big> keys(keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(used_));
  std::ranges::sort(keys, std::ranges::greater{}, &Big::size_bytes);
  return keys;
}

}  // namespace keyway::proxy
