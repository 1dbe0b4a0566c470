// Whatever a client or a supervisor sends: it is read or refused, and what was read means the same when
// written and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "supervisor/protocol.h"

using namespace keyway::supervisor;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  if (const auto request = decode_request(line)) {
    const std::string once = encode_request(*request);
    const auto again = decode_request(once);
    if (!again || again->index() != request->index() || encode_request(*again) != once) std::abort();
  }
  if (const auto progress = decode_progress(line)) {
    const std::string once = encode_progress(*progress);
    const auto again = decode_progress(once);
    if (!again || encode_progress(*again) != once) std::abort();
  }
  if (const auto generation = decode_generation(line)) {
    const auto again = decode_generation(encode_generation(*generation));
    if (!again || *again != *generation) std::abort();
  }
  return 0;
}
