#include "platform/local/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>
#include <string_view>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"
#include "platform/local/process.h"

namespace keyway::platform::local {

namespace {

constexpr int kBlockStep = 100;  // clusters start at 7000, 7100, …: room to grow, easy to remember
constexpr int kMaxBlockBase =
    22000;  // above, the bus ports would be among those that outgoing connections are given
constexpr size_t kMaxTableBytes = 64 << 20;
constexpr std::string_view kListening = "0A";

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

std::optional<SocketAddress> socket_address(const std::string& host, uint16_t port) {
  SocketAddress address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.length = sizeof(sockaddr_in);
    return address;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.length = sizeof(sockaddr_in6);
    return address;
  }
  return std::nullopt;
}

// An address as /proc/net/tcp and tcp6 print it: 32-bit words in the byte order of the machine.
std::string as_in_proc(const SocketAddress& address) {
  std::string text;
  auto append = [&text](const void* bytes) {
    uint32_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    text += fmt::format("{:08X}", word);
  };
  if (address.storage.ss_family == AF_INET) {
    append(&reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr);
  } else {
    const auto* bytes =
        reinterpret_cast<const char*>(&reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr);
    for (int i = 0; i < 4; ++i) append(bytes + 4 * i);
  }
  return text;
}

// The inode of the socket that listens there according to one of the kernel's tables.
std::optional<uint64_t> listening_inode(const char* table, const std::string& host, uint16_t port) {
  Result<std::string> text = read_file(table, kMaxTableBytes);
  if (!text) return std::nullopt;
  std::string port_text = fmt::format("{:04X}", port);
  for (std::string_view line : split(*text, '\n')) {
    std::vector<std::string_view> fields = split_blanks(line);
    if (fields.size() < 10 || fields[3] != kListening) continue;
    size_t colon = fields[1].find(':');
    if (colon == std::string_view::npos || fields[1].substr(colon + 1) != port_text) continue;
    std::string_view local = fields[1].substr(0, colon);
    if (local == host || local.find_first_not_of('0') == std::string_view::npos) return parse_uint(fields[9]);
  }
  return std::nullopt;
}

// What `host` listeners of both tables look like that would be in the way of ours.
std::optional<uint64_t> find_inode(const std::string& host, uint16_t port) {
  std::optional<SocketAddress> address = socket_address(host, port);
  if (!address) return std::nullopt;
  bool v4 = address->storage.ss_family == AF_INET;
  std::string local = as_in_proc(*address);
  if (std::optional<uint64_t> inode = listening_inode(v4 ? "/proc/net/tcp" : "/proc/net/tcp6", local, port))
    return inode;
  // A socket bound to "::" may take the IPv4 addresses too, listed in the other table.
  return v4 ? listening_inode("/proc/net/tcp6", "0000000000000000FFFF0000" + local, port) : std::nullopt;
}

bool is_free(const PortWish& wish, uint16_t port) {
  for (int distance : {0, int{kBusPortDistance}}) {
    if (distance != 0 && !wish.with_bus) break;
    auto probed = static_cast<uint16_t>(port + distance);
    if (wish.recorded.contains(probed) || !test_port(wish.host, probed)) return false;
  }
  return true;
}

std::vector<uint16_t> row(int first, int count) {
  std::vector<uint16_t> ports;
  for (int i = 0; i < count; ++i) ports.push_back(static_cast<uint16_t>(first + i));
  return ports;
}

// Ports that a person named: every one must be free.
Result<std::vector<uint16_t>> take_wished(const PortWish& wish) {
  int highest = wish.with_bus ? kMaxPort : 65535;
  if (wish.first + wish.count - 1 > highest) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("spec.local.port: {} servers from port {} on would need ports above {}; "
                            "choose a lower one",
                            wish.count, wish.first, highest));
  }
  std::vector<std::string> problems;
  for (uint16_t port : row(wish.first, wish.count)) {
    if (Status free = check_port(wish, port); !free) {
      if (free.error().code != ErrorCode::kConflict) return fail(free.error());
      problems.push_back(free.error().message);
    }
  }
  if (problems.empty()) return row(wish.first, wish.count);
  return fail(ErrorCode::kConflict,
              fmt::format("{}; free what is taken or choose other ports with --port (spec.local.port)",
                          join(problems, "; ")));
}

}  // namespace

std::vector<uint16_t> find_listening_ports(int pid) {
  std::vector<uint16_t> ports;
  Result<std::string> text = read_file("/proc/net/tcp", kMaxTableBytes);
  if (!text) return ports;
  std::string host = as_in_proc(*socket_address("127.0.0.1", 0));
  std::set<uint64_t> sockets = sockets_of(pid);
  for (std::string_view line : split(*text, '\n')) {
    std::vector<std::string_view> fields = split_blanks(line);
    if (fields.size() < 10 || fields[3] != kListening || !fields[1].starts_with(host + ":")) continue;
    std::optional<uint64_t> inode = parse_uint(fields[9]);
    if (!inode || !sockets.contains(*inode)) continue;
    std::string_view digits = fields[1].substr(host.size() + 1);
    uint16_t port = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), port, 16).ec == std::errc())
      ports.push_back(port);
  }
  return ports;
}

std::optional<PortHolder> find_port_holder(const std::string& host, uint16_t port) {
  std::optional<uint64_t> inode = find_inode(host, port);
  if (!inode) return std::nullopt;
  int pid = find_socket_owner(*inode);
  return PortHolder{pid, pid == 0 ? "" : name_of(pid)};
}

std::string to_string(const PortHolder& holder) {
  return holder.pid == 0 ? "a process of another user"
                         : fmt::format("{} (pid {})", holder.program, holder.pid);
}

Status test_port(const std::string& host, uint16_t port) {
  std::optional<SocketAddress> address = socket_address(host, port);
  if (!address) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("spec.local.host: \"{}\" is no IP address; use one of this machine, such as 127.0.0.1",
                    host));
  }
  Fd fd(::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail(file_error(errno, "make a socket"));
  int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->storage.ss_family == AF_INET6)
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address->storage), address->length) == 0) return {};
  switch (errno) {
    case EADDRINUSE:
      return fail(ErrorCode::kConflict, fmt::format("port {} is taken", port));
    case EADDRNOTAVAIL:
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("spec.local.host: {} is no address of this machine; use one that "
                              "`ip address` lists, such as 127.0.0.1",
                              host));
    case EACCES:
      return fail(ErrorCode::kDenied,
                  fmt::format("port {} needs root's permission; choose one from 1024 on", port));
    default:
      return fail(file_error(errno, fmt::format("bind port {} of {}", port, host)));
  }
}

Status check_port(const PortWish& wish, uint16_t port) {
  for (int distance : {0, int{kBusPortDistance}}) {
    if (distance != 0 && !wish.with_bus) break;
    auto probed = static_cast<uint16_t>(port + distance);
    std::string name = distance == 0 ? fmt::format("port {}", probed)
                                     : fmt::format("port {} (the cluster bus of port {})", probed, port);
    if (auto recorded = wish.recorded.find(probed); recorded != wish.recorded.end()) {
      return fail(ErrorCode::kConflict, fmt::format("{} belongs to {}", name, recorded->second));
    }
    Status free = test_port(wish.host, probed);
    if (free) continue;
    if (free.error().code != ErrorCode::kConflict) return free;
    std::optional<PortHolder> holder = find_port_holder(wish.host, probed);
    return fail(ErrorCode::kConflict,
                fmt::format("{} is held by {}", name, holder ? to_string(*holder) : "another process"));
  }
  return {};
}

Result<std::vector<uint16_t>> choose_ports(const PortWish& wish) {
  if (wish.first != 0) return take_wished(wish);
  if (Status usable = test_port(wish.host, 0); !usable) return fail(usable.error());
  for (int base = kDefaultBasePort; base + wish.count <= kMaxBlockBase; base += kBlockStep) {
    std::vector<uint16_t> ports = row(base, wish.count);
    bool all_free = true;
    for (uint16_t port : ports) all_free = all_free && is_free(wish, port);
    if (all_free) return ports;
  }
  return fail(ErrorCode::kExhausted,
              fmt::format("no {} free ports in a row between {} and {}; stop what holds them or choose a "
                          "first port with --port (spec.local.port)",
                          wish.count, kDefaultBasePort, kMaxBlockBase));
}

Result<std::vector<uint16_t>> choose_further_ports(const PortWish& wish) {
  std::vector<uint16_t> ports;
  int highest = wish.with_bus ? kMaxPort : 65535;
  for (int port = wish.first; port <= highest && static_cast<int>(ports.size()) < wish.count; ++port) {
    if (is_free(wish, static_cast<uint16_t>(port))) ports.push_back(static_cast<uint16_t>(port));
  }
  if (static_cast<int>(ports.size()) == wish.count) return ports;
  return fail(ErrorCode::kExhausted, fmt::format("{} more ports are needed, and from {} on only {} are free",
                                                 wish.count, wish.first, ports.size()));
}

}  // namespace keyway::platform::local
