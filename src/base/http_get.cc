#include "base/http_get.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "base/format.h"
#include "base/tcp.h"

namespace keyway {

namespace {

using std::chrono::steady_clock;

constexpr size_t kMaxAnswerBytes = size_t{64} << 20;

// A connection for one question, and the time that is left for it.
class Asking {
 public:
  Asking(int fd, const Address& address, int64_t timeout_ms)
      : fd_(fd),
        who_(to_string(address)),
        timeout_ms_(timeout_ms),
        end_(steady_clock::now() + std::chrono::milliseconds(timeout_ms)) {}
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  ~Asking() { close(fd_); }

  Status ask(std::string_view path) {
    if (Status ready = wait(POLLOUT); !ready) return ready;
    std::string text = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", path, who_);
    // A fresh socket takes so few bytes at once.
    if (send(fd_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
      return unavailable(errno_text(errno));
    return {};
  }

  // All that comes until the other end closes.
  Result<std::string> hear() {
    std::string answer;
    std::array<char, 16384> bytes{};
    for (;;) {
      if (Status ready = wait(POLLIN); !ready) return fail(ready.error());
      ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got < 0) return unavailable(errno_text(errno));
      if (got == 0) return answer;
      answer.append(bytes.data(), static_cast<size_t>(got));
      if (answer.size() > kMaxAnswerBytes) return unavailable("its answer has no end");
    }
  }

  tl::unexpected<Error> unavailable(std::string_view why) const {
    return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", who_, why));
  }

 private:
  Status wait(int16_t events) const {
    using namespace std::chrono;
    int64_t left_ms = duration_cast<milliseconds>(end_ - steady_clock::now()).count();
    pollfd waiting{fd_, events, 0};
    if (left_ms > 0 && poll(&waiting, 1, static_cast<int>(left_ms)) > 0) return {};
    return fail(ErrorCode::kTimeout, fmt::format("{}: no answer within {} ms", who_, timeout_ms_));
  }

  int fd_;
  std::string who_;
  int64_t timeout_ms_;
  steady_clock::time_point end_;
};

}  // namespace

Result<std::string> http_get(const Address& address, std::string_view path, int64_t timeout_ms) {
  Result<int> fd = begin_connect(address);
  if (!fd) return fail(fd.error());
  Asking asking(*fd, address, timeout_ms);
  if (Status asked = asking.ask(path); !asked) return fail(asked.error());
  Result<std::string> answer = asking.hear();
  if (!answer) return answer;
  std::string_view head = std::string_view(*answer).substr(0, answer->find("\r\n"));
  size_t body = answer->find("\r\n\r\n");
  if (!head.starts_with("HTTP/1.") || body == std::string::npos)
    return asking.unavailable("what it answers is no HTTP");
  if (head.find(" 404 ") != std::string_view::npos)
    return fail(ErrorCode::kNotFound, fmt::format("{} has no {}", to_string(address), path));
  if (head.find(" 200 ") == std::string_view::npos) return asking.unavailable(head);
  return answer->substr(body + 4);
}

}  // namespace keyway
