// Credentials from a program that a kubeconfig names: the protocol client.authentication.k8s.io, v1 and
// v1beta1. What it is told stands in KUBERNETES_EXEC_INFO, what it gives is one JSON object at its stdout;
// its stderr and its terminal are ours. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "platform/kubernetes/client_config.h"

namespace keyway::platform::kubernetes {

struct ExecCredential {
  std::string token;             // empty: none
  std::string certificate_text;  // PEM, with its key; empty: none
  std::string key_text;
  std::optional<int64_t> expires_at_ms;  // Unix time
};

// The ExecCredential that goes into KUBERNETES_EXEC_INFO.
std::string exec_info(const ExecPlugin& plugin, const ClientConfig& config, bool interactive);

// What the plugin printed. kCorrupt: it is no ExecCredential of the version that was asked for, or holds
// neither a token nor a certificate.
Result<ExecCredential> parse_exec_credential(std::string_view text, const ExecPlugin& plugin);

// Runs it and waits for up to `timeout_ms`, long enough for a person to log in. kNotFound: there is no such
// program, with its install hint; kDenied: it failed, and said why at stderr; kTimeout; kCorrupt.
Result<ExecCredential> run_exec_plugin(const ClientConfig& config, int64_t timeout_ms);

}  // namespace keyway::platform::kubernetes
