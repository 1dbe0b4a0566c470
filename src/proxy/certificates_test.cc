#include "proxy/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/test_certificates.h"

namespace keyway::proxy {
namespace {

using engine::TestAuthority;
using engine::TestCertificate;
using engine::TlsClients;
using testing::HasSubstr;
using testing::Not;

class CertificatesTest : public testing::Test {
 protected:
  void SetUp() override {
    settings_.clients = {certificate_.file, certificate_.key_file, authority_.file(), TlsClients::kRequired};
    settings_.servers = {.enabled = true, .ca_file = authority_.file()};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string make_folder() {
    char pattern[] = "/tmp/keyway-test-XXXXXX";
    return ::mkdtemp(pattern);
  }

  // As what renews certificates does it.
  void take_place(const TestCertificate& other) {
    std::filesystem::rename(other.file, certificate_.file);
    std::filesystem::rename(other.key_file, certificate_.key_file);
  }

  Board board_{ProxyOptions{}};
  const std::string folder_ = make_folder();
  TestAuthority authority_{folder_, "ca"};
  TestCertificate certificate_ = authority_.sign("proxy", "DNS:localhost");
  TlsSettings settings_;
};

TEST_F(CertificatesTest, NoneWithoutTls) {
  Certificates certificates({}, board_);
  EXPECT_TRUE(certificates.load());
  EXPECT_EQ(board_.news().client_tls, nullptr);
  EXPECT_EQ(board_.news().server_tls, nullptr);
  EXPECT_EQ(certificates.metrics(), "");
}

TEST_F(CertificatesTest, OnlyChangedFilesAreReadAgain) {
  Certificates certificates(settings_, board_);
  ASSERT_TRUE(certificates.load());
  auto first = board_.news();
  ASSERT_NE(first.client_tls, nullptr);
  ASSERT_NE(first.server_tls, nullptr);
  certificates.look();
  EXPECT_EQ(board_.news().client_tls, first.client_tls);
  EXPECT_THAT(certificates.metrics(), HasSubstr("\nkeyway_proxy_certificate_loads_total 1\n"));

  take_place(authority_.sign("next", "DNS:localhost", -60, 7200));
  certificates.look();
  EXPECT_NE(board_.news().client_tls, first.client_tls);
  EXPECT_LT(*board_.news().client_tls->expires_at_s(), *first.client_tls->expires_at_s());
  EXPECT_THAT(certificates.metrics(), HasSubstr("\nkeyway_proxy_certificate_loads_total 2\n"));
  EXPECT_THAT(certificates.metrics(), HasSubstr("certificate_expiry_seconds{side=\"clients\"} "));
  EXPECT_THAT(certificates.metrics(), Not(HasSubstr("side=\"servers\"")));
}

TEST_F(CertificatesTest, ThoseThatCannotBeUsedChangeNothing) {
  Certificates certificates(settings_, board_);
  ASSERT_TRUE(certificates.load());
  auto first = board_.news();
  TestCertificate other = authority_.sign("other", "DNS:localhost");
  std::filesystem::rename(other.file, certificate_.file);  // its key comes later
  certificates.look();
  certificates.look();
  EXPECT_EQ(board_.news().client_tls, first.client_tls);
  EXPECT_THAT(certificates.metrics(), HasSubstr("\nkeyway_proxy_certificate_failures_total 1\n"));
  Status again = certificates.load();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(again.error().message, HasSubstr(certificate_.key_file + " does not belong to"));
  EXPECT_THAT(again.error().message, HasSubstr("TLS for clients"));

  std::filesystem::rename(other.key_file, certificate_.key_file);
  certificates.look();
  EXPECT_NE(board_.news().client_tls, first.client_tls);
}

TEST_F(CertificatesTest, OtherSettingsTakeThePlaceOfTheFormerOnes) {
  Certificates certificates({}, board_);
  ASSERT_TRUE(certificates.load());
  ASSERT_TRUE(certificates.load(settings_));
  auto first = board_.news();
  ASSERT_NE(first.client_tls, nullptr);
  TlsSettings bad = settings_;
  bad.clients.key_file = folder_ + "/missing";
  EXPECT_FALSE(certificates.load(bad));
  EXPECT_EQ(board_.news().client_tls, first.client_tls);
  take_place(authority_.sign("next", "DNS:localhost"));
  certificates.look();
  EXPECT_NE(board_.news().client_tls, first.client_tls) << "the former files are still looked at";
  TlsSettings one_side = settings_;
  one_side.clients = {};
  ASSERT_TRUE(certificates.load(one_side));
  EXPECT_EQ(board_.news().client_tls, nullptr);
  EXPECT_NE(board_.news().server_tls, nullptr);
  ASSERT_TRUE(certificates.load(TlsSettings{}));
  EXPECT_EQ(board_.news().server_tls, nullptr);
}

TEST_F(CertificatesTest, BadFilesAreNamed) {
  std::string missing = folder_ + "/missing";
  std::ofstream(folder_ + "/nonsense") << "no PEM";
  auto why = [&](const TlsSettings& settings) {
    Status loaded = Certificates(settings, board_).load();
    return loaded ? "" : loaded.error().message;
  };
  TlsSettings bad = settings_;
  bad.clients.certificate_file = missing;
  EXPECT_THAT(why(bad), HasSubstr("cannot read the certificate " + missing));
  bad = settings_;
  bad.clients.ca_file = folder_ + "/nonsense";
  EXPECT_THAT(why(bad), HasSubstr("the CA file " + bad.clients.ca_file));
  bad.clients.ca_file = "";
  EXPECT_THAT(why(bad), HasSubstr("there is no CA file"));
  bad = settings_;
  bad.servers.ca_file = missing;
  EXPECT_THAT(why(bad), HasSubstr("TLS to servers: cannot read the CA file " + missing));
  EXPECT_EQ(board_.news().client_tls, nullptr);
}

}  // namespace
}  // namespace keyway::proxy
