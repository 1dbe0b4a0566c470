// The simulator's only source of chance: a small generator whose whole run follows from its seed, alike on
// every machine and with every standard library. A value; one thread.
#pragma once

#include <cstdint>

namespace keyway::simulation {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 0x632be59bd9b4e019ULL) {}

  // SplitMix64.
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  // 0 <= result < bound; bound > 0. The tiny bias of the remainder does not matter here.
  int below(int bound) { return static_cast<int>(next() % static_cast<uint64_t>(bound)); }

  // Both ends belong to it.
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(next() % static_cast<uint64_t>(high - low + 1));
  }

  // True `percent` times of a hundred.
  bool chance(int percent) { return below(100) < percent; }

 private:
  uint64_t state_;
};

}  // namespace keyway::simulation
