#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

#include "base/format.h"
#include "supervisor/control.h"
#include "supervisor/protocol.h"
#include "supervisor/unix_socket.h"

namespace keyway::supervisor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kConnectTimeoutMs = 5'000;
// Answered from the last look, whatever the supervisor is at.
constexpr int64_t kLookTimeoutMs = 10'000;
// Taken between two ticks; a tick may be as long as a switchover, and a new spec is tried on a server of its
// own.
constexpr int64_t kOrderTimeoutMs = 60'000;

Error gone() {
  return {ErrorCode::kUnavailable, "the supervisor has closed the connection: it has ended, or is ending"};
}

Error too_slow(int64_t timeout_ms) {
  return {ErrorCode::kTimeout,
          fmt::format("the supervisor has not answered within {} s; see its log (`keyway logs`)",
                      timeout_ms / 1000)};
}

// Whether the socket is ready before the deadline.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // the call that follows will tell
  }
}

}  // namespace

struct Client::Impl {
  platform::local::Fd
      fd;  // none once the connection has failed: a late reply must not answer another request
  std::string received;

  Status send(std::string_view line, Clock::time_point deadline, int64_t timeout_ms) {
    while (!line.empty()) {
      if (!wait_for(fd.get(), POLLOUT, deadline)) return fail(too_slow(timeout_ms));
      const ssize_t sent = ::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (sent < 0) return fail(gone());
      line.remove_prefix(static_cast<size_t>(sent));
    }
    return {};
  }

  Result<std::string> receive(Clock::time_point deadline, int64_t timeout_ms) {
    std::array<char, 16384> bytes{};
    size_t searched = 0;
    for (;;) {
      const size_t end = received.find('\n', searched);
      if (end != std::string::npos) {
        std::string line = received.substr(0, end);
        received.erase(0, end + 1);
        return line;
      }
      searched = received.size();
      if (searched > kMaxReplyBytes) return fail(ErrorCode::kCorrupt, "the supervisor's reply has no end");
      if (!wait_for(fd.get(), POLLIN, deadline)) return fail(too_slow(timeout_ms));
      const ssize_t got = ::recv(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) return fail(gone());
      received.append(bytes.data(), static_cast<size_t>(got));
    }
  }

  Result<std::string> exchange(const Request& request, int64_t timeout_ms) {
    if (!fd) return fail(gone());
    const std::string line = encode_request(request);
    if (line.size() > kMaxRequestBytes) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the request is longer than {} bytes", kMaxRequestBytes));
    }
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
    Status sent = send(line, deadline, timeout_ms);
    // Who is gone may have said why before it went.
    Result<std::string> reply = sent || sent.error().code == ErrorCode::kUnavailable
                                    ? receive(deadline, timeout_ms)
                                    : Result<std::string>(fail(sent.error()));
    if (!reply) fd.reset();
    return reply;
  }

  Result<uint64_t> order(const Request& request) {
    Result<std::string> line = exchange(request, kOrderTimeoutMs);
    if (!line) return fail(line.error());
    return decode_generation(*line);
  }
};

Result<Client> Client::connect(const std::string& socket_path) {
  Result<SocketPlace> place = SocketPlace::open(socket_path);
  if (!place) return fail(place.error());
  Result<platform::local::Fd> fd = place->connect(kConnectTimeoutMs);
  if (!fd) return fail(fd.error());
  auto impl = std::make_unique<Impl>();
  impl->fd = std::move(*fd);
  return Client(std::move(impl));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Progress> Client::progress(uint64_t events_since) {
  Result<std::string> line = impl_->exchange(ProgressRequest{events_since}, kLookTimeoutMs);
  if (!line) return fail(line.error());
  return decode_progress(*line);
}

Result<uint64_t> Client::apply(const std::string& spec_yaml) { return impl_->order(ApplyRequest{spec_yaml}); }

Result<uint64_t> Client::failover(const std::string& shard, const std::string& to_node) {
  return impl_->order(FailoverRequest{shard, to_node});
}

Result<uint64_t> Client::recover(const std::string& shard) { return impl_->order(RecoverRequest{shard}); }

Result<uint64_t> Client::restart(const std::vector<std::string>& nodes) {
  return impl_->order(RestartRequest{nodes});
}

Status Client::down() {
  Result<uint64_t> generation = impl_->order(DownRequest{});
  if (!generation) return fail(generation.error());
  return {};
}

}  // namespace keyway::supervisor
