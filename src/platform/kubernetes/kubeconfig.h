// Kubeconfig files: their text as values, and several of them merged. The format is kubectl's
// (client.config of Kubernetes, version v1). Pure; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "platform/kubernetes/client_config.h"

namespace keyway::platform::kubernetes {

// A field with the place that it was read at, for messages about what it names.
struct KubeText {
  std::string text;
  std::string place;  // "FILE:LINE:COLUMN: FIELD"

  bool empty() const { return text.empty(); }
};

struct KubeCluster {
  KubeText server;
  KubeText ca_file;  // relative ones are made absolute while reading
  KubeText ca_data;  // PEM by now
  KubeText tls_server_name;
  KubeText proxy_url;
  bool insecure = false;
  std::string place;
};

struct KubeUser {
  KubeText certificate_file;
  KubeText certificate_data;
  KubeText key_file;
  KubeText key_data;
  KubeText token;
  KubeText token_file;
  KubeText as_user;
  std::vector<std::string> as_groups;
  std::optional<ExecPlugin> exec;
  // What this program does not do, and says so when the user is chosen.
  KubeText unsupported;
};

struct KubeContext {
  KubeText cluster;
  KubeText user;
  std::string name_space;
  std::string place;
};

struct Kubeconfig {
  KubeText current_context;
  std::map<std::string, KubeCluster> clusters;
  std::map<std::string, KubeUser> users;
  std::map<std::string, KubeContext> contexts;
};

// `file` is for messages and, up to its last slash, where relative paths begin. Nothing in `text`: an empty
// one. kInvalidArgument as load_kubeconfig.
Result<Kubeconfig> parse_kubeconfig(std::string_view text, const std::string& file);

// What `later` adds to `first`; what both say is as `first` says it.
void merge_kubeconfig(Kubeconfig& first, Kubeconfig later);

// What one context means; empty: the current one. `source` names the files.
Result<ClientConfig> resolve_kubeconfig(const Kubeconfig& config, const std::string& context,
                                        const std::string& source);

}  // namespace keyway::platform::kubernetes
