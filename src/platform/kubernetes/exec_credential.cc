#include "platform/kubernetes/exec_credential.h"

#include <nlohmann/json.hpp>

#include "base/format.h"
#include "platform/base64.h"
#include "platform/kubernetes/time_text.h"

namespace keyway::platform::kubernetes {

namespace {

using Json = nlohmann::json;

std::string text_at(const Json& json, const char* name) {
  auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json cluster_info(const ClientConfig& config) {
  std::string scheme = config.tls.enabled ? "https" : "http";
  Json info{{"server", fmt::format("{}://{}{}", scheme, to_string(config.server), config.path_prefix)},
            {"insecure-skip-tls-verify", config.tls.insecure}};
  if (!config.tls.server_name.empty()) info["tls-server-name"] = config.tls.server_name;
  if (!config.tls.ca_text.empty()) info["certificate-authority-data"] = base64_encoded(config.tls.ca_text);
  return info;
}

}  // namespace

std::string exec_info(const ExecPlugin& plugin, const ClientConfig& config, bool interactive) {
  Json spec{{"interactive", interactive}};
  if (plugin.wants_cluster) spec["cluster"] = cluster_info(config);
  Json info{{"apiVersion", plugin.api_version}, {"kind", "ExecCredential"}, {"spec", std::move(spec)}};
  return info.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ExecCredential> parse_exec_credential(std::string_view text, const ExecPlugin& plugin) {
  auto bad = [&](std::string_view what) {
    return fail(ErrorCode::kCorrupt, fmt::format("the credential plugin {} {}", plugin.command, what));
  };
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return bad("printed no JSON object");
  if (text_at(json, "kind") != "ExecCredential") return bad("printed no ExecCredential");
  if (text_at(json, "apiVersion") != plugin.api_version) {
    return bad(fmt::format("printed an ExecCredential of {}, and {} is what the kubeconfig says",
                           text_at(json, "apiVersion"), plugin.api_version));
  }
  auto status = json.find("status");
  if (status == json.end() || !status->is_object()) return bad("printed an ExecCredential without a status");
  ExecCredential credential;
  credential.token = text_at(*status, "token");
  credential.certificate_text = text_at(*status, "clientCertificateData");
  credential.key_text = text_at(*status, "clientKeyData");
  if (credential.certificate_text.empty() != credential.key_text.empty())
    return bad("gave a certificate without its key, or a key without its certificate");
  if (credential.token.empty() && credential.certificate_text.empty())
    return bad("gave neither a token nor a certificate");
  if (credential.token.find_first_of("\r\n") != std::string::npos)
    return bad("gave a token with a line break in it");
  std::string expires = text_at(*status, "expirationTimestamp");
  if (expires.empty()) return credential;
  std::optional<int64_t> at_us = parse_time_us(expires);
  if (!at_us) return bad(fmt::format("gave an expirationTimestamp that is no time: '{}'", expires));
  credential.expires_at_ms = *at_us / 1000;
  return credential;
}

}  // namespace keyway::platform::kubernetes
