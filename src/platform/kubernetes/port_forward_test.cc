#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "engine/cut.h"
#include "engine/test_certificates.h"
#include "platform/kubernetes/local_forward.h"
#include "platform/kubernetes/test_api_server.h"

namespace keyway::platform::kubernetes {
namespace {

using boost::asio::ip::tcp;
using testing::HasSubstr;
using namespace std::string_literals;

constexpr uint16_t kPort = 6379;

std::string frame(unsigned opcode, std::string_view payload) {
  std::string out(1, static_cast<char>(0x80U | opcode));
  out += '\x7f';
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift);
  return out + std::string(payload);
}
std::string data_frame(std::string_view bytes) { return frame(2, "\0"s + std::string(bytes)); }
std::string error_frame(std::string_view text) { return frame(2, "\1"s + std::string(text)); }

// Cuts the first message of a client's out of `bytes`; nothing: it is not whole.
std::optional<std::pair<unsigned, std::string>> take_message(std::string& bytes) {
  auto at = [&](size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[i])); };
  if (bytes.size() < 2) return std::nullopt;
  size_t length = at(1) & 0x7fU;
  size_t head = length < 126 ? 2 : length == 126 ? 4 : 10;
  if (bytes.size() < head + 4) return std::nullopt;
  if (head > 2) {
    length = 0;
    for (size_t i = 2; i < head; ++i) length = length << 8U | at(i);
  }
  if (bytes.size() < head + 4 + length) return std::nullopt;
  std::string payload = bytes.substr(head + 4, length);
  for (size_t i = 0; i < length; ++i) payload[i] = static_cast<char>(payload[i] ^ bytes[head + i % 4]);
  unsigned opcode = at(0) & 0xfU;
  bytes.erase(0, head + 4 + length);
  return std::pair(opcode, payload);
}

// The kubelet's end of each forward, which a test tells what to do.
struct Kubelet {
  // For each message of a client's.
  std::function<void(TestApiPeer&, const std::string& bytes)> hear;
  std::string heard;
  int closes = 0;
  std::vector<std::string> pongs;

  void agree(const TestRequest& request, TestApiPeer& peer) {
    peer.switch_protocols([this, &peer](std::string& bytes) {
      while (auto message = take_message(bytes)) take(peer, *message);
    });
    std::string_view key =
        std::string_view(request.head).substr(request.head.find("Sec-WebSocket-Key: ") + 19);
    peer.send(fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n",
                          web_socket_accept(engine::cut_line(key))) +
              data_frame("\xeb\x18") + error_frame("\xeb\x18"));
  }
  void take(TestApiPeer& peer, const std::pair<unsigned, std::string>& message) {
    if (message.first == 8) ++closes;
    if (message.first == 10) pongs.push_back(message.second);
    if (message.first != 2) return;
    ASSERT_EQ(message.second[0], '\0');
    heard += message.second.substr(1);
    if (hear) hear(peer, message.second.substr(1));
  }
};

class PortForwardTest : public testing::Test {
 protected:
  PortForwardTest() {
    server_.emplace(io_);
    server_->handler = [this](const TestRequest& request, TestApiPeer& peer) {
      kubelet_.agree(request, peer);
    };
    kubelet_.hear = [](TestApiPeer& peer, const std::string& bytes) { peer.send(data_frame(bytes)); };
  }
  void listen(LocalForwardOptions options = {}) {
    ClientConfig config = server_->config();
    config.token = "secret";
    client_.emplace(io_, config);
    options.target = [this]() -> Result<PodPort> {
      if (pod_.empty()) return fail(ErrorCode::kUnavailable, "no pod is the primary");
      return PodPort{"data", pod_, kPort};
    };
    options.trouble = [this](const ApiError& why) { troubles_.push_back(why); };
    auto forward = LocalForward::listen(*client_, {"127.0.0.1", 0}, options);
    ASSERT_TRUE(forward) << forward.error().message;
    forward_ = *std::move(forward);
  }
  tcp::socket connect() {
    tcp::socket socket(io_);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), forward_->address().port});
    socket.non_blocking(true);
    return socket;
  }
  // Reads what there is; false at the end.
  static bool read(tcp::socket& socket, std::string& into) {
    std::array<char, 65536> bytes{};
    boost::system::error_code failed;
    size_t got = socket.read_some(boost::asio::buffer(bytes), failed);
    into.append(bytes.data(), got);
    return !failed || failed == boost::asio::error::would_block;
  }
  bool reads(tcp::socket& socket, const std::string& wanted) {
    std::string seen;
    return run_until(io_, [&] { return read(socket, seen) && seen == wanted; });
  }
  bool is_cut(tcp::socket& socket) {
    std::string seen;
    return run_until(io_, [&] { return !read(socket, seen); });
  }

  boost::asio::io_context io_;
  std::optional<TestApiServer> server_;
  Kubelet kubelet_;
  std::string pod_ = "app-0";
  std::optional<ApiClient> client_;
  std::unique_ptr<LocalForward> forward_;
  std::vector<ApiError> troubles_;
};

TEST_F(PortForwardTest, CarriesBytesBothWays) {
  listen();
  tcp::socket socket = connect();
  boost::asio::write(socket, boost::asio::buffer("PING\r\n"s));
  EXPECT_TRUE(reads(socket, "PING\r\n"));
  ASSERT_EQ(server_->seen.size(), 1U);
  EXPECT_EQ(server_->seen[0].method, "GET");
  EXPECT_EQ(server_->seen[0].target, "/api/v1/namespaces/data/pods/app-0/portforward?ports=6379");
  EXPECT_TRUE(server_->seen[0].has("Authorization: Bearer secret\r\n"));
  EXPECT_TRUE(server_->seen[0].has("Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n"));
  EXPECT_TRUE(troubles_.empty());
}

TEST_F(PortForwardTest, EachConnectionIsOneOfItsOwn) {
  listen();
  tcp::socket one = connect();
  tcp::socket two = connect();
  boost::asio::write(one, boost::asio::buffer("1"s));
  boost::asio::write(two, boost::asio::buffer("2"s));
  EXPECT_TRUE(reads(one, "1"));
  EXPECT_TRUE(reads(two, "2"));
  EXPECT_EQ(server_->seen.size(), 2U);
  EXPECT_EQ(forward_->connections(), 2U);
}

// More than what sockets hold of themselves.
std::string megabytes() {
  std::string bytes;
  for (int i = 0; i < 3'000'000; ++i) bytes += fmt::format("{:06}:", i % 1'000'000);
  return bytes;
}

TEST_F(PortForwardTest, AClientIsHeldBackWhileTheServerIsSlow) {
  listen();
  tcp::socket socket = connect();
  const std::string sent = megabytes();
  kubelet_.hear = nullptr;
  ASSERT_TRUE(run_until(io_, [&] { return !server_->seen.empty(); }));
  server_->peers[0]->deafen(true);
  size_t written = 0;
  auto write_some = [&] {
    boost::system::error_code failed;
    written += socket.write_some(boost::asio::buffer(sent.data() + written, sent.size() - written), failed);
  };
  EXPECT_TRUE(run_until(io_, [&, quiet = 0]() mutable {
    size_t before = written;
    if (written < sent.size()) write_some();
    quiet = written == before ? quiet + 1 : 0;
    return quiet == 20;
  }));
  EXPECT_LT(written, sent.size());
  server_->peers[0]->deafen(false);
  EXPECT_TRUE(run_until(io_, [&] {
    if (written < sent.size()) write_some();
    return kubelet_.heard.size() >= sent.size();
  }));
  EXPECT_TRUE(kubelet_.heard == sent);
}

TEST_F(PortForwardTest, AServerIsHeldBackWhileTheClientIsSlow) {
  listen();
  tcp::socket socket = connect();
  const std::string sent = megabytes();
  ASSERT_TRUE(run_until(io_, [&] { return !server_->seen.empty(); }));
  TestApiPeer& peer = *server_->peers[0];
  peer.send(data_frame(sent));
  EXPECT_TRUE(run_until(io_, [&, quiet = 0, before = size_t{0}]() mutable {
    quiet = peer.unsent() == before ? quiet + 1 : 0;
    before = peer.unsent();
    return quiet == 20;
  }));
  EXPECT_GT(peer.unsent(), 0U);
  std::string back;
  EXPECT_TRUE(run_until(io_, [&] { return read(socket, back) && back.size() >= sent.size(); }));
  EXPECT_TRUE(back == sent);
}

TEST_F(PortForwardTest, TellsWhatTheKubeletSays) {
  listen();
  kubelet_.hear = [](TestApiPeer& peer, const std::string&) {
    peer.send(error_frame("error forwarding port 6379 to pod app-0: connection refused"));
  };
  tcp::socket socket = connect();
  boost::asio::write(socket, boost::asio::buffer("PING\r\n"s));
  EXPECT_TRUE(is_cut(socket));
  ASSERT_EQ(troubles_.size(), 1U);
  EXPECT_THAT(troubles_[0].message, HasSubstr("port-forward to data/app-0:6379: error forwarding port"));
  EXPECT_EQ(forward_->connections(), 0U);
}

TEST_F(PortForwardTest, TellsWhyTheServerRefuses) {
  listen();
  server_->handler = [](const TestRequest&, TestApiPeer& peer) {
    peer.answer(403, R"({"kind":"Status","status":"Failure","reason":"Forbidden","code":403,)"
                     R"("message":"pods \"app-0\" is forbidden: User \"ada\" cannot get resource"})");
  };
  tcp::socket socket = connect();
  EXPECT_TRUE(is_cut(socket));
  ASSERT_EQ(troubles_.size(), 1U);
  EXPECT_EQ(troubles_[0].code, ApiCode::kForbidden);
  EXPECT_THAT(troubles_[0].message, HasSubstr("User \"ada\" cannot get resource"));
}

TEST_F(PortForwardTest, TellsThatNobodyAnswers) {
  listen();
  server_->handler = [](const TestRequest&, TestApiPeer& peer) { peer.close(); };
  tcp::socket socket = connect();
  EXPECT_TRUE(is_cut(socket));
  server_->stop_listening();
  tcp::socket another = connect();
  EXPECT_TRUE(is_cut(another));
  ASSERT_EQ(troubles_.size(), 2U);
  EXPECT_EQ(troubles_[0].code, ApiCode::kLost);
  EXPECT_EQ(troubles_[1].code, ApiCode::kUnreachable);
}

TEST_F(PortForwardTest, AnswersPingsAndTakesTheClose) {
  listen();
  kubelet_.hear = [](TestApiPeer& peer, const std::string&) {
    peer.send(frame(9, "alive?") + data_frame("last words") + frame(8, "\x03\xe8"));
  };
  tcp::socket socket = connect();
  boost::asio::write(socket, boost::asio::buffer("QUIT\r\n"s));
  std::string seen;
  EXPECT_TRUE(run_until(io_, [&] { return !read(socket, seen); }));
  EXPECT_EQ(seen, "last words");
  EXPECT_TRUE(troubles_.empty());

  kubelet_.hear = [](TestApiPeer& peer, const std::string&) { peer.send(frame(9, "alive?")); };
  tcp::socket pinged = connect();
  boost::asio::write(pinged, boost::asio::buffer("x"s));
  EXPECT_TRUE(run_until(io_, [&] { return !kubelet_.pongs.empty(); }));
  EXPECT_EQ(kubelet_.pongs.front(), "alive?");
}

TEST_F(PortForwardTest, AClientThatHasSaidAllGetsItsAnswer) {
  listen();
  std::optional<TestApiPeer*> peer;
  kubelet_.hear = [&](TestApiPeer& from, const std::string&) { peer = &from; };
  tcp::socket socket = connect();
  boost::asio::write(socket, boost::asio::buffer("GET a\r\n"s));
  socket.shutdown(tcp::socket::shutdown_send);
  ASSERT_TRUE(run_until(io_, [&] { return peer.has_value(); }));
  run_until(io_, [] { return false; }, 100);
  (*peer)->send(data_frame("$1\r\n1\r\n"));
  EXPECT_TRUE(reads(socket, "$1\r\n1\r\n"));
  EXPECT_TRUE(is_cut(socket));
  EXPECT_TRUE(run_until(io_, [&] { return kubelet_.closes == 1; }));
  EXPECT_EQ(forward_->connections(), 0U);
}

TEST_F(PortForwardTest, LeadsToTheNextPodAndCutsWhoIsAtTheFormer) {
  listen();
  tcp::socket first = connect();
  boost::asio::write(first, boost::asio::buffer("1"s));
  ASSERT_TRUE(reads(first, "1"));
  forward_->cut_misled();
  EXPECT_EQ(forward_->connections(), 1U);
  pod_ = "app-1";
  forward_->cut_misled();
  EXPECT_TRUE(is_cut(first));
  tcp::socket second = connect();
  boost::asio::write(second, boost::asio::buffer("2"s));
  EXPECT_TRUE(reads(second, "2"));
  EXPECT_THAT(server_->seen.back().target, HasSubstr("/pods/app-1/portforward"));
  pod_ = "";
  tcp::socket third = connect();
  EXPECT_TRUE(is_cut(third));
  ASSERT_EQ(troubles_.size(), 1U);
  EXPECT_EQ(troubles_[0].message, "no pod is the primary");
}

TEST_F(PortForwardTest, TakesNoMoreThanItMay) {
  LocalForwardOptions options;
  options.max_connections = 1;
  listen(options);
  tcp::socket first = connect();
  tcp::socket second = connect();
  boost::asio::write(first, boost::asio::buffer("1"s));
  boost::asio::write(second, boost::asio::buffer("2"s));
  ASSERT_TRUE(reads(first, "1"));
  EXPECT_EQ(server_->seen.size(), 1U);
  first.close();
  EXPECT_TRUE(reads(second, "2"));
}

}  // namespace
}  // namespace keyway::platform::kubernetes
