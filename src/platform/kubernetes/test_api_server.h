// For tests: an API server on the test's own event loop that answers as it is told, plain or over TLS. One
// thread.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/format.h"
#include "base/strings.h"
#include "engine/tls.h"
#include "platform/kubernetes/client_config.h"

namespace keyway::platform::kubernetes {

struct TestRequest {
  std::string method;
  std::string target;
  std::string head;  // all lines of it
  std::string body;

  bool has(std::string_view line) const { return head.find(line) != std::string::npos; }
};

// One connection of a client's, for those who write their answers in pieces.
class TestApiPeer : public std::enable_shared_from_this<TestApiPeer> {
 public:
  using Handler = std::function<void(const TestRequest&, TestApiPeer&)>;

  TestApiPeer(boost::asio::ip::tcp::socket socket, std::shared_ptr<const engine::TlsContext> tls,
              Handler handler)
      : socket_(std::move(socket)), handler_(std::move(handler)) {
    socket_.non_blocking(true);
    if (tls) tls_ = std::make_unique<engine::TlsStream>(tls, socket_.native_handle());
  }

  void start() { tls_ ? handshake() : wait_readable(); }
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  bool is_open() const { return socket_.is_open(); }

  void answer(int status, const std::string& body, const std::string& fields = "") {
    send(fmt::format("HTTP/1.1 {} Some\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{}",
                     status, body.size(), fields, body));
  }
  void begin_chunks(int status = 200) {
    send(fmt::format("HTTP/1.1 {} OK\r\nTransfer-Encoding: chunked\r\n\r\n", status));
  }
  void chunk(const std::string& bytes) { send(fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes)); }
  void end_chunks() { send("0\r\n\r\n"); }
  void send(const std::string& bytes) {
    out_ += bytes;
    flush();
  }

  // From now on what comes is no request: `take` has it, and may leave some of it for later.
  void switch_protocols(std::function<void(std::string& bytes)> take) { other_ = std::move(take); }
  // Reads nothing until it is called with false.
  void deafen(bool deaf) {
    deaf_ = deaf;
    if (!deaf) wait_readable();
  }
  size_t unsent() const { return out_.size(); }

 private:
  void wait(boost::asio::ip::tcp::socket::wait_type kind, void (TestApiPeer::*then)()) {
    socket_.async_wait(kind, [self = shared_from_this(), then](boost::system::error_code error) {
      if (!error) ((*self).*then)();
    });
  }
  void wait_readable() { wait(boost::asio::ip::tcp::socket::wait_read, &TestApiPeer::read); }

  void handshake() {
    switch (tls_->handshake()) {
      case engine::TlsStream::Outcome::kDone:
        return read();
      case engine::TlsStream::Outcome::kWantsRead:
        return wait(boost::asio::ip::tcp::socket::wait_read, &TestApiPeer::handshake);
      case engine::TlsStream::Outcome::kWantsWrite:
        return wait(boost::asio::ip::tcp::socket::wait_write, &TestApiPeer::handshake);
      default:
        return close();
    }
  }

  void read() {
    std::array<char, 65536> bytes{};
    while (is_open() && !deaf_) {
      size_t got = 0;
      if (tls_) {
        auto outcome = tls_->read(bytes.data(), bytes.size(), got);
        if (outcome == engine::TlsStream::Outcome::kWantsRead) break;
        if (outcome != engine::TlsStream::Outcome::kDone) return close();
      } else {
        boost::system::error_code error;
        got = socket_.read_some(boost::asio::buffer(bytes), error);
        if (error == boost::asio::error::would_block) break;
        if (error) return close();
      }
      in_.append(bytes.data(), got);
      other_ ? other_(in_) : take_requests();
    }
    if (is_open() && !deaf_) wait_readable();
  }

  void take_requests() {
    for (size_t end = in_.find("\r\n\r\n"); end != std::string::npos; end = in_.find("\r\n\r\n")) {
      TestRequest request;
      request.head = in_.substr(0, end + 2);
      size_t length = 0;
      constexpr std::string_view field = "Content-Length: ";
      if (size_t at = request.head.find(field); at != std::string::npos)
        length = std::stoul(request.head.substr(at + field.size()));
      if (in_.size() < end + 4 + length) return;
      request.body = in_.substr(end + 4, length);
      in_.erase(0, end + 4 + length);
      size_t blank = request.head.find(' ');
      request.method = request.head.substr(0, blank);
      request.target = request.head.substr(blank + 1, request.head.find(' ', blank + 1) - blank - 1);
      handler_(request, *this);
    }
  }

  void flush() {
    while (is_open() && !out_.empty()) {
      size_t sent = 0;
      bool failed = false;
      if (tls_) {
        auto outcome = tls_->write(out_, sent);
        failed =
            outcome == engine::TlsStream::Outcome::kFailed || outcome == engine::TlsStream::Outcome::kClosed;
      } else {
        boost::system::error_code error;
        sent = socket_.write_some(boost::asio::buffer(out_), error);
        failed = error && error != boost::asio::error::would_block;
      }
      if (failed) return close();
      out_.erase(0, sent);
      if (sent == 0) return wait(boost::asio::ip::tcp::socket::wait_write, &TestApiPeer::flush);
    }
  }

  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<engine::TlsStream> tls_;
  Handler handler_;
  std::function<void(std::string& bytes)> other_;
  bool deaf_ = false;
  std::string in_;
  std::string out_;
};

class TestApiServer {
 public:
  // Its handler is called for each request; who has no answer keeps silent.
  explicit TestApiServer(boost::asio::io_context& io, std::shared_ptr<const engine::TlsContext> tls = nullptr)
      : acceptor_(io, {boost::asio::ip::make_address("127.0.0.1"), 0}), tls_(std::move(tls)) {
    accept();
  }
  ~TestApiServer() {
    for (const auto& peer : peers) peer->close();
  }

  Address address() const { return {"127.0.0.1", acceptor_.local_endpoint().port()}; }
  ClientConfig config() const {
    ClientConfig config;
    config.source = "the test";
    config.server = address();
    return config;
  }
  // Refuses connections from now on.
  void stop_listening() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  }

  TestApiPeer::Handler handler;
  std::vector<TestRequest> seen;
  std::vector<std::shared_ptr<TestApiPeer>> peers;

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, boost::asio::ip::tcp::socket socket) {
      if (error) return;
      auto peer = std::make_shared<TestApiPeer>(std::move(socket), tls_,
                                                [this](const TestRequest& request, TestApiPeer& from) {
                                                  seen.push_back(request);
                                                  if (handler) handler(request, from);
                                                });
      peers.push_back(peer);
      peer->start();
      accept();
    });
  }

  boost::asio::ip::tcp::acceptor acceptor_;
  std::shared_ptr<const engine::TlsContext> tls_;
};

// Runs the loop until `condition` holds; false if it does not within `limit_ms`.
inline bool run_until(boost::asio::io_context& io, const std::function<bool()>& condition,
                      int64_t limit_ms = 5000) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  if (io.stopped()) io.restart();
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    io.run_one_for(std::chrono::milliseconds(10));
    if (io.stopped()) io.restart();
  }
  return true;
}

}  // namespace keyway::platform::kubernetes
