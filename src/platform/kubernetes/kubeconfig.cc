#include "platform/kubernetes/kubeconfig.h"

#include "base/format.h"
#include "base/strings.h"
#include "cluster/yaml_tree.h"
#include "platform/base64.h"

namespace keyway::platform::kubernetes {

namespace {

using cluster::YamlNode;

constexpr cluster::YamlLimits kLimits{.size_bytes = 4 << 20, .depth = 24, .nodes = 100'000};

// Reads the fields of one file and keeps the first error.
class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {
    size_t slash = file.rfind('/');
    folder_ = slash == std::string::npos ? "" : file.substr(0, slash + 1);
  }

  Status read(const YamlNode& root, Kubeconfig& config);

 private:
  void read_cluster(const YamlNode& node, const std::string& path, KubeCluster& cluster);
  void read_user(const YamlNode& node, const std::string& path, KubeUser& user);
  void read_context(const YamlNode& node, const std::string& path, KubeContext& context);
  void read_exec(const YamlNode& node, const std::string& path, ExecPlugin& exec);

  void fail_at(const YamlNode& node, std::string_view path, std::string_view what) {
    if (status_) status_ = fail(cluster::yaml_error(file_, node.at, path, what));
  }
  std::string place_of(const YamlNode& node, std::string_view path) const {
    return fmt::format("{}:{}:{}: {}", file_, node.at.line, node.at.column, path);
  }

  const YamlNode* find(const YamlNode& map, const std::string& path, std::string_view name,
                       YamlNode::Kind kind);
  KubeText text(const YamlNode& map, const std::string& path, std::string_view name);
  KubeText file(const YamlNode& map, const std::string& path, std::string_view name);
  KubeText data(const YamlNode& map, const std::string& path, std::string_view name);
  bool flag(const YamlNode& map, const std::string& path, std::string_view name);
  std::vector<std::string> texts(const YamlNode& map, const std::string& path, std::string_view name);

  template <typename Value, typename Read>
  void named(const YamlNode& root, const std::string& list, const char* inner,
             std::map<std::string, Value>& into, Read read_value);

  const std::string& file_;
  std::string folder_;
  Status status_;
};

// Null values count as none, as kubectl has it.
const YamlNode* Reader::find(const YamlNode& map, const std::string& path, std::string_view name,
                             YamlNode::Kind kind) {
  const YamlNode* value = map.find(name);
  if (value == nullptr || value->kind == YamlNode::Kind::kNull || value->kind == kind)
    return value != nullptr && value->kind == kind ? value : nullptr;
  std::string_view wanted = kind == YamlNode::Kind::kScalar ? "text"
                            : kind == YamlNode::Kind::kList ? "a list"
                                                            : "a map";
  fail_at(*value, fmt::format("{}{}", path, name), fmt::format("{} is expected here", wanted));
  return nullptr;
}

KubeText Reader::text(const YamlNode& map, const std::string& path, std::string_view name) {
  const YamlNode* value = find(map, path, name, YamlNode::Kind::kScalar);
  if (value == nullptr) return {};
  return {value->text, place_of(*value, fmt::format("{}{}", path, name))};
}

KubeText Reader::file(const YamlNode& map, const std::string& path, std::string_view name) {
  KubeText value = text(map, path, name);
  if (!value.empty() && !value.text.starts_with('/')) value.text = folder_ + value.text;
  return value;
}

KubeText Reader::data(const YamlNode& map, const std::string& path, std::string_view name) {
  KubeText value = text(map, path, name);
  if (value.empty()) return value;
  std::optional<std::string> decoded = base64_decoded(value.text);
  if (!decoded) {
    fail_at(*map.find(name), fmt::format("{}{}", path, name),
            "this is no base64; write the file's bytes in base64");
    return {};
  }
  value.text = std::move(*decoded);
  return value;
}

bool Reader::flag(const YamlNode& map, const std::string& path, std::string_view name) {
  const YamlNode* value = find(map, path, name, YamlNode::Kind::kScalar);
  if (value == nullptr) return false;
  if (value->text != "true" && value->text != "false")
    fail_at(*value, fmt::format("{}{}", path, name), "true or false is expected here");
  return value->text == "true";
}

std::vector<std::string> Reader::texts(const YamlNode& map, const std::string& path, std::string_view name) {
  std::vector<std::string> list;
  const YamlNode* value = find(map, path, name, YamlNode::Kind::kList);
  if (value == nullptr) return list;
  for (const YamlNode& item : value->items) {
    if (item.kind == YamlNode::Kind::kScalar)
      list.push_back(item.text);
    else
      fail_at(item, fmt::format("{}{}", path, name), "a list of texts is expected here");
  }
  return list;
}

// A list of {name: …, INNER: {…}}; of two with one name the first counts.
template <typename Value, typename Read>
void Reader::named(const YamlNode& root, const std::string& list, const char* inner,
                   std::map<std::string, Value>& into, Read read_value) {
  const YamlNode* items = find(root, "", list, YamlNode::Kind::kList);
  if (items == nullptr) return;
  for (size_t i = 0; i < items->items.size(); ++i) {
    const YamlNode& item = items->items[i];
    std::string path = fmt::format("{}[{}].", list, i);
    if (item.kind != YamlNode::Kind::kMap) return fail_at(item, path, "a map is expected here");
    KubeText name = text(item, path, "name");
    if (status_ && name.empty()) fail_at(item, path + "name", "each of them needs a name");
    const YamlNode* value = find(item, path, inner, YamlNode::Kind::kMap);
    if (!status_) return;
    auto [place, added] = into.try_emplace(name.text);
    if (added && value != nullptr) read_value(*value, path + inner + ".", place->second);
  }
}

void Reader::read_cluster(const YamlNode& node, const std::string& path, KubeCluster& cluster) {
  cluster.place = place_of(node, path.substr(0, path.size() - 1));
  cluster.server = text(node, path, "server");
  cluster.ca_file = file(node, path, "certificate-authority");
  cluster.ca_data = data(node, path, "certificate-authority-data");
  cluster.tls_server_name = text(node, path, "tls-server-name");
  cluster.proxy_url = text(node, path, "proxy-url");
  cluster.insecure = flag(node, path, "insecure-skip-tls-verify");
}

void Reader::read_user(const YamlNode& node, const std::string& path, KubeUser& user) {
  user.certificate_file = file(node, path, "client-certificate");
  user.certificate_data = data(node, path, "client-certificate-data");
  user.key_file = file(node, path, "client-key");
  user.key_data = data(node, path, "client-key-data");
  user.token = text(node, path, "token");
  user.token_file = file(node, path, "tokenFile");
  user.as_user = text(node, path, "as");
  user.as_groups = texts(node, path, "as-groups");
  if (const YamlNode* exec = find(node, path, "exec", YamlNode::Kind::kMap))
    read_exec(*exec, path + "exec.", user.exec.emplace());
  constexpr std::pair<std::string_view, std::string_view> unsupported[] = {
      {"auth-provider", "Kubernetes has dropped auth providers; use an exec plugin"},
      {"username", "API servers take no passwords since 1.19; use a token, a certificate or an exec plugin"},
      {"as-uid", "impersonating a uid is not supported; use as and as-groups"},
      {"as-user-extra", "impersonation with extra fields is not supported; use as and as-groups"}};
  for (const auto& [name, what] : unsupported) {
    const YamlNode* value = node.find(name);
    if (value == nullptr || value->kind == YamlNode::Kind::kNull || !user.unsupported.empty()) continue;
    user.unsupported = {std::string(what), place_of(*value, fmt::format("{}{}", path, name))};
  }
}

void Reader::read_exec(const YamlNode& node, const std::string& path, ExecPlugin& exec) {
  exec.api_version = text(node, path, "apiVersion").text;
  exec.command = text(node, path, "command").text;
  exec.arguments = texts(node, path, "args");
  exec.install_hint = text(node, path, "installHint").text;
  exec.wants_cluster = flag(node, path, "provideClusterInfo");
  exec.always_interactive = text(node, path, "interactiveMode").text == "Always";
  if (!status_) return;
  if (exec.command.empty()) return fail_at(node, path + "command", "name the program to be run");
  bool relative = exec.command.find('/') != std::string::npos && !exec.command.starts_with('/');
  if (relative) exec.command = folder_ + exec.command;
  if (exec.api_version != "client.authentication.k8s.io/v1" &&
      exec.api_version != "client.authentication.k8s.io/v1beta1") {
    return fail_at(node, path + "apiVersion",
                   fmt::format("'{}' is not known; it is client.authentication.k8s.io/v1 or …/v1beta1",
                               exec.api_version));
  }
  const YamlNode* variables = find(node, path, "env", YamlNode::Kind::kList);
  if (variables == nullptr) return;
  for (const YamlNode& variable : variables->items) {
    std::string at = path + "env.";
    KubeText name = text(variable, at, "name");
    if (name.empty() || name.text.find('=') != std::string::npos)
      return fail_at(variable, at + "name", "each variable needs a name without '='");
    exec.environment.emplace_back(name.text, text(variable, at, "value").text);
  }
}

void Reader::read_context(const YamlNode& node, const std::string& path, KubeContext& context) {
  context.place = place_of(node, path.substr(0, path.size() - 1));
  context.cluster = text(node, path, "cluster");
  context.user = text(node, path, "user");
  context.name_space = text(node, path, "namespace").text;
}

Status Reader::read(const YamlNode& root, Kubeconfig& config) {
  if (root.kind == YamlNode::Kind::kNull) return {};
  if (root.kind != YamlNode::Kind::kMap) {
    fail_at(root, "document", "a kubeconfig is expected: a map with clusters, users and contexts");
    return status_;
  }
  KubeText kind = text(root, "", "kind");
  if (status_ && !kind.empty() && kind.text != "Config")
    fail_at(root, "kind", fmt::format("a kubeconfig is of kind Config, not {}", kind.text));
  config.current_context = text(root, "", "current-context");
  named(root, "clusters", "cluster", config.clusters,
        [this](const YamlNode& node, const std::string& path, KubeCluster& value) {
          read_cluster(node, path, value);
        });
  named(root, "users", "user", config.users,
        [this](const YamlNode& node, const std::string& path, KubeUser& value) {
          read_user(node, path, value);
        });
  named(root, "contexts", "context", config.contexts,
        [this](const YamlNode& node, const std::string& path, KubeContext& value) {
          read_context(node, path, value);
        });
  return status_;
}

}  // namespace

Result<Kubeconfig> parse_kubeconfig(std::string_view text, const std::string& file) {
  Kubeconfig config;
  if (trim(text).empty()) return config;
  Result<YamlNode> root = cluster::read_yaml(text, file, kLimits);
  if (!root) return fail(root.error());
  Status read = Reader(file).read(*root, config);
  if (!read) return fail(read.error());
  return config;
}

void merge_kubeconfig(Kubeconfig& first, Kubeconfig later) {
  if (first.current_context.empty()) first.current_context = std::move(later.current_context);
  first.clusters.merge(later.clusters);
  first.users.merge(later.users);
  first.contexts.merge(later.contexts);
}

}  // namespace keyway::platform::kubernetes
