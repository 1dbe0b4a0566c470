// Any key: its slot exists, and is that of its hash tag alone, which lies within the key.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "resp/slot.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view key(reinterpret_cast<const char*>(data), size);
  std::string_view tag = keyway::resp::hash_tag(key);
  require(tag.data() >= key.data() && tag.data() + tag.size() <= key.data() + key.size());
  require(keyway::resp::key_slot(key) == keyway::resp::crc16(tag) % 16384);
  if (tag.size() != key.size()) {
    require(!tag.empty() && tag.find('}') == std::string_view::npos);
    require(*(tag.data() - 1) == '{' && *(tag.data() + tag.size()) == '}');
    require(key.find('{') == static_cast<size_t>(tag.data() - key.data()) - 1);
  }
  return 0;
}
