#include "cli/kubectl/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::cli {
namespace {

using testing::HasSubstr;

PluginRequest parsed(const std::vector<std::string>& words) {
  Result<PluginRequest> request = parse_plugin(words);
  EXPECT_TRUE(request) << request.error().message;
  return request.value_or(PluginRequest{});
}
std::string refusal(const std::vector<std::string>& words) {
  Result<PluginRequest> request = parse_plugin(words);
  return request ? "taken" : request.error().message;
}

TEST(PluginWords, AreKnownByTheProgramsName) {
  EXPECT_TRUE(is_kubectl_plugin("/usr/bin/kubectl-keyway"));
  EXPECT_TRUE(is_kubectl_plugin("kubectl-keyway"));
  EXPECT_FALSE(is_kubectl_plugin("keyway"));
}

TEST(PluginWords, FlagsStandAnywhere) {
  PluginRequest request =
      parsed({"-n", "data", "connect", "app", "--port=7100", "--context", "dev", "--proxy"});
  EXPECT_EQ(request.action, PluginAction::kConnect);
  EXPECT_EQ(request.cluster, "app");
  EXPECT_EQ(request.port, 7100);
  EXPECT_TRUE(request.proxy);
  EXPECT_EQ(request.kubeconfig.name_space, "data");
  EXPECT_EQ(request.kubeconfig.context, "dev");
  // A value that reads like a command is none.
  EXPECT_EQ(parsed({"--context", "proxy", "status"}).action, PluginAction::kStatus);
}

TEST(PluginWords, TheLastOneIsWhatTheCommandIsAbout) {
  EXPECT_EQ(parsed({"failover", "p1"}).word, "p1");
  EXPECT_EQ(parsed({"failover", "app", "p1", "--to", "x"}).cluster, "app");
  EXPECT_EQ(parsed({"password", "workload"}).word, "workload");
  EXPECT_EQ(parsed({"status", "app"}).cluster, "app");
  EXPECT_EQ(parsed({"logs"}).word, "");
  EXPECT_TRUE(parsed({"logs", "-f"}).follow);
  EXPECT_EQ(parsed({"plan", "-f", "app.yaml"}).file, "app.yaml");
}

TEST(PluginWords, WrongOnesAreTold) {
  EXPECT_THAT(refusal({"statsu"}), HasSubstr("did you mean \"status\"?"));
  EXPECT_THAT(refusal({"status", "--tail", "3"}), HasSubstr("--tail: no such flag here"));
  EXPECT_THAT(refusal({"status", "a", "b"}), HasSubstr("\"b\" is one word too many"));
  EXPECT_THAT(refusal({"password"}), HasSubstr("needs a USER"));
  EXPECT_THAT(refusal({"plan"}), HasSubstr("needs -f FILE"));
  EXPECT_THAT(refusal({"connect", "--proxy=yes"}), HasSubstr("takes no value"));
  EXPECT_THAT(refusal({"status", "--namespace"}), HasSubstr("needs a NAMESPACE"));
  EXPECT_THAT(refusal({"status", "-n", "Data"}), HasSubstr("lower-case"));
}

TEST(PluginWords, HelpListsAllCommands) {
  EXPECT_EQ(parsed({}).action, PluginAction::kHelp);
  EXPECT_EQ(parsed({"connect", "--help"}).action, PluginAction::kHelp);
  for (const char* name : {"connect", "status", "plan", "failover", "restart", "password", "proxy", "logs"})
    EXPECT_THAT(plugin_help(), HasSubstr(std::string("  ") + name + " [NAME]"));
}

}  // namespace
}  // namespace keyway::cli
