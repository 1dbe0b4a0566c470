// Whatever is taken for a quantity is written so that it is read back as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "platform/kubernetes/quantity.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace kubernetes = keyway::platform::kubernetes;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto amount = kubernetes::parse_quantity(text)) {
    if (*amount < 0 || kubernetes::parse_quantity(kubernetes::quantity_text(*amount)) != amount) std::abort();
  }
  if (const auto amount = kubernetes::parse_milli_quantity(text)) {
    if (kubernetes::parse_milli_quantity(kubernetes::milli_quantity_text(*amount)) != amount) std::abort();
  }
  return 0;
}
