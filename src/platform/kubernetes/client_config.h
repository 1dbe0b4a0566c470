// Where an API server is and how one proves to it who one is: from the pod that this runs in, or from
// kubeconfig files. Values; read once, by any thread. Files that are named here are read again when they
// change (Credentials).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "engine/tls.h"

namespace keyway::platform::kubernetes {

// A program that gives out credentials, as kubeconfigs name them (client.authentication.k8s.io).
struct ExecPlugin {
  std::string api_version;  // "client.authentication.k8s.io/v1"
  std::string command;      // a path, or a name to be found in PATH
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  // beside that of this process
  std::string install_hint;
  bool wants_cluster = false;       // provideClusterInfo
  bool always_interactive = false;  // interactiveMode: Always
};

struct ClientConfig {
  std::string
      source;  // for messages: "/home/me/.kube/config, context dev", "the service account of this pod"
  Address server;
  std::string path_prefix;  // of "https://host:port/prefix": "/prefix"
  engine::TlsOptions tls;   // not enabled: plain HTTP
  std::string name_space = "default";
  std::string context;  // of a kubeconfig

  // One of them, or none.
  std::string token;
  std::string token_file;
  std::optional<ExecPlugin> exec;

  // Impersonation; empty: none.
  std::string as_user;
  std::vector<std::string> as_groups;
};

inline constexpr std::string_view kServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

// From KUBERNETES_SERVICE_HOST and _PORT and the files of the service account in `folder`. kNotFound: this is
// no pod; kInvalidArgument, kDenied: what is missing or cannot be read.
Result<ClientConfig> in_cluster_config(const std::string& folder = std::string(kServiceAccountFolder));

struct KubeconfigChoice {
  std::string files = {};       // parted by colons; empty: $KUBECONFIG, else ~/.kube/config
  std::string context = {};     // empty: current-context
  std::string name_space = {};  // empty: that of the context
};

// As kubectl reads them: the first file that says something decides, relative paths begin at their file's
// folder. kNotFound: there is no such file; kInvalidArgument: "FILE:LINE:COLUMN: FIELD: what; what to do".
Result<ClientConfig> load_kubeconfig(const KubeconfigChoice& choice);

// What a command of a person's uses: kubeconfigs if there are any, else the pod that it runs in.
Result<ClientConfig> find_client_config(const KubeconfigChoice& choice);

}  // namespace keyway::platform::kubernetes
