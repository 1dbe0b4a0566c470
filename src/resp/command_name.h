// Names of commands and options as clients write them: ASCII letters in any case. Pure, without allocation;
// any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace keyway::resp {

// The capital ASCII letters among eight bytes made small.
// Source: Tony Finch, "tolower() with SWAR", https://dotat.at/@/2022-06-27-tolower-swar.html
inline uint64_t to_lower_8(uint64_t bytes) {
  constexpr uint64_t kEach = 0x0101010101010101U;
  uint64_t heptets = bytes & (0x7f * kEach);
  uint64_t above_z = heptets + ((0x7f - 'Z') * kEach);
  uint64_t from_a = heptets + ((0x80 - 'A') * kEach);
  uint64_t is_capital = ~bytes & (above_z ^ from_a) & (0x80 * kEach);
  return bytes | (is_capital >> 2);
}

// The first and the last eight bytes of a name, made small; of a shorter one all its bytes. Together with the
// length they tell all names of up to 16 bytes apart.
struct NameWords {
  uint64_t head = 0;
  uint64_t tail = 0;

  explicit NameWords(std::string_view name) {
    const char* bytes = name.data();
    size_t size = name.size();
    if (size >= 8) {
      std::memcpy(&head, bytes, 8);
      std::memcpy(&tail, bytes + size - 8, 8);
    } else if (size >= 4) {
      std::memcpy(&head, bytes, 4);
      std::memcpy(&tail, bytes + size - 4, 4);
    } else if (size > 0) {
      head = static_cast<uint8_t>(bytes[0]);
      tail = static_cast<uint64_t>(static_cast<uint8_t>(bytes[size / 2])) << 8 |
             static_cast<uint8_t>(bytes[size - 1]);
    }
    head = to_lower_8(head);
    tail = to_lower_8(tail);
  }

  size_t hash() const {
    uint64_t mixed = (head ^ std::rotl(tail, 29)) * 0x9e3779b97f4a7c15U;
    return static_cast<size_t>(mixed >> 32);
  }
};

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// `small` is in lower case.
inline bool same_name(std::string_view name, std::string_view small) {
  if (name.size() != small.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (lower(name[i]) != small[i]) return false;
  }
  return true;
}

}  // namespace keyway::resp
