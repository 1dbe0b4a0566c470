// Any bytes are read as a kubeconfig or refused with an error that names a place; what is read can be
// resolved or is refused in the same way, and never gives a head of a request that has lines of its own.
#include <cstdint>
#include <cstdlib>

#include "platform/kubernetes/kubeconfig.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool one_line(const std::string& text) { return text.find_first_of("\r\n") == std::string::npos; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyway;
  using namespace keyway::platform::kubernetes;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<Kubeconfig> config = parse_kubeconfig(text, "/f");
  if (!config) {
    require(config.error().message.starts_with("/f:"));
    return 0;
  }
  for (const auto& [name, context] : config->contexts) {
    const Result<ClientConfig> resolved = resolve_kubeconfig(*config, name, "/f");
    if (!resolved) {
      require(resolved.error().code == ErrorCode::kInvalidArgument && !resolved.error().message.empty());
      continue;
    }
    require(resolved->server.port != 0 && one_line(resolved->server.host) && one_line(resolved->path_prefix));
    require(one_line(resolved->token) && one_line(resolved->as_user));
    require(resolved->tls.certificate_text.empty() == resolved->tls.key_text.empty());
  }
  return 0;
}
