// The proxy's configuration file: what it says, and what is said of its mistakes.
#include "proxy/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"

namespace keyway::proxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(std::string_view text) {
  Result<Config> config = parse_config(text, "f");
  return config ? "" : config.error().message;
}

TEST(ProxyConfig, SaysWhatFlagsSay) {
  Result<Config> config = parse_config(
      "listen: 127.0.0.1:6379\nmetrics: \"[::1]:0\"\nworkers: 3\nseeds: [10.0.0.1:7001, \"[::1]:7002\"]\n"
      "reads: {policy: nearest, maxLagBytes: 1Mi, maxLagMs: 500, zone: a}\nlog: {format: json, level: "
      "error, file: l}\nuser: proxy\npasswordFile: secret\nusersFile: users\nopen: true\n",
      "f");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->listen, (Address{"127.0.0.1", 6379}));
  EXPECT_EQ(config->metrics, (Address{"::1", 0}));
  EXPECT_EQ(config->workers, 3);
  EXPECT_THAT(config->seeds, ElementsAre(Address{"10.0.0.1", 7001}, Address{"::1", 7002}));
  EXPECT_EQ(config->user, "proxy");
  EXPECT_EQ(config->password_file, "secret");
  EXPECT_EQ(config->users_file, "users");
  EXPECT_TRUE(config->open);
  EXPECT_EQ(config->reads.policy, ReadPolicy::kNearest);
  EXPECT_EQ(config->reads.max_lag_bytes, 1 << 20);
  EXPECT_EQ(config->reads.max_lag_ms, 500);
  EXPECT_EQ(config->reads.zone, "a");
  EXPECT_EQ(config->log_format, LogFormat::kJson);
  EXPECT_EQ(config->log_level, LogLevel::kError);
  EXPECT_EQ(config->log_file, "l");
}

TEST(ProxyConfig, WhatIsLeftOutIsNotThere) {
  Result<Config> config = parse_config("cluster: shop\n", "f");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->cluster, "shop");
  EXPECT_FALSE(config->listen || config->metrics || config->workers || config->open);
  for (const ShownLimit& limit : show_limits(config->limits))
    EXPECT_EQ(limit.value, limit.default_value) << limit.name;
}

TEST(ProxyConfig, LimitsHaveUnits) {
  Result<Config> config = parse_config(
      "limits: {clients: 5, requestBytes: 2Mi, clientOutputBytes: 1Gi, serverRequests: 7, drainMs: 0}\n",
      "f");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->limits.max_clients, 5U);
  EXPECT_EQ(config->limits.max_request_bytes, size_t{2} << 20);
  EXPECT_EQ(config->limits.max_client_bytes, size_t{1} << 30);
  EXPECT_EQ(config->limits.max_server_in_flight, 7U);
  EXPECT_EQ(config->limits.drain_ms, 0);
  EXPECT_EQ(config->limits.max_in_flight, Limits{}.max_in_flight);
}

TEST(ProxyConfig, EveryLimitIsReadIntoItsOwnPlace) {
  for (const ShownLimit& shown : show_limits(Limits{})) {
    std::string_view value = shown.name == "accounts"        ? "7"
                             : shown.name.ends_with("Bytes") ? "5Mi"
                                                             : "500000";
    Result<Config> config = parse_config(fmt::format("limits: {{{}: {}}}\n", shown.name, value), "f");
    ASSERT_TRUE(config) << config.error().message;
    for (const ShownLimit& limit : show_limits(config->limits))
      EXPECT_EQ(limit.value != limit.default_value, limit.name == shown.name) << limit.name;
  }
}

TEST(ProxyConfig, MistakesAreShownWithTheirPlace) {
  EXPECT_THAT(refusal("listen: a:1\nworker: 2\n"),
              HasSubstr("f:2:1: worker: there is no such field; did you mean \"workers\"?"));
  EXPECT_THAT(refusal("limits:\n  client: 5\n"),
              HasSubstr("f:2:3: limits.client: there is no such field; did"));
  EXPECT_THAT(refusal("workers: many\n"),
              HasSubstr("f:1:10: workers: \"many\" where a whole number belongs"));
  EXPECT_THAT(refusal("workers: 0\n"), HasSubstr("f:1:10: workers: 0 is out of range; choose from 1 to 256"));
  EXPECT_THAT(refusal("listen: 6379\n"), HasSubstr("f:1:9: listen: 6379 is a number to YAML"));
  EXPECT_THAT(refusal("listen: localhost\n"), HasSubstr("f:1:9: listen: \"localhost\" is no address"));
  EXPECT_THAT(refusal("seeds: 10.0.0.1:7001\n"), HasSubstr("f:1:8: seeds: \"10.0.0.1:7001\" where a list"));
  EXPECT_THAT(refusal("seeds:\n- 10.0.0.1:0\n"), HasSubstr("f:2:3: seeds[0]: \"10.0.0.1:0\" is no address"));
  EXPECT_THAT(refusal("seeds: [a:1]\ncluster: shop\n"), HasSubstr("f:2:10: cluster: there are seeds"));
  EXPECT_THAT(refusal("open: yes please\n"), HasSubstr("f:1:7: open: \"yes please\" where true or false"));
  EXPECT_THAT(refusal("limits: {requestBytes: 12}\n"), HasSubstr("limits.requestBytes: 12 is out of range"));
  EXPECT_THAT(refusal("limits: {requestBytes: much}\n"),
              HasSubstr("limits.requestBytes: \"much\" is no size"));
  EXPECT_THAT(refusal("limits: {clientPauseBytes: 1Gi}\n"),
              HasSubstr("limits.clientOutputBytes: it is less"));
  EXPECT_THAT(refusal("reads: {policy: near}\n"), HasSubstr("reads.policy: \"near\" is none of its values"));
  EXPECT_THAT(refusal("log: {level: loud}\n"), HasSubstr("f:1:14: log.level: \"loud\" is none of its"));
  EXPECT_THAT(refusal("passwordFile: \"\"\n"), HasSubstr("f:1:15: passwordFile: it is empty"));
  EXPECT_THAT(refusal("- listen\n"), HasSubstr("f:1:1: document: a list where a map belongs"));
  EXPECT_THAT(refusal(""), HasSubstr("f:1:1: document: it is empty"));
}

}  // namespace
}  // namespace keyway::proxy
