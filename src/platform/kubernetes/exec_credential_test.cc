#include "platform/kubernetes/exec_credential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/format.h"
#include "platform/kubernetes/credentials.h"
#include "platform/kubernetes/time_text.h"
#include "platform/local/test_home.h"

namespace keyway::platform::kubernetes {
namespace {

using testing::HasSubstr;

constexpr std::string_view kVersion = "client.authentication.k8s.io/v1";

class ExecCredentialTest : public testing::Test {
 protected:
  // A plugin that runs `script`.
  ClientConfig config_of(const std::string& script) {
    std::string path = home_.path + "/plugin";
    std::ofstream(path) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    ClientConfig config;
    config.server = {"10.0.0.1", 6443};
    config.exec = ExecPlugin{.api_version = std::string(kVersion),
                             .command = path,
                             .arguments = {"one", "two"},
                             .environment = {{"PLUGIN", "variable"}},
                             .install_hint = "ask the cook"};
    return config;
  }
  static std::string printing(const std::string& status) {
    return fmt::format("echo '{{\"apiVersion\":\"{}\",\"kind\":\"ExecCredential\",\"status\":{}}}'\n",
                       kVersion, status);
  }
  std::string text_of(const std::string& name) const {
    std::ifstream file(home_.path + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  local::TestHome home_;
};

TEST_F(ExecCredentialTest, APluginIsRunWithWhatItWantsToKnow) {
  std::string script = "printf '%s' \"$KUBERNETES_EXEC_INFO\" > " + home_.path + "/info\n" +
                       "printf '%s' \"$PLUGIN $1 $2\" > " + home_.path + "/words\n";
  ClientConfig config = config_of(script + printing(R"({"token":"t"})"));
  config.exec->wants_cluster = true;
  Result<ExecCredential> credential = run_exec_plugin(config, 10'000);
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_EQ(credential->token, "t");
  EXPECT_FALSE(credential->expires_at_ms);
  EXPECT_EQ(text_of("words"), "variable one two");
  EXPECT_THAT(text_of("info"), HasSubstr(R"("kind":"ExecCredential")"));
  EXPECT_THAT(text_of("info"), HasSubstr(R"("server":"http://10.0.0.1:6443")"));
}

TEST_F(ExecCredentialTest, WhatGoesWrongIsSaid) {
  struct {
    std::string script;
    ErrorCode code;
    std::string told;
  } cases[] = {
      {"exit 3", ErrorCode::kDenied, "exit code 3"},
      {"echo nonsense", ErrorCode::kCorrupt, "no JSON object"},
      {"echo '{}'", ErrorCode::kCorrupt, "no ExecCredential"},
      {"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"v9\"}'", ErrorCode::kCorrupt, "of v9"},
      {printing("{}"), ErrorCode::kCorrupt, "neither a token nor a certificate"},
      {printing(R"({"clientKeyData":"k"})"), ErrorCode::kCorrupt, "without its certificate"},
      {printing(R"({"token":"t","expirationTimestamp":"soon"})"), ErrorCode::kCorrupt, "no time: 'soon'"}};
  for (const auto& one : cases) {
    Result<ExecCredential> credential = run_exec_plugin(config_of(one.script), 10'000);
    ASSERT_FALSE(credential) << one.script;
    EXPECT_EQ(credential.error().code, one.code) << credential.error().message;
    EXPECT_THAT(credential.error().message, HasSubstr(one.told));
  }
}

TEST_F(ExecCredentialTest, AMissingPluginComesWithItsHint) {
  ClientConfig config = config_of("");
  config.exec->command = "keyway-no-such-plugin";
  Result<ExecCredential> credential = run_exec_plugin(config, 10'000);
  ASSERT_FALSE(credential);
  EXPECT_EQ(credential.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(credential.error().message, HasSubstr("ask the cook"));
}

TEST_F(ExecCredentialTest, OneThatHangsIsEnded) {
  Result<ExecCredential> credential = run_exec_plugin(config_of("exec cat /dev/zero > /dev/null"), 100);
  ASSERT_FALSE(credential);
  EXPECT_EQ(credential.error().code, ErrorCode::kTimeout);
}

TEST_F(ExecCredentialTest, ItIsAskedAgainWhenTheTokenHasExpired) {
  std::string count = "echo x >> " + home_.path + "/runs\n";
  Credentials lasting(
      config_of(count + printing(R"({"token":"t","expirationTimestamp":"2999-01-01T00:00:00Z"})")));
  EXPECT_EQ(lasting.head_lines().value(), "Authorization: Bearer t\r\n");
  EXPECT_TRUE(lasting.head_lines());
  EXPECT_EQ(text_of("runs"), "x\n");
  EXPECT_TRUE(lasting.refused());
  EXPECT_TRUE(lasting.head_lines());
  EXPECT_EQ(text_of("runs"), "x\nx\n");
  Credentials expired(
      config_of(count + printing(R"({"token":"t","expirationTimestamp":"2001-01-01T00:00:00Z"})")));
  EXPECT_TRUE(expired.head_lines());
  EXPECT_TRUE(expired.head_lines());
  EXPECT_EQ(text_of("runs"), "x\nx\nx\nx\n");
}

TEST(TimeTextTest, ThereAndBack) {
  EXPECT_EQ(time_text_us(1'700'000'000'123'456), "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(time_text_s(1'700'000'000), "2023-11-14T22:13:20Z");
  EXPECT_EQ(parse_time_us("2023-11-14T22:13:20.123456Z"), 1'700'000'000'123'456);
  EXPECT_EQ(parse_time_us("2023-11-15T00:13:20+02:00"), 1'700'000'000'000'000);
  EXPECT_EQ(parse_time_us("2023-11-14T22:13:20.1Z"), 1'700'000'000'100'000);
  EXPECT_EQ(parse_time_us("2023-11-14T22:13:20.123456789Z"), 1'700'000'000'123'456);
  for (const char* bad :
       {"", "2023-11-14", "2023-13-14T22:13:20Z", "2023-11-14T22:13:20", "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20Zx", "2023-11-14 22:13:20Z", "2023-11-14T22:13:20+2:00"})
    EXPECT_FALSE(parse_time_us(bad)) << bad;
}

}  // namespace
}  // namespace keyway::platform::kubernetes
