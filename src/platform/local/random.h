// Bytes from the kernel's random source. Any thread.
#pragma once

#include <cstddef>
#include <string>

namespace keyway::platform::local {

// Unpredictable; waits, early after boot, until the source is seeded.
std::string random_bytes(size_t count);

}  // namespace keyway::platform::local
