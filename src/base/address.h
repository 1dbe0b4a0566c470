// Where a server listens. A value; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keyway {

struct Address {
  std::string host;   // an IP address (IPv6 without brackets) or a host name
  uint16_t port = 0;  // 0: none

  bool empty() const { return port == 0; }
  auto operator<=>(const Address&) const = default;
};

// "127.0.0.1:7001", "[::1]:7001".
std::string to_string(const Address& address);

// The reverse of to_string; also takes "::1:7001" as the servers themselves write it (the last colon parts
// the port).
std::optional<Address> parse_address(std::string_view text);

// The same for a place to listen at, whose port may be 0: any that is free.
std::optional<Address> parse_listen_address(std::string_view text);

}  // namespace keyway
