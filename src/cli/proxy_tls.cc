#include "cli/proxy_tls.h"

#include <array>
#include <utility>

#include "base/format.h"
#include "cli/grammar.h"

namespace keyway::cli {

namespace {

using Given = std::map<std::string_view, std::string>;

// Flags that make no sense without another.
constexpr auto kGoWith = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"tls_cert", "tls_key"},
    {"tls_key", "tls_cert"},
    {"tls_ca", "tls_cert"},
    {"tls_clients", "tls_cert"},
    {"cacert", "tls"},
    {"cert", "tls"},
    {"key", "tls"},
    {"sni", "tls"},
    {"insecure", "tls"},
    {"cert", "key"},
    {"key", "cert"},
});

std::string value_of(const Given& given, std::string_view name) {
  auto found = given.find(name);
  return found == given.end() ? "" : found->second;
}

Status must_go_with(const Given& given, std::string_view name, std::string_view other) {
  if (!given.contains(name) || given.contains(other)) return {};
  return fail(ErrorCode::kInvalidArgument, fmt::format("{} goes with {}", flag_named(name).long_spelling(),
                                                       flag_named(other).long_spelling()));
}

Result<engine::TlsClients> take_clients(const Given& given) {
  using enum engine::TlsClients;
  if (!given.contains("tls_clients")) return given.contains("tls_ca") ? kRequired : kIgnored;
  std::string text = value_of(given, "tls_clients");
  if (text == "no") return kIgnored;
  if (text != "require" && text != "optional") {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--tls-clients: \"{}\" is none of require, optional, no", text));
  }
  if (Status fits = must_go_with(given, "tls_clients", "tls_ca"); !fits) return fail(fits.error());
  return text == "require" ? kRequired : kOptional;
}

// One side: `given` by flags, if it is, else as the configuration says.
template <typename Options>
Status settle(bool given, const Options& by_flags, std::string_view flags, const std::string& config_field,
              Options& options) {
  if (given) options = by_flags;
  Status checked = engine::check_tls(options);
  if (checked) return {};
  return fail(checked.error().code,
              fmt::format("{}: {}", given ? flags : config_field, checked.error().message));
}

}  // namespace

Status take_proxy_tls(const Given& given, ProxyCommand& proxy) {
  for (auto [name, other] : kGoWith) {
    if (Status fits = must_go_with(given, name, other); !fits) return fits;
  }
  if (!proxy.cluster.empty() && given.contains("tls")) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--tls is for servers elsewhere; the cluster {} of this machine speaks no TLS",
                            proxy.cluster));
  }
  Result<engine::TlsClients> clients = take_clients(given);
  if (!clients) return fail(clients.error());
  proxy.client_tls = {value_of(given, "tls_cert"), value_of(given, "tls_key"), value_of(given, "tls_ca"),
                      *clients};
  proxy.server_tls = {.enabled = given.contains("tls"),
                      .ca_file = value_of(given, "cacert"),
                      .certificate_file = value_of(given, "cert"),
                      .key_file = value_of(given, "key"),
                      .server_name = value_of(given, "sni"),
                      .insecure = given.contains("insecure")};
  return {};
}

Status settle_proxy_tls(const ProxyCommand& proxy, proxy::TlsSettings& tls) {
  Status settled = settle(proxy.client_tls.enabled(), proxy.client_tls, "--tls-cert, --tls-key, --tls-ca",
                          proxy.config_file + ": tls.clients", tls.clients);
  if (settled) {
    settled = settle(proxy.server_tls.enabled, proxy.server_tls, "--cacert, --cert, --key",
                     proxy.config_file + ": tls.servers", tls.servers);
  }
  return settled;
}

}  // namespace keyway::cli
