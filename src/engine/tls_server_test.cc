// TLS to real servers, with an authority made for the occasion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <boost/asio/io_context.hpp>
#include <chrono>

#include "engine/fleet.h"
#include "engine/test_certificates.h"
#include "engine/test_cluster.h"
#include "engine/test_fake_server.h"

namespace keyway::engine {
namespace {

using testing::HasSubstr;

class TlsFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/keyway-test-XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string in_folder(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(in_folder(name)) << text;
    return in_folder(name);
  }
  static std::string why(const TlsOptions& options) {
    Status checked = check_tls(options);
    if (checked) return "";
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
    return checked.error().message;
  }

  std::string folder_;
};

TEST_F(TlsFilesTest, GoodFiles) {
  TestAuthority authority(folder_, "ca");
  TestCertificate client = authority.sign("client", "");
  TestCertificate locked = authority.sign("locked", "", 0, 3600, "open-sesame");
  EXPECT_EQ(why({.enabled = true, .ca_file = authority.file()}), "");
  EXPECT_EQ(why({.enabled = true, .ca_folder = folder_}), "");
  EXPECT_EQ(why({.enabled = true}), "");
  EXPECT_EQ(why({.enabled = true, .certificate_file = client.file, .key_file = client.key_file}), "");
  EXPECT_EQ(why({.enabled = true,
                 .certificate_file = locked.file,
                 .key_file = locked.key_file,
                 .key_password = "open-sesame"}),
            "");
  EXPECT_EQ(why({.enabled = true, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"}), "");
  EXPECT_EQ(why({.enabled = false, .ca_file = in_folder("missing")}), "");
}

TEST_F(TlsFilesTest, BadFilesAreNamed) {
  TestAuthority authority(folder_, "ca");
  TestCertificate one = authority.sign("one", "");
  TestCertificate two = authority.sign("two", "");
  TestCertificate locked = authority.sign("locked", "", 0, 3600, "open-sesame");
  std::string nonsense = write("nonsense.pem", "no certificate\n");
  std::string missing = in_folder("missing.pem");
  struct {
    TlsOptions options;
    std::vector<std::string> told;
  } cases[] = {
      {{.ca_file = missing}, {missing, "No such file"}},
      {{.ca_file = nonsense}, {nonsense, "PEM"}},
      {{.ca_file = folder_}, {folder_, "is a folder"}},
      {{.ca_folder = missing}, {missing, "No such file"}},
      {{.ca_folder = nonsense}, {nonsense, "is a file"}},
      {{.certificate_file = one.file}, {one.file, "without its key"}},
      {{.key_file = one.key_file}, {one.key_file, "without its certificate"}},
      {{.certificate_file = missing, .key_file = one.key_file}, {missing, "No such file"}},
      {{.certificate_file = nonsense, .key_file = one.key_file}, {nonsense, "PEM"}},
      {{.certificate_file = one.file, .key_file = missing}, {missing, "No such file"}},
      {{.certificate_file = one.file, .key_file = nonsense}, {nonsense, "PEM"}},
      {{.certificate_file = one.file, .key_file = two.key_file}, {one.file, two.key_file, "does not belong"}},
      {{.certificate_file = locked.file, .key_file = locked.key_file}, {locked.key_file, "want a password"}},
      {{.certificate_file = locked.file, .key_file = locked.key_file, .key_password = "wrong"},
       {locked.key_file, "is the password right"}},
      {{.ciphers = "NO-SUCH-CIPHER"}, {"NO-SUCH-CIPHER"}},
      {{.ciphersuites = "NO_SUCH_SUITE"}, {"NO_SUCH_SUITE"}},
  };
  for (auto& bad : cases) {
    bad.options.enabled = true;
    std::string said = why(bad.options);
    for (const std::string& part : bad.told) EXPECT_THAT(said, HasSubstr(part));
  }
}

// A server that speaks TLS on one port and plain text on another.
class TlsServerTest : public testing::TestWithParam<TestEngine> {
 protected:
  void start(const TestCertificate& certificate, const std::string& config = "") {
    server_.start(fmt::format(
        "bind 127.0.0.1 ::1\ntls-port {}\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\n{}",
        tls_port_, certificate.file, certificate.key_file, authority_.file(), config));
    boost::asio::io_context io;
    Fleet plain(io, [] { return Credentials{}; });
    ASSERT_TRUE(wait_until([&] { return plain.call(server_.address(), {"PING"}, 500).has_value(); }));
  }
  void start_without_client_certificates(const TestCertificate& certificate) {
    start(certificate, "tls-auth-clients no");
  }

  // How it went to ask `host` for a PING: the reply or the error.
  std::string ping(TlsOptions options, const std::string& host = "127.0.0.1") {
    options.enabled = true;
    boost::asio::io_context io;
    Fleet fleet(io, [] { return Credentials{}; }, {.tls = options});
    Result<resp::Reply> reply = fleet.call({host, tls_port_}, {"PING"}, 3000);
    if (reply) return reply->text;
    EXPECT_THAT(reply.error().message, HasSubstr(to_string(Address{host, tls_port_})));
    return reply.error().message;
  }

  TestServer server_{GetParam()};
  uint16_t tls_port_ = free_port();
  TestAuthority authority_{server_.folder(), "ca"};
  const std::string everywhere_ = "DNS:localhost,DNS:db.example,IP:127.0.0.1,IP:::1";
};

TEST_P(TlsServerTest, Certificates) {
  start(authority_.sign("server", everywhere_));
  TestCertificate client = authority_.sign("client", "");
  TestCertificate locked = authority_.sign("locked", "", -60, 3600, "open-sesame");
  TestAuthority other(server_.folder(), "other");
  TlsOptions good{.ca_file = authority_.file(), .certificate_file = client.file, .key_file = client.key_file};

  EXPECT_EQ(ping(good), "PONG");
  EXPECT_EQ(ping(good, "localhost"), "PONG");
  EXPECT_EQ(ping(good, "::1"), "PONG");

  TlsOptions options = good;
  options.certificate_file = locked.file;
  options.key_file = locked.key_file;
  options.key_password = "open-sesame";
  EXPECT_EQ(ping(options), "PONG");

  options = good;
  options.ca_file = other.file();
  EXPECT_THAT(ping(options), HasSubstr("not signed by an authority that is trusted here"));
  options.ca_file = "";  // the system's authorities do not know it either
  EXPECT_THAT(ping(options), HasSubstr("not signed by an authority that is trusted here"));
  options.insecure = true;
  EXPECT_EQ(ping(options), "PONG");

  options = good;
  options.certificate_file = options.key_file = "";
  EXPECT_THAT(ping(options), HasSubstr("client certificate"));

  options = good;
  TestCertificate foreign = other.sign("foreign", "");
  options.certificate_file = foreign.file;
  options.key_file = foreign.key_file;
  EXPECT_THAT(ping(options), HasSubstr(foreign.file));
}

TEST_P(TlsServerTest, NamesOfTheServer) {
  start_without_client_certificates(authority_.sign("server", "DNS:db.example,IP:::1"));
  TlsOptions options{.ca_file = authority_.file()};
  EXPECT_THAT(ping(options), HasSubstr("its certificate is for db.example, ::1, not for 127.0.0.1"));
  EXPECT_THAT(ping(options, "localhost"),
              HasSubstr("its certificate is for db.example, ::1, not for localhost"));
  EXPECT_EQ(ping(options, "::1"), "PONG");
  options.server_name = "db.example";
  EXPECT_EQ(ping(options), "PONG");
  EXPECT_EQ(ping(options, "localhost"), "PONG");
  options.server_name = "other.example";
  EXPECT_THAT(ping(options), HasSubstr("not for other.example"));
}

TEST_P(TlsServerTest, AnExpiredCertificate) {
  start_without_client_certificates(authority_.sign("server", everywhere_, -7200, -3600));
  EXPECT_THAT(ping({.ca_file = authority_.file()}), HasSubstr("has expired"));
}

TEST_P(TlsServerTest, CiphersAndOldVersions) {
  start(authority_.sign("server", everywhere_), "tls-auth-clients no\ntls-protocols TLSv1.2");
  TlsOptions options{.ca_file = authority_.file()};
  EXPECT_EQ(ping(options), "PONG");
  options.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
  EXPECT_EQ(ping(options), "PONG");
  options.ciphers = "ECDHE-RSA-AES256-GCM-SHA384";  // the key is none of RSA
  EXPECT_THAT(ping(options), HasSubstr("cipher"));
}

TEST_P(TlsServerTest, AnOldVersionThatAsksForACertificate) {
  start(authority_.sign("server", everywhere_), "tls-protocols TLSv1.2");
  EXPECT_THAT(ping({.ca_file = authority_.file()}), HasSubstr("client certificate"));
}

TEST_P(TlsServerTest, PlainTextWhereTlsIsWantedAndTheOtherWayRound) {
  start_without_client_certificates(authority_.sign("server", everywhere_));
  boost::asio::io_context io;
  Fleet over_tls(io, [] { return Credentials{}; }, {.tls = {.enabled = true, .ca_file = authority_.file()}});
  Result<resp::Reply> reply = over_tls.call(server_.address(), {"PING"}, 3000);
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr("speak TLS"));

  Fleet plain(io, [] { return Credentials{}; });
  reply = plain.call({"127.0.0.1", tls_port_}, {"PING"}, 3000);
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr(std::to_string(tls_port_)));
}

TEST_P(TlsServerTest, LargeValuesAndDeepPipelines) {
  start_without_client_certificates(authority_.sign("server", everywhere_));
  boost::asio::io_context io;
  Fleet fleet(io, [] { return Credentials{}; }, {.tls = {.enabled = true, .ca_file = authority_.file()}});
  Address address{"localhost", tls_port_};
  std::string value(20 << 20, '\0');
  for (size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i * 2654435761U >> 24);
  ASSERT_TRUE(fleet.call(address, {"SET", "large", value}, 30'000)->ok());
  EXPECT_EQ(fleet.call(address, {"GET", "large"}, 30'000)->text, value);

  // Replies come long before all commands are gone.
  std::vector<resp::Command> commands(40'000, {"ECHO", std::string(200, 'e')});
  for (int round = 0; round < 2; ++round) {
    std::vector<Response> responses = fleet.exchange({{address, commands}}, 30'000);
    ASSERT_TRUE(responses[0].ok()) << responses[0].error->message;
    EXPECT_EQ(responses[0].replies.size(), commands.size());
    EXPECT_EQ(responses[0].replies.back().text, commands.back().back());
  }
}

TEST_P(TlsServerTest, AKeptConnectionIsUsedAgainAndReplacedWhenTheServerCloses) {
  start_without_client_certificates(authority_.sign("server", everywhere_));
  boost::asio::io_context io;
  Fleet fleet(io, [] { return Credentials{}; }, {.tls = {.enabled = true, .ca_file = authority_.file()}});
  Address address{"127.0.0.1", tls_port_};
  Result<resp::Reply> first = fleet.call(address, {"CLIENT", "ID"}, 3000);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(fleet.call(address, {"CLIENT", "ID"}, 3000)->integer, first->integer);

  Fleet plain(io, [] { return Credentials{}; });
  ASSERT_EQ(
      plain.call(server_.address(), {"CLIENT", "KILL", "ID", std::to_string(first->integer)}, 3000)->integer,
      1);
  Result<resp::Reply> second = fleet.call(address, {"CLIENT", "ID"}, 3000);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_NE(second->integer, first->integer);
}

INSTANTIATE_TEST_SUITE_P(Engines, TlsServerTest, testing::ValuesIn(test_engines()), test_name);

// Plain text: what Fleet does with a server, whatever its version.
class FleetServerTest : public testing::TestWithParam<TestEngine> {};

TEST_P(FleetServerTest, APasswordWithoutAUser) {
  TestServer server(GetParam());
  server.start("requirepass open-sesame");
  boost::asio::io_context io;
  std::string password = "open-sesame";
  Fleet fleet(io, [&] { return Credentials{"", password}; });
  ASSERT_TRUE(wait_until([&] { return fleet.call(server.address(), {"PING"}, 500).has_value(); }));
  EXPECT_EQ(fleet.call(server.address(), {"ACL", "WHOAMI"}, 1000)->text, "default");
  password = "wrong-words";
  fleet.keep_only({});
  Result<resp::Reply> reply = fleet.call(server.address(), {"PING"}, 1000);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kDenied);
  EXPECT_THAT(reply.error().message, HasSubstr("refused the login of user default"));
}

TEST_P(FleetServerTest, PipelinesDeeperThanAllBuffersBetween) {
  TestServer server(GetParam());
  server.start("");
  boost::asio::io_context io;
  Fleet fleet(io, [] { return Credentials{}; });
  ASSERT_TRUE(wait_until([&] { return fleet.call(server.address(), {"PING"}, 500).has_value(); }));
  // The server stops reading when its own replies pile up, so it must be read while it is written to.
  std::vector<resp::Command> commands(20'000, {"ECHO", std::string(1000, 'e')});
  std::vector<Response> responses = fleet.exchange({{server.address(), commands}}, 30'000);
  ASSERT_TRUE(responses[0].ok()) << responses[0].error->message;
  EXPECT_EQ(responses[0].replies.size(), commands.size());
}

INSTANTIATE_TEST_SUITE_P(Engines, FleetServerTest, testing::ValuesIn(test_engines()), test_name);

}  // namespace
}  // namespace keyway::engine
