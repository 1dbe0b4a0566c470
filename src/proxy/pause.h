// CLIENT PAUSE: until when commands of the proxy's clients are held back, and which. A value of each worker;
// one thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "resp/command_spec.h"

namespace keyway::proxy {

// Whether the command writes, as far as is known, or what it does may have to be replicated.
bool may_write(const resp::CommandSpec& spec);

struct Pause {
  int64_t until_ms = 0;  // 0: nothing is held back
  bool all = false;      // else only what may write

  // As servers do: a further pause neither shortens nor weakens one that lasts.
  void prolong(int64_t further_until_ms, bool further_all) {
    all = all || further_all;
    until_ms = std::max(until_ms, further_until_ms);
  }
  bool holds(const resp::CommandSpec& spec) const { return all || may_write(spec); }
};

}  // namespace keyway::proxy
