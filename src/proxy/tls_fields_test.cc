// The part of the configuration about TLS.
#include "proxy/tls_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/config.h"

namespace keyway::proxy {
namespace {

using engine::TlsClients;
using testing::HasSubstr;

TlsSettings read(std::string_view text) {
  Result<Config> config = parse_config(text, "f");
  EXPECT_TRUE(config) << (config ? "" : config.error().message);
  return config ? config->tls : TlsSettings{};
}

std::string refusal(std::string_view text) {
  Result<Config> config = parse_config(text, "f");
  return config ? "" : config.error().message;
}

TEST(TlsFields, NoneUnlessAskedFor) {
  EXPECT_FALSE(read("workers: 1\n").enabled());
  EXPECT_FALSE(read("tls: {}\n").enabled());
}

TEST(TlsFields, ToClients) {
  TlsSettings tls = read("tls: {clients: {certificate: c, key: k}}\n");
  EXPECT_TRUE(tls.clients.enabled());
  EXPECT_FALSE(tls.servers.enabled);
  EXPECT_EQ(tls.clients.certificate_file, "c");
  EXPECT_EQ(tls.clients.key_file, "k");
  EXPECT_EQ(tls.clients.clients, TlsClients::kIgnored);
  tls = read("tls: {clients: {certificate: c, key: k, ca: a}}\n");
  EXPECT_EQ(tls.clients.ca_file, "a");
  EXPECT_EQ(tls.clients.clients, TlsClients::kRequired);
  tls = read("tls: {clients: {certificate: c, key: k, ca: a, verify: optional}}\n");
  EXPECT_EQ(tls.clients.clients, TlsClients::kOptional);
  tls = read("tls: {clients: {certificate: c, key: k, ca: a, verify: require}}\n");
  EXPECT_EQ(tls.clients.clients, TlsClients::kRequired);
}

TEST(TlsFields, ToServers) {
  EXPECT_TRUE(read("tls: {servers: {}}\n").servers.enabled);
  TlsSettings tls = read("tls:\n  servers: {ca: a, certificate: c, key: k, name: n, insecure: true}\n");
  EXPECT_FALSE(tls.clients.enabled());
  EXPECT_EQ(tls.servers.ca_file, "a");
  EXPECT_EQ(tls.servers.certificate_file, "c");
  EXPECT_EQ(tls.servers.key_file, "k");
  EXPECT_EQ(tls.servers.server_name, "n");
  EXPECT_TRUE(tls.servers.insecure);
}

TEST(TlsFields, MistakesAreShownWithTheirPlace) {
  EXPECT_THAT(refusal("tls: {client: {}}\n"),
              HasSubstr("f:1:7: tls.client: there is no such field; did you mean"));
  EXPECT_THAT(refusal("tls:\n  clients: {certificate: c}\n"),
              HasSubstr("f:2:12: tls.clients.key: it is missing"));
  EXPECT_THAT(refusal("tls: {clients: {}}\n"), HasSubstr("tls.clients.certificate: it is missing"));
  EXPECT_THAT(refusal("tls: {clients: {certificate: '', key: k}}\n"),
              HasSubstr("tls.clients.certificate: it is empty"));
  EXPECT_THAT(refusal("tls: {clients: {certificate: c, key: k, verify: require}}\n"),
              HasSubstr("tls.clients.verify: it goes with ca"));
  EXPECT_THAT(refusal("tls: {clients: {certificate: c, key: k, ca: a, verify: some}}\n"),
              HasSubstr("tls.clients.verify: "));
  EXPECT_THAT(refusal("tls: {servers: {certificate: c}}\n"),
              HasSubstr("tls.servers.certificate: it goes with key"));
  EXPECT_THAT(refusal("tls: {servers: {key: k}}\n"), HasSubstr("tls.servers.key: it goes with certificate"));
  EXPECT_THAT(refusal("tls: {servers: true}\n"), HasSubstr("f:1:16: tls.servers: "));
}

}  // namespace
}  // namespace keyway::proxy
