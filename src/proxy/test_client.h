// For tests: a plain client on a blocking socket, that shows replies as short text.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "resp/command.h"
#include "resp/reply.h"

namespace keyway::proxy {

// "+OK", "-ERR text", ":3", "$text", "nil", "[$a :1]".
inline std::string shown(const resp::Reply& reply) {
  using enum resp::ReplyType;
  switch (reply.type) {
    case kStatus:
      return "+" + reply.text;
    case kError:
      return "-" + reply.text;
    case kInteger:
    case kBoolean:
      return ":" + std::to_string(reply.integer);
    case kNull:
      return "nil";
    case kArray:
    case kMap:
    case kSet:
    case kPush: {
      std::string text = "[";
      for (const resp::Reply& element : reply.elements) text += (text.size() > 1 ? " " : "") + shown(element);
      return text + "]";
    }
    default:
      return "$" + reply.text;
  }
}

class TestClient {
 public:
  static constexpr time_t kPatienceS = 15;  // for an answer that does not come

  explicit TestClient(const Address& address) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    inet_pton(AF_INET, address.host.c_str(), &to.sin_addr);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error("no connection");
    timeval limit{kPatienceS, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  TestClient(TestClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), parser_(std::move(other.parser_)) {}
  TestClient& operator=(TestClient&&) = delete;
  ~TestClient() {
    if (fd_ >= 0) close(fd_);
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  void send_command(const resp::Command& command) { send_commands({command}); }
  void send_commands(const std::vector<resp::Command>& commands) {
    std::string bytes;
    for (const resp::Command& command : commands) resp::append(bytes, command);
    send(bytes);
  }

  // Nothing: the connection was closed, or no reply came in time.
  std::optional<resp::Reply> receive() {
    for (;;) {
      auto reply = parser_.next();
      if (!reply) return std::nullopt;
      if (*reply) return std::move(*reply);
      std::array<char, 65536> bytes{};
      ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
      if (got <= 0) return std::nullopt;
      parser_.feed({bytes.data(), static_cast<size_t>(got)});
    }
  }
  // What comes until the connection ends; nothing if that takes too long.
  std::optional<std::string> read_to_end() {
    std::string text;
    std::array<char, 65536> bytes{};
    ssize_t got = 0;
    while ((got = recv(fd_, bytes.data(), bytes.size(), 0)) > 0)
      text.append(bytes.data(), static_cast<size_t>(got));
    if (got < 0 && errno != ECONNRESET) return std::nullopt;
    return text;
  }
  // Says that no more commands come.
  void end_commands() { shutdown(fd_, SHUT_WR); }
  // Drops the connection, with all that is on its way.
  void drop() {
    linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(std::exchange(fd_, -1));
  }

  // Empty: see above.
  std::string read() {
    std::optional<resp::Reply> reply = receive();
    return reply ? shown(*reply) : "";
  }
  std::vector<std::string> read(size_t count) {
    std::vector<std::string> replies;
    for (size_t i = 0; i < count; ++i) replies.push_back(read());
    return replies;
  }

  resp::Reply call(const resp::Command& command) {
    send_command(command);
    return receive().value_or(resp::Reply{});
  }
  std::string operator()(const resp::Command& command) {
    send_command(command);
    return read();
  }

 private:
  int fd_;
  resp::ReplyParser parser_;
};

}  // namespace keyway::proxy
