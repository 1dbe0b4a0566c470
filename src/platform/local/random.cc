#include "platform/local/random.h"

#include <sys/random.h>

namespace keyway::platform::local {

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  size_t filled = 0;
  while (filled < bytes.size()) {
    // Fails only when a signal interrupts it.
    ssize_t got = ::getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    if (got > 0) filled += static_cast<size_t>(got);
  }
  return bytes;
}

}  // namespace keyway::platform::local
