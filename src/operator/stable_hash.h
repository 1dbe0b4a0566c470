// A hash that is the same in all versions of the program and on all machines, for names and marks that
// outlive it: FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/). Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace keyway::operators {

inline uint64_t stable_hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace keyway::operators
