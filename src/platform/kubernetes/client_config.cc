#include "platform/kubernetes/client_config.h"

#include <cstdlib>

#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/kubeconfig.h"
#include "platform/local/files.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr size_t kMaxKubeconfigBytes = 4 << 20;
constexpr size_t kMaxNameBytes = 4096;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Which files `choice` means, and whether somebody named them.
std::string files_of(const KubeconfigChoice& choice, bool& named) {
  named = true;
  if (!choice.files.empty()) return choice.files;
  if (std::string files = variable("KUBECONFIG"); !files.empty()) return files;
  named = false;
  std::string home = variable("HOME");
  return home.empty() ? "" : home + "/.kube/config";
}

}  // namespace

Result<ClientConfig> in_cluster_config(const std::string& folder) {
  std::string host = variable("KUBERNETES_SERVICE_HOST");
  std::string port = variable("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return fail(ErrorCode::kNotFound,
                "this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  }
  ClientConfig config;
  config.source = "the service account of this pod";
  std::optional<uint64_t> number = parse_uint(port);
  if (!number || *number == 0 || *number > UINT16_MAX)
    return fail(ErrorCode::kInvalidArgument, fmt::format("KUBERNETES_SERVICE_PORT is no port: '{}'", port));
  config.server = {host, static_cast<uint16_t>(*number)};
  config.token_file = folder + "/token";
  config.tls.enabled = true;
  config.tls.ca_file = folder + "/ca.crt";
  for (const std::string& path : {config.token_file, config.tls.ca_file}) {
    Result<std::string> text = local::read_file(path);
    if (!text) {
      return fail(text.error().code, fmt::format("{}; does the pod have automountServiceAccountToken: false?",
                                                 text.error().message));
    }
  }
  // It may be absent from projected volumes.
  if (Result<std::string> name = local::read_file(folder + "/namespace", kMaxNameBytes);
      name && !trim(*name).empty())
    config.name_space = trim(*name);
  return config;
}

Result<ClientConfig> load_kubeconfig(const KubeconfigChoice& choice) {
  bool named = false;
  std::string files = files_of(choice, named);
  Kubeconfig merged;
  std::vector<std::string> read;
  for (std::string_view part : split(files, ':')) {
    if (part.empty()) continue;
    std::string path(part);
    Result<std::string> text = local::read_file(path, kMaxKubeconfigBytes);
    if (!text && text.error().code == ErrorCode::kNotFound) continue;
    if (!text) return fail(text.error());
    Result<Kubeconfig> one = parse_kubeconfig(*text, path);
    if (!one) return fail(one.error());
    merge_kubeconfig(merged, std::move(*one));
    read.push_back(path);
  }
  if (read.empty()) {
    return fail(ErrorCode::kNotFound, files.empty()
                                          ? "there is no kubeconfig: neither KUBECONFIG nor HOME is set"
                                          : fmt::format("there is no kubeconfig at {}{}", files,
                                                        named ? "" : "; set KUBECONFIG if it is elsewhere"));
  }
  Result<ClientConfig> config = resolve_kubeconfig(merged, choice.context, join(read, ":"));
  if (config && !choice.name_space.empty()) config->name_space = choice.name_space;
  return config;
}

Result<ClientConfig> find_client_config(const KubeconfigChoice& choice) {
  Result<ClientConfig> config = load_kubeconfig(choice);
  bool named = !choice.files.empty() || !choice.context.empty() || !variable("KUBECONFIG").empty();
  if (config || named || config.error().code != ErrorCode::kNotFound) return config;
  Result<ClientConfig> pod = in_cluster_config();
  if (!pod && pod.error().code == ErrorCode::kNotFound) return config;
  if (pod && !choice.name_space.empty()) pod->name_space = choice.name_space;
  return pod;
}

}  // namespace keyway::platform::kubernetes
