#include "platform/kubernetes/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/format.h"
#include "platform/base64.h"
#include "platform/local/test_home.h"

namespace keyway::platform::kubernetes {
namespace {

using local::TestHome;
using local::TestVariable;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kPlain = R"(
apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: one
  cluster: {server: "https://10.0.0.1:6443/k8s/", certificate-authority: pki/ca.crt, tls-server-name: kube}
- name: two
  cluster: {server: "https://[fd00::1]", insecure-skip-tls-verify: true}
users:
- name: me
  user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}
- name: robot
  user: {tokenFile: /run/token, token: unused, as: alice, as-groups: [admins, "dev"]}
contexts:
- {name: dev, context: {cluster: one, user: me, namespace: data}}
- {name: other, context: {cluster: two, user: robot}}
- {name: nobody, context: {cluster: two, user: ""}}
)";

Result<ClientConfig> resolve(std::string_view text, const std::string& context = "") {
  Result<Kubeconfig> config = parse_kubeconfig(text, "/home/me/.kube/config");
  if (!config) return fail(config.error());
  return resolve_kubeconfig(*config, context, "/home/me/.kube/config");
}

std::string why(std::string_view text, const std::string& context = "") {
  Result<ClientConfig> config = resolve(text, context);
  if (config) return "";
  EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
  return config.error().message;
}

TEST(KubeconfigTest, AContextBecomesAConfig) {
  Result<ClientConfig> config = resolve(kPlain);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->source, "/home/me/.kube/config, context dev");
  EXPECT_EQ(to_string(config->server), "10.0.0.1:6443");
  EXPECT_EQ(config->path_prefix, "/k8s");
  EXPECT_TRUE(config->tls.enabled);
  EXPECT_EQ(config->tls.ca_file, "/home/me/.kube/pki/ca.crt");
  EXPECT_EQ(config->tls.server_name, "kube");
  EXPECT_EQ(config->tls.certificate_text, "CERT");
  EXPECT_EQ(config->tls.key_text, "KEY");
  EXPECT_EQ(config->name_space, "data");
}

TEST(KubeconfigTest, AnotherContextByName) {
  Result<ClientConfig> config = resolve(kPlain, "other");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(to_string(config->server), "[fd00::1]:443");
  EXPECT_TRUE(config->tls.insecure);
  EXPECT_EQ(config->token_file, "/run/token");
  EXPECT_EQ(config->token, "");
  EXPECT_EQ(config->as_user, "alice");
  EXPECT_THAT(config->as_groups, ElementsAre("admins", "dev"));
  EXPECT_EQ(config->name_space, "default");
  EXPECT_TRUE(resolve(kPlain, "nobody"));
}

TEST(KubeconfigTest, ErrorsNameFileAndField) {
  EXPECT_THAT(why(kPlain, "missing"),
              HasSubstr("there is no context 'missing'; there are: dev, nobody, other"));
  EXPECT_THAT(why("clusters: 3"),
              StartsWith("/home/me/.kube/config:1:11: clusters: a list is expected here"));
  EXPECT_THAT(why("users: [{user: {}}]"), HasSubstr("users[0].name: each of them needs a name"));
  EXPECT_THAT(why("users: [{name: a, user: {token: [1]}}]"),
              HasSubstr("users[0].user.token: text is expected here"));
  EXPECT_THAT(why("users: [{name: a, user: {client-key-data: '*'}}]"),
              HasSubstr("users[0].user.client-key-data: this is no base64"));
  EXPECT_THAT(why("kind: Pod"), HasSubstr("a kubeconfig is of kind Config, not Pod"));
  EXPECT_THAT(why("- a"), HasSubstr("a kubeconfig is expected"));
  EXPECT_THAT(why(""), HasSubstr("there is no current-context"));
  EXPECT_THAT(why("a: *b"), HasSubstr("/home/me/.kube/config:1:"));
}

std::string with_cluster(const std::string& cluster, const std::string& user = "{}") {
  return fmt::format(
      "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n"
      "clusters:\n- name: k\n  cluster: {}\nusers:\n- name: u\n  user: {}\n",
      cluster, user);
}

TEST(KubeconfigTest, WhatCannotBeUsedIsRefused) {
  EXPECT_THAT(why(with_cluster("{}")), HasSubstr("clusters[0].cluster: it has no server"));
  EXPECT_THAT(why(with_cluster("{server: 'ftp://a'}")),
              HasSubstr("begins with neither https:// nor http://"));
  EXPECT_THAT(why(with_cluster("{server: 'https://a:b'}")), HasSubstr("is no address such as"));
  EXPECT_THAT(why(with_cluster("{server: 'https://me@a:1'}")), HasSubstr("is no address such as"));
  EXPECT_THAT(
      why(with_cluster("{server: 'https://a', proxy-url: 'http://p'}")),
      HasSubstr("/home/me/.kube/config:5:45: clusters[0].cluster.proxy-url: a proxy to the API server"));
  EXPECT_THAT(
      why(with_cluster("{server: 'https://a', insecure-skip-tls-verify: true, certificate-authority: x}")),
      HasSubstr("take one of them away"));
  std::string plain = "{server: 'https://a'}";
  EXPECT_THAT(why(with_cluster(plain, "{client-key: k}")), HasSubstr("the certificate is missing"));
  EXPECT_THAT(why(with_cluster(plain, "{client-key: k, client-certificate-data: QQ==}")),
              HasSubstr("both as files"));
  EXPECT_THAT(why(with_cluster(plain, "{username: me, password: x}")),
              HasSubstr("take no passwords since 1.19"));
  EXPECT_THAT(why(with_cluster(plain, "{auth-provider: {name: gcp}}")), HasSubstr("use an exec plugin"));
  EXPECT_THAT(why(with_cluster(plain, "{token: \"a\\nb\"}")), HasSubstr("a token is one line"));
  EXPECT_THAT(why(with_cluster(plain, "{as: \"a\\r\\nX: y\"}")), HasSubstr("a name is one line"));
  EXPECT_THAT(
      why(with_cluster(plain, "{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}")),
      HasSubstr("users[0].user.exec.apiVersion: "));
  EXPECT_THAT(why(with_cluster(plain, "{exec: {apiVersion: client.authentication.k8s.io/v1}}")),
              HasSubstr("users[0].user.exec.command: name the program"));
}

TEST(KubeconfigTest, ExecPluginsAreRead) {
  Result<ClientConfig> config = resolve(with_cluster(
      "{server: 'https://a'}",
      "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./bin/get-token, args: [a, '2'],"
      " env: [{name: X, value: y}], provideClusterInfo: true, interactiveMode: Always, installHint: brew "
      "it}}"));
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_TRUE(config->exec);
  EXPECT_EQ(config->exec->command, "/home/me/.kube/./bin/get-token");
  EXPECT_THAT(config->exec->arguments, ElementsAre("a", "2"));
  EXPECT_THAT(config->exec->environment, ElementsAre(std::pair<std::string, std::string>("X", "y")));
  EXPECT_TRUE(config->exec->wants_cluster);
  EXPECT_TRUE(config->exec->always_interactive);
}

TEST(KubeconfigTest, SeveralFilesAreMergedAndTheFirstDecides) {
  TestHome home;
  std::string first = home.path + "/first";
  std::string second = home.path + "/second";
  std::ofstream(first) << "contexts: [{name: a, context: {cluster: k, user: u, namespace: first}}]\n";
  std::ofstream(second)
      << "current-context: a\ncontexts: [{name: a, context: {cluster: none, user: none}}]\n"
         "clusters: [{name: k, cluster: {server: 'https://a:1', certificate-authority: ca}}]\n"
         "users: [{name: u, user: {token: t}}]\n";
  TestVariable variable("KUBECONFIG", fmt::format("{}:{}/missing::{}", first, home.path, second).c_str());
  Result<ClientConfig> config = load_kubeconfig({});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->name_space, "first");
  EXPECT_EQ(config->token, "t");
  EXPECT_EQ(config->tls.ca_file, home.path + "/ca");
  EXPECT_EQ(config->source, fmt::format("{}:{}, context a", first, second));
  EXPECT_EQ(load_kubeconfig({.name_space = "mine"})->name_space, "mine");
}

TEST(KubeconfigTest, NoFileAtAll) {
  TestHome home;
  TestVariable files("KUBECONFIG", nullptr);
  TestVariable variable("HOME", home.path.c_str());
  Result<ClientConfig> config = load_kubeconfig({});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(config.error().message, HasSubstr(home.path + "/.kube/config"));
}

class InClusterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(home_.path + "/token") << "secret";
    std::ofstream(home_.path + "/ca.crt") << "certificate";
    std::ofstream(home_.path + "/namespace") << "data";
  }
  TestHome home_;
  TestVariable host_{"KUBERNETES_SERVICE_HOST", "10.0.0.1"};
  TestVariable port_{"KUBERNETES_SERVICE_PORT", "443"};
};

TEST_F(InClusterTest, IsReadFromThePod) {
  Result<ClientConfig> config = in_cluster_config(home_.path);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(to_string(config->server), "10.0.0.1:443");
  EXPECT_EQ(config->token_file, home_.path + "/token");
  EXPECT_EQ(config->tls.ca_file, home_.path + "/ca.crt");
  EXPECT_EQ(config->name_space, "data");
}

TEST_F(InClusterTest, WhatIsMissingIsNamed) {
  std::filesystem::remove(home_.path + "/token");
  Result<ClientConfig> config = in_cluster_config(home_.path);
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("token"));
  TestVariable outside("KUBERNETES_SERVICE_HOST", nullptr);
  config = in_cluster_config(home_.path);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kNotFound);
}

TEST(Base64Test, ThereAndBack) {
  for (const char* text : {"", "a", "ab", "abc", "abcd"})
    EXPECT_EQ(base64_decoded(base64_encoded(text)), text);
  EXPECT_EQ(base64_decoded("YW\nJj"), "abc");
  for (const char* bad : {"a", "a===", "ab=c", "====", "a-b_"}) EXPECT_FALSE(base64_decoded(bad)) << bad;
}

}  // namespace
}  // namespace keyway::platform::kubernetes
