// keyway operator: keeps the clusters that KeywayCluster objects describe.
#include "operator/operator.h"

#include <unistd.h>

#include <cstdlib>

#include "base/format.h"
#include "base/log.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "platform/kubernetes/names.h"
#include "platform/local/random.h"

namespace keyway::cli {

namespace {

namespace kubernetes = platform::kubernetes;

std::string environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? std::string() : value;
}

// The pod's own account, else that of whoever tries it out.
Result<kubernetes::ClientConfig> client_config() {
  Result<kubernetes::ClientConfig> config = kubernetes::in_cluster_config();
  if (config || config.error().code != ErrorCode::kNotFound) return config;
  return kubernetes::load_kubeconfig({});
}

}  // namespace

Outcome run(const OperatorCommand& command, Context&) {
  Result<kubernetes::ClientConfig> config = client_config();
  if (!config) return fail(config.error());
  constexpr size_t kLifeBytes = 8;
  operators::Settings settings;
  settings.name_space = command.name_space;
  settings.home_namespace = environment(kubernetes::kPodNamespaceVariable);
  if (settings.home_namespace.empty()) settings.home_namespace = config->name_space;
  // Each life of its own: what a former one held is not this one's.
  std::string name = environment(kubernetes::kPodNameVariable);
  if (name.empty()) name = fmt::format("process-{}", ::getpid());
  settings.identity = fmt::format("{}/{}", name, hex(platform::local::random_bytes(kLifeBytes)));
  settings.keyway_image = command.image;
  settings.http = command.http;
  log_to_stream(STDERR_FILENO, LogFormat::kText, LogLevel::kInfo);
  operators::Operator op(*std::move(config), std::move(settings));
  if (Status run = op.run(); !run) return fail(run.error());
  return kExitDone;
}

}  // namespace keyway::cli
