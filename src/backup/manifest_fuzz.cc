// Whatever is taken for a manifest, or for what verify found, is written so that it is read back as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "backup/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace backup = keyway::backup;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto manifest = backup::parse_manifest(text, "m")) {
    const auto again = backup::parse_manifest(backup::to_json(*manifest), "m");
    if (!again || *again != *manifest) std::abort();
  }
  if (const auto verification = backup::parse_verification(text, "v")) {
    const auto again = backup::parse_verification(backup::to_json(*verification), "v");
    if (!again || *again != *verification) std::abort();
  }
  return 0;
}
