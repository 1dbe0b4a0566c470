// The proxy's clients over TLS, before a real cluster of each engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>

#include "base/format.h"
#include "engine/test_certificates.h"
#include "proxy/test_proxy.h"

namespace keyway::proxy {
namespace {

using engine::ClusterOfEachEngine;
using engine::TestAuthority;
using engine::TestCertificate;
using engine::TestCluster;
using engine::TestEngine;
using engine::TlsClients;
using engine::wait_until;
using testing::HasSubstr;

constexpr int64_t kPatienceMs = 30'000;

class ProxyTlsServerTest : public testing::TestWithParam<TestEngine> {
 public:
  static void SetUpTestSuite() { clusters_ = new ClusterOfEachEngine(3, 0); }
  static void TearDownTestSuite() { delete clusters_; }

 protected:
  void start(TlsClients clients, Limits limits = {}) {
    TestCluster* cluster = clusters_->of(GetParam(), servers_.fleet);
    ASSERT_NE(cluster, nullptr) << "the cluster did not come up";
    ProxyOptions options = options_before(*cluster);
    options.metrics = {"127.0.0.1", metrics_port_};
    options.limits = limits;
    options.tls.clients = {certificate_.file, certificate_.key_file, authority_.file(), clients};
    proxy_ = start_proxy(options);
    ASSERT_NE(proxy_, nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string make_folder() {
    char pattern[] = "/tmp/keyway-test-XXXXXX";
    return ::mkdtemp(pattern);
  }

  engine::TlsOptions trust() const { return {.enabled = true, .ca_file = authority_.file()}; }
  engine::TlsOptions show(const TestCertificate& certificate) const {
    engine::TlsOptions options = trust();
    options.certificate_file = certificate.file;
    options.key_file = certificate.key_file;
    return options;
  }

  // A client with a connection of its own.
  struct Caller {
    Caller(const Address& proxy, const engine::TlsOptions& tls)
        : address(proxy), fleet(io, [] { return engine::Credentials{}; }, {.tls = tls}) {}

    // The reply, or why there is none.
    std::string operator()(const resp::Command& command) {
      auto reply = fleet.call(address, command, kPatienceMs);
      return reply ? shown(*reply) : "no reply: " + reply.error().message;
    }
    std::vector<engine::Response> exchange(const std::vector<resp::Command>& commands) {
      return fleet.exchange({{address, commands}}, kPatienceMs);
    }

    Address address;
    boost::asio::io_context io;
    engine::Fleet fleet;
  };
  Caller connect(const engine::TlsOptions& tls) { return {proxy_->address(), tls}; }

  // Whether the metrics say `line` before long.
  bool comes(const std::string& line) const {
    return wait_until([&] { return metrics().find(line) != std::string::npos; });
  }

  std::string metrics() const {
    TestClient http({"127.0.0.1", metrics_port_});
    http.send("GET /metrics HTTP/1.1\r\n\r\n");
    return http.read_to_end().value_or("");
  }

  static ClusterOfEachEngine* clusters_;
  engine::TestFleet servers_;
  const std::string folder_ = make_folder();
  TestAuthority authority_{folder_, "ca"};
  TestCertificate certificate_ = authority_.sign("proxy", "IP:127.0.0.1");
  uint16_t metrics_port_ = engine::free_port();
  std::unique_ptr<Proxy> proxy_;
};

ClusterOfEachEngine* ProxyTlsServerTest::clusters_ = nullptr;

TEST_P(ProxyTlsServerTest, Commands) {
  start(TlsClients::kIgnored);
  Caller client = connect(trust());
  EXPECT_EQ(client({"FLUSHALL"}), "+OK");
  for (const char* key : {"AAA", "BBB", "CCC"}) EXPECT_EQ(client({"SET", key, key}), "+OK");
  EXPECT_EQ(client({"MGET", "AAA", "CCC", "BBB"}), "[$AAA $CCC $BBB]");
  EXPECT_EQ(client({"DBSIZE"}), ":3");
}

TEST_P(ProxyTlsServerTest, LargeValuesAndDeepPipelines) {
  start(TlsClients::kIgnored);
  Caller client = connect(trust());
  std::string value(8 << 20, '\0');
  for (size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i * 2654435761U >> 24);
  ASSERT_EQ(client({"SET", "large", value}), "+OK");
  auto got = client.fleet.call(client.address, {"GET", "large"}, kPatienceMs);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_TRUE(got->text == value);

  std::vector<resp::Command> commands;
  for (int i = 0; i < 4000; ++i) commands.push_back({"SET", fmt::format("key:{}", i), std::to_string(i)});
  for (int i = 0; i < 4000; ++i) commands.push_back({"GET", fmt::format("key:{}", i)});
  auto responses = client.exchange(commands);
  ASSERT_TRUE(responses[0].ok()) << responses[0].error->message;
  ASSERT_EQ(responses[0].replies.size(), commands.size());
  for (size_t i = 0; i < 4000; ++i) ASSERT_EQ(responses[0].replies[4000 + i].text, std::to_string(i));
}

TEST_P(ProxyTlsServerTest, ClientsWithoutAGoodCertificateAreRefused) {
  start(TlsClients::kRequired);
  TestAuthority others(folder_, "others");
  EXPECT_EQ(connect(show(authority_.sign("good", "")))({"PING"}), "+PONG");
  EXPECT_THAT(connect(trust())({"PING"}), HasSubstr("client certificate"));
  EXPECT_THAT(connect(show(others.sign("foreign", "")))({"PING"}), HasSubstr("no reply"));
  EXPECT_THAT(connect(show(authority_.sign("old", "", -7200, -3600)))({"PING"}), HasSubstr("no reply"));
  // The client may be gone before the proxy has counted it.
  EXPECT_TRUE(comes("\nkeyway_proxy_tls_failures_total 3\n"));
  EXPECT_THAT(metrics(), HasSubstr("\nkeyway_proxy_tls_handshakes_total 1\n"));
}

TEST_P(ProxyTlsServerTest, ACertificateThatNeedNotBeMustBeGood) {
  start(TlsClients::kOptional);
  TestAuthority others(folder_, "others");
  EXPECT_EQ(connect(trust())({"PING"}), "+PONG");
  EXPECT_EQ(connect(show(authority_.sign("good", "")))({"PING"}), "+PONG");
  EXPECT_THAT(connect(show(others.sign("foreign", "")))({"PING"}), HasSubstr("no reply"));
}

TEST_P(ProxyTlsServerTest, PlainClientsAndSilentOnes) {
  Limits limits;
  limits.max_handshakes = 2;
  limits.handshake_timeout_ms = 300;
  start(TlsClients::kIgnored, limits);
  Caller client = connect(trust());
  EXPECT_EQ(client({"PING"}), "+PONG");
  TestClient plain(proxy_->address());
  EXPECT_NE(plain({"PING"}), "+PONG");
  // Those who say nothing keep others out for no longer than they may.
  std::deque<TestClient> silent;
  for (int i = 0; i < 5; ++i) silent.emplace_back(proxy_->address());
  EXPECT_EQ(connect(trust())({"PING"}), "+PONG");
  for (TestClient& one : silent) EXPECT_EQ(one.read(), "");
  EXPECT_EQ(client({"PING"}), "+PONG");
  EXPECT_TRUE(comes("\nkeyway_proxy_tls_failures_total 6\n"));
}

TEST_P(ProxyTlsServerTest, AChangedCertificateIsForNewConnections) {
  start(TlsClients::kRequired);
  TestCertificate mine = authority_.sign("mine", "");
  Caller before = connect(show(mine));
  ASSERT_EQ(before({"PING"}), "+PONG");
  TestAuthority others(folder_, "ca");  // in the place of the former one, which `before` was signed by
  others.sign("proxy", "IP:127.0.0.1");
  ASSERT_TRUE(proxy_->reload_certificates());
  ASSERT_TRUE(wait_until([&] { return connect(show(others.sign("new", "")))({"PING"}) == "+PONG"; }));
  EXPECT_THAT(connect(show(mine))({"PING"}), HasSubstr("no reply"));
  EXPECT_EQ(before({"PING"}), "+PONG");
  std::filesystem::remove(folder_ + "/proxy.key");
  EXPECT_FALSE(proxy_->reload_certificates());
  EXPECT_EQ(connect(show(others.sign("newer", "")))({"PING"}), "+PONG");
}

INSTANTIATE_TEST_SUITE_P(Engines, ProxyTlsServerTest, testing::ValuesIn(engine::test_engines()),
                         engine::test_name);

}  // namespace
}  // namespace keyway::proxy
