// Strings of an RDB file as they were before the server packed them: short numbers, and LZF (M. Lehmann,
// LibLZF). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::rdb {

// A length, as the format writes them, or how a packed string follows.
struct Length {
  uint64_t value = 0;       // of a packed string: which packing, a number below 64
  bool packed = false;      // the two highest bits of the first byte are 1
  size_t header_bytes = 0;  // that it takes
};

// Nothing: more bytes are needed. kCorrupt: no such length.
Result<std::optional<Length>> read_length(std::string_view bytes);

// How long the string that begins here is in the file, with its header, once that is known.
Result<std::optional<uint64_t>> string_bytes(std::string_view bytes);

// `bytes` are one whole string of the file. kCorrupt if it cannot be unpacked.
Result<std::string> unpack_string(std::string_view bytes);

// kCorrupt if `packed` does not give exactly `size_bytes`.
Result<std::string> unpack_lzf(std::string_view packed, size_t size_bytes);

}  // namespace keyway::rdb
