// Any bytes are read as a spec or refused with an error that names a place; what is read keeps all rules and
// is read back from what is written of it.
#include <cstdint>
#include <cstdlib>

#include "cluster/spec.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyway::cluster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto spec = parse_spec(text, "f");
  if (!spec) {
    require(spec.error().message.starts_with("f:"));
    return 0;
  }
  require(validate(*spec).has_value());
  require(validate_change(*spec, *spec).has_value());
  const auto again = parse_spec(to_yaml(*spec), "f");
  require(again && *again == *spec);
  return 0;
}
