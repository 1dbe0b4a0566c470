// What a context of a kubeconfig means.
#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/kubeconfig.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr uint16_t kHttpsPort = 443;
constexpr uint16_t kHttpPort = 80;

tl::unexpected<Error> bad(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

template <typename Value>
std::string names_of(const std::map<std::string, Value>& values) {
  constexpr size_t most = 10;
  std::vector<std::string> names;
  for (const auto& [name, value] : values) {
    if (names.size() < most) names.push_back(name);
  }
  if (values.size() > most) names.emplace_back("…");
  return names.empty() ? "none" : join(names, ", ");
}

// "https://host:6443/prefix".
Status take_server(const KubeText& server, ClientConfig& config) {
  std::string_view rest = server.text;
  bool tls = rest.starts_with("https://");
  constexpr std::string_view separator = "://";
  size_t scheme = rest.find(separator);
  if (scheme == std::string_view::npos) {
    rest = server.text;
  } else if (tls || rest.starts_with("http://")) {
    rest.remove_prefix(scheme + separator.size());
  } else {
    return bad(fmt::format("{}: '{}' begins with neither https:// nor http://", server.place, server.text));
  }
  size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    config.path_prefix = rest.substr(slash);
    while (config.path_prefix.ends_with('/')) config.path_prefix.pop_back();
    rest = rest.substr(0, slash);
  }
  bool has_port = rest.rfind(':') != std::string_view::npos && rest.rfind(':') + 1 > rest.rfind(']') + 1;
  std::string address =
      has_port ? std::string(rest) : fmt::format("{}:{}", rest, tls ? kHttpsPort : kHttpPort);
  std::optional<Address> parsed = parse_address(address);
  bool odd = config.path_prefix.find_first_of(" ?#\r\n\t") != std::string::npos ||
             rest.find_first_of(" @?#\r\n\t") != std::string_view::npos;
  if (!parsed || parsed->host.empty() || odd)
    return bad(fmt::format("{}: '{}' is no address such as https://host:6443", server.place, server.text));
  config.server = *parsed;
  config.tls.enabled = tls;
  return {};
}

Status take_cluster(const KubeCluster& cluster, ClientConfig& config) {
  if (cluster.server.empty()) return bad(cluster.place + ": it has no server; give the API server's address");
  if (!cluster.proxy_url.empty()) {
    return bad(fmt::format("{}: a proxy to the API server ('{}') is not supported; use a context without one",
                           cluster.proxy_url.place, cluster.proxy_url.text));
  }
  if (Status taken = take_server(cluster.server, config); !taken) return taken;
  config.tls.insecure = cluster.insecure;
  config.tls.server_name = cluster.tls_server_name.text;
  // kubectl refuses this too: which of the two is meant?
  if (cluster.insecure && (!cluster.ca_file.empty() || !cluster.ca_data.empty())) {
    return bad(cluster.place + ": it names a CA and has insecure-skip-tls-verify; take one of them away");
  }
  config.tls.ca_text = cluster.ca_data.text;
  if (cluster.ca_data.empty()) config.tls.ca_file = cluster.ca_file.text;
  return {};
}

Status take_user(const KubeUser& user, ClientConfig& config) {
  if (!user.unsupported.empty()) return bad(user.unsupported.place + ": " + user.unsupported.text);
  bool has_certificate = !user.certificate_data.empty() || !user.certificate_file.empty();
  bool has_key = !user.key_data.empty() || !user.key_file.empty();
  if (has_certificate != has_key) {
    const KubeText* given = nullptr;
    for (const KubeText* one :
         {&user.certificate_data, &user.certificate_file, &user.key_data, &user.key_file})
      if (given == nullptr && !one->empty()) given = one;
    return bad(fmt::format("{}: a certificate and its key belong together; the {} is missing", given->place,
                           has_key ? "certificate" : "key"));
  }
  config.tls.certificate_text = user.certificate_data.text;
  config.tls.key_text = user.key_data.text;
  if (user.certificate_data.empty()) config.tls.certificate_file = user.certificate_file.text;
  if (user.key_data.empty()) config.tls.key_file = user.key_file.text;
  bool mixed = config.tls.certificate_text.empty() != config.tls.key_text.empty();
  if (mixed) {
    const KubeText& as_data = user.certificate_data.empty() ? user.key_data : user.certificate_data;
    return bad(as_data.place + ": give both certificate and key as data, or both as files");
  }
  // What kubectl prefers too: the file, as it may be renewed.
  config.token_file = user.token_file.text;
  if (user.token_file.empty()) config.token = user.token.text;
  if (config.token.empty() && config.token_file.empty()) config.exec = user.exec;
  if (config.token.find_first_of("\r\n") != std::string::npos)
    return bad(user.token.place + ": a token is one line");
  for (const std::string& name : user.as_groups) {
    if (name.find_first_of("\r\n") != std::string::npos)
      return bad(fmt::format("{}: a name is one line", user.as_user.place));
  }
  if (user.as_user.text.find_first_of("\r\n") != std::string::npos)
    return bad(user.as_user.place + ": a name is one line");
  config.as_user = user.as_user.text;
  config.as_groups = user.as_groups;
  return {};
}

}  // namespace

Result<ClientConfig> resolve_kubeconfig(const Kubeconfig& config, const std::string& context,
                                        const std::string& source) {
  const std::string& name = context.empty() ? config.current_context.text : context;
  if (name.empty()) {
    return bad(fmt::format("{}: there is no current-context; name one with --context ({})", source,
                           names_of(config.contexts)));
  }
  auto chosen = config.contexts.find(name);
  if (chosen == config.contexts.end()) {
    return bad(
        fmt::format("{}: there is no context '{}'; there are: {}", source, name, names_of(config.contexts)));
  }
  const KubeContext& meant = chosen->second;
  ClientConfig resolved;
  resolved.source = fmt::format("{}, context {}", source, name);
  resolved.context = name;
  if (!meant.name_space.empty()) resolved.name_space = meant.name_space;
  auto cluster = config.clusters.find(meant.cluster.text);
  if (cluster == config.clusters.end()) {
    return bad(fmt::format("{}: context '{}' names the cluster '{}', which is not there; there are: {}",
                           source, name, meant.cluster.text, names_of(config.clusters)));
  }
  if (Status taken = take_cluster(cluster->second, resolved); !taken) return fail(taken.error());
  if (meant.user.empty()) return resolved;
  auto user = config.users.find(meant.user.text);
  if (user == config.users.end()) {
    return bad(fmt::format("{}: context '{}' names the user '{}', who is not there; there are: {}", source,
                           name, meant.user.text, names_of(config.users)));
  }
  if (Status taken = take_user(user->second, resolved); !taken) return fail(taken.error());
  return resolved;
}

}  // namespace keyway::platform::kubernetes
