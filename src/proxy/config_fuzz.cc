// Any bytes are read as a configuration or refused with an error that names a place.
#include <cstdint>
#include <cstdlib>

#include "proxy/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyway::proxy;
  auto config = parse_config({reinterpret_cast<const char*>(data), size}, "f");
  if (!config && !config.error().message.starts_with("f:")) std::abort();
  if (config && config->limits.max_client_bytes < config->limits.client_pause_bytes) std::abort();
  return 0;
}
