#include "proxy/transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "engine/test_certificates.h"

namespace keyway::proxy {
namespace {

using engine::TestAuthority;
using engine::TestCertificate;
using engine::TlsClients;
using engine::TlsContext;
using testing::HasSubstr;

constexpr uint8_t kApplicationData = 23;  // RFC 8446, 5.1
constexpr size_t kRecordHeadBytes = 5;

class TransportTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair_.data()), 0);
    server_.attach(pair_[0]);
    client_.attach(pair_[1]);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string make_folder() {
    char pattern[] = "/tmp/keyway-test-XXXXXX";
    return ::mkdtemp(pattern);
  }

  // Both begin; gives how it ended for the server's end.
  Transport::Handshake shake_hands(TlsClients clients = TlsClients::kIgnored) {
    auto listening = TlsContext::make({.certificate_file = certificate_.file,
                                       .key_file = certificate_.key_file,
                                       .ca_file = authority_.file(),
                                       .clients = clients});
    auto connecting = TlsContext::make(engine::TlsOptions{.enabled = true, .ca_file = authority_.file()});
    EXPECT_TRUE(listening);
    EXPECT_TRUE(connecting);
    server_.accept_tls(*listening);
    client_.connect_tls(*connecting, "localhost");
    EXPECT_TRUE(server_.shakes_hands());
    for (int turns = 0; turns < 10; ++turns) {
      Transport::Handshake of_client =
          client_.shakes_hands() ? client_.handshake() : Transport::Handshake::kDone;
      Transport::Handshake of_server =
          server_.shakes_hands() ? server_.handshake() : Transport::Handshake::kDone;
      if (of_server == Transport::Handshake::kFailed) return of_server;
      if (of_client == of_server && of_client != Transport::Handshake::kWantsRead) return of_server;
    }
    return Transport::Handshake::kWantsRead;
  }

  // Everything that there is, read in pieces of `size`; `reads_on` false once it would have to wait.
  static std::string read_all(Transport& from, size_t size) {
    std::string all;
    std::string piece(size, '\0');
    for (;;) {
      ssize_t got = from.read(piece.data(), piece.size());
      if (got <= 0) return all;
      all.append(piece, 0, static_cast<size_t>(got));
    }
  }

  std::array<int, 2> pair_{};
  Transport server_;
  Transport client_;
  ChunkPool pool_;
  const std::string folder_ = make_folder();
  TestAuthority authority_{folder_, "ca"};
  TestCertificate certificate_ = authority_.sign("server", "DNS:localhost");
};

std::string numbers(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += std::to_string(i) + " ";
  return text;
}

TEST_F(TransportTest, PlainBytes) {
  SliceQueue queue(pool_);
  queue.append("PING\r\n");
  size_t written = 0;
  EXPECT_EQ(client_.write(queue, written), Written::kAll);
  EXPECT_EQ(written, 6U);
  EXPECT_EQ(read_all(server_, 100), "PING\r\n");
  EXPECT_FALSE(server_.has_more());
  EXPECT_EQ(errno, EAGAIN);
  client_.close();
  char byte = 0;
  EXPECT_EQ(server_.read(&byte, 1), 0);
}

TEST_F(TransportTest, BytesOverTls) {
  ASSERT_EQ(shake_hands(), Transport::Handshake::kDone);
  EXPECT_FALSE(server_.shakes_hands());
  std::string sent = numbers(200'000);
  SliceQueue queue(pool_);
  queue.append(copy_of(sent, pool_));
  std::string received;
  size_t total = 0;
  for (int turns = 0; turns < 1000 && total < sent.size(); ++turns) {
    size_t written = 0;
    ASSERT_NE(client_.write(queue, written), Written::kFailed) << client_.why();
    total += written;
    received += read_all(server_, 30'000);
  }
  received += read_all(server_, 30'000);
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(received == sent) << received.size() << " of " << sent.size();
}

// No readiness tells of what was read ahead.
TEST_F(TransportTest, WhatIsLeftOfARecordIsTold) {
  ASSERT_EQ(shake_hands(), Transport::Handshake::kDone);
  ASSERT_TRUE(client_.write_at_once("abcdef"));
  ASSERT_TRUE(client_.write_at_once("ghi"));
  std::array<char, 4> bytes{};
  EXPECT_EQ(server_.read(bytes.data(), bytes.size()), 4);
  EXPECT_TRUE(server_.has_more());
  EXPECT_EQ(server_.read(bytes.data(), bytes.size()), 4);
  EXPECT_EQ(std::string(bytes.data(), 4), "efgh");
  EXPECT_TRUE(server_.has_more());
  EXPECT_EQ(server_.read(bytes.data(), bytes.size()), 1);
  EXPECT_FALSE(server_.has_more());
  EXPECT_EQ(server_.read(bytes.data(), bytes.size()), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(TransportTest, SmallPiecesShareRecords) {
  ASSERT_EQ(shake_hands(), Transport::Handshake::kDone);
  SliceQueue queue(pool_);
  const std::string piece(600, 'x');  // too large to be copied by the queue
  constexpr size_t kPieces = 100;
  for (size_t i = 0; i < kPieces; ++i) queue.append(copy_of(piece, pool_));
  size_t written = 0;
  ASSERT_EQ(server_.write(queue, written), Written::kAll);
  EXPECT_EQ(written, kPieces * piece.size());
  std::string wire(written + 10'000, '\0');
  ssize_t got = recv(client_.fd(), wire.data(), wire.size(), 0);
  ASSERT_GT(got, static_cast<ssize_t>(written));
  wire.resize(static_cast<size_t>(got));
  size_t records = 0;
  for (size_t at = 0; at + kRecordHeadBytes <= wire.size(); ++records) {
    EXPECT_EQ(static_cast<uint8_t>(wire[at]), kApplicationData);
    at += kRecordHeadBytes + static_cast<uint8_t>(wire[at + 3]) * 256U + static_cast<uint8_t>(wire[at + 4]);
  }
  EXPECT_LE(records, 4U + 2U) << "60 kB and the tickets of the session";
}

TEST_F(TransportTest, AGoodbyeIsTheEnd) {
  ASSERT_EQ(shake_hands(), Transport::Handshake::kDone);
  ASSERT_TRUE(client_.write_at_once("last words"));
  client_.close();
  std::array<char, 100> bytes{};
  EXPECT_EQ(server_.read(bytes.data(), bytes.size()), 10);
  EXPECT_EQ(server_.read(bytes.data(), bytes.size()), 0);
  EXPECT_EQ(server_.read(bytes.data(), bytes.size()), 0);
}

TEST_F(TransportTest, NoiseEndsIt) {
  ASSERT_EQ(shake_hands(), Transport::Handshake::kDone);
  ASSERT_TRUE(client_.write_at_once("good"));
  ASSERT_EQ(send(client_.fd(), "*1\r\n$4\r\nPING\r\n", 14, 0), 14);
  std::array<char, 100> bytes{};
  EXPECT_EQ(server_.read(bytes.data(), bytes.size()), 4);
  EXPECT_EQ(server_.read(bytes.data(), bytes.size()), -1);
  EXPECT_NE(errno, EAGAIN);
  EXPECT_THAT(server_.why(), HasSubstr("TLS"));
  SliceQueue queue(pool_);
  queue.append("answer");
  size_t written = 0;
  EXPECT_EQ(server_.write(queue, written), Written::kFailed);
}

TEST_F(TransportTest, WhyAHandshakeFailed) {
  EXPECT_EQ(shake_hands(TlsClients::kRequired), Transport::Handshake::kFailed);
  EXPECT_EQ(server_.why(), "it shows no certificate");
}

TEST_F(TransportTest, APlainClientOfTls) {
  auto listening = TlsContext::make(
      engine::TlsListenOptions{.certificate_file = certificate_.file, .key_file = certificate_.key_file});
  ASSERT_TRUE(listening);
  server_.accept_tls(*listening);
  ASSERT_EQ(send(client_.fd(), "*1\r\n$4\r\nPING\r\n", 14, 0), 14);
  EXPECT_EQ(server_.handshake(), Transport::Handshake::kFailed);
  EXPECT_EQ(server_.why(), "it does not speak TLS");
}

}  // namespace
}  // namespace keyway::proxy
