#include "cli/proxy_place.h"

#include "base/format.h"
#include "cli/clusters.h"
#include "platform/local/adopt.h"
#include "platform/local/paths.h"
#include "platform/local/ports.h"

namespace keyway::cli {

Result<Address> metrics_of(const Address& given, const std::string& cluster, const std::string& home) {
  if (!given.empty()) return given;
  std::string place = home;
  if (place.empty()) {
    Result<std::string> found = platform::local::find_home();
    if (!found) return fail(found.error());
    place = *found;
  }
  Result<Chosen> chosen = choose_cluster(place, cluster);
  if (!chosen) return fail(chosen.error());
  if (!chosen->state.spec.proxy) {
    return fail(ErrorCode::kNotFound,
                fmt::format("the cluster {} has no proxy; `keyway up {} --proxy` gives it one", chosen->name,
                            chosen->name));
  }
  std::optional<platform::local::ProcessIdentity> process = platform::local::find_proxy(chosen->paths);
  if (!process) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("the proxy of the cluster {} does not run; `keyway status {}` says why",
                            chosen->name, chosen->name));
  }
  for (uint16_t port : platform::local::find_listening_ports(process->pid)) {
    if (port != chosen->state.proxy_port) return Address{"127.0.0.1", port};
  }
  return fail(
      ErrorCode::kUnavailable,
      fmt::format(
          "the proxy of the cluster {} tells nothing about itself, since clients have to log in there; "
          "`keyway proxy --metrics ADDR:PORT … {}` starts one that does",
          chosen->name, chosen->name));
}

}  // namespace keyway::cli
