// How often and how long one request is tried. Owned by whoever makes the request; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "backup/s3/settings.h"

namespace keyway::backup::s3 {

class Tries {
 public:
  // `interrupted` (may be null): nothing is tried again once it says true.
  Tries(const Patience& patience, std::function<bool()> interrupted);

  // Waits before the next try; false: there is none. `wanted_ms`: how long the server asks to be left alone.
  bool again(int most, int64_t wanted_ms = 0);

  int made() const { return made_; }
  // "3 tries in 12.1 s".
  std::string text() const;

 private:
  Patience patience_;
  std::function<bool()> interrupted_;
  int made_ = 1;
  int64_t begun_ms_;
};

}  // namespace keyway::backup::s3
