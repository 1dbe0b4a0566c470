#include "cli/proxy_tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::cli {
namespace {

using engine::TlsClients;
using testing::HasSubstr;

using Given = std::map<std::string_view, std::string>;

ProxyCommand taken(const Given& given) {
  ProxyCommand proxy;
  Status status = take_proxy_tls(given, proxy);
  EXPECT_TRUE(status) << (status ? "" : status.error().message);
  return proxy;
}

std::string refused(const Given& given, const std::string& cluster = "") {
  ProxyCommand proxy;
  proxy.cluster = cluster;
  Status status = take_proxy_tls(given, proxy);
  return status ? "accepted" : status.error().message;
}

TEST(ProxyTls, NoneUnlessAskedFor) {
  EXPECT_FALSE(taken({}).client_tls.enabled());
  EXPECT_FALSE(taken({}).server_tls.enabled);
}

TEST(ProxyTls, ToClients) {
  Given given = {{"tls_cert", "c"}, {"tls_key", "k"}};
  EXPECT_EQ(taken(given).client_tls.clients, TlsClients::kIgnored);
  given["tls_clients"] = "require";
  EXPECT_THAT(refused(given), HasSubstr("--tls-clients goes with --tls-ca"));
  given["tls_ca"] = "a";
  ProxyCommand proxy = taken(given);
  EXPECT_EQ(proxy.client_tls.certificate_file, "c");
  EXPECT_EQ(proxy.client_tls.key_file, "k");
  EXPECT_EQ(proxy.client_tls.ca_file, "a");
  EXPECT_EQ(proxy.client_tls.clients, TlsClients::kRequired);
  given["tls_clients"] = "optional";
  EXPECT_EQ(taken(given).client_tls.clients, TlsClients::kOptional);
  given["tls_clients"] = "no";
  EXPECT_EQ(taken(given).client_tls.clients, TlsClients::kIgnored);
  given["tls_clients"] = "some";
  EXPECT_THAT(refused(given), HasSubstr("\"some\" is none of"));
  given.erase("tls_clients");
  EXPECT_EQ(taken(given).client_tls.clients, TlsClients::kRequired);
  EXPECT_THAT(refused({{"tls_cert", "c"}}), HasSubstr("--tls-cert goes with --tls-key"));
}

TEST(ProxyTls, ToServers) {
  Given given = {{"cacert", "a"}, {"cert", "c"}, {"key", "k"}, {"sni", "name"}, {"insecure", "true"}};
  EXPECT_THAT(refused(given), HasSubstr("goes with --tls"));
  given["tls"] = "true";
  ProxyCommand proxy = taken(given);
  EXPECT_TRUE(proxy.server_tls.enabled);
  EXPECT_EQ(proxy.server_tls.ca_file, "a");
  EXPECT_EQ(proxy.server_tls.certificate_file, "c");
  EXPECT_EQ(proxy.server_tls.key_file, "k");
  EXPECT_EQ(proxy.server_tls.server_name, "name");
  EXPECT_TRUE(proxy.server_tls.insecure);
  EXPECT_THAT(refused(given, "shop"), HasSubstr("shop of this machine speaks no TLS"));
}

}  // namespace
}  // namespace keyway::cli
