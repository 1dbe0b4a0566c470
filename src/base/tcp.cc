#include "base/tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/format.h"

namespace keyway {

namespace {

constexpr int kUnacknowledgedMs = 15'000;  // a peer that acknowledges nothing for so long is gone
constexpr int kBacklog = 1024;

// Gives the length of the socket address; 0: `address` is no IP address.
socklen_t to_socket_address(const Address& address, sockaddr_storage& storage) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  if (inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    return sizeof(sockaddr_in);
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    return sizeof(sockaddr_in6);
  }
  return 0;
}

Address from_socket_address(const sockaddr_storage& storage) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return {text.data(), ntohs(v6.sin6_port)};
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
  inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  return {text.data(), ntohs(v4.sin_port)};
}

void set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

tl::unexpected<Error> no_ip_address(const Address& address) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} is no IP address with a port", to_string(address)));
}

Result<int> listen_at(const Address& address, bool beside) {
  sockaddr_storage storage{};
  socklen_t size = to_socket_address(address, storage);
  if (size == 0) return no_ip_address(address);
  int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(ErrorCode::kExhausted, errno_text(errno));
  set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (beside) set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (bind(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0 && listen(fd, kBacklog) == 0) return fd;
  int error = errno;
  close(fd);
  std::string why =
      error == EADDRINUSE ? "another program listens there; end it, or" : errno_text(error) + ";";
  return fail(ErrorCode::kUnavailable,
              fmt::format("cannot listen at {}: {} choose another address or port", to_string(address), why));
}

}  // namespace

Result<int> begin_connect(const Address& address) {
  sockaddr_storage storage{};
  socklen_t size = to_socket_address(address, storage);
  if (size == 0) return no_ip_address(address);
  int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(ErrorCode::kExhausted, errno_text(errno));
  prepare_client(fd);
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUnacknowledgedMs);
  if (connect(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0 || errno == EINPROGRESS) return fd;
  int error = errno;
  close(fd);
  return fail(ErrorCode::kUnavailable, errno_text(error));
}

Result<int> listen_at(const Address& address) { return listen_at(address, false); }

// The first one binds without SO_REUSEPORT, by which another process of this user could listen there as well
// and take some of the clients. It gets it afterwards, so that others of this process may join it.
Result<int> listen_beside(int first) {
  set(first, SOL_SOCKET, SO_REUSEPORT, 1);
  return listen_at(local_of(first), true);
}

void prepare_client(int fd) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

Address local_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  return from_socket_address(storage);
}

Address peer_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  return from_socket_address(storage);
}

}  // namespace keyway
