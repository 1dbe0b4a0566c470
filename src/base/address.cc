#include "base/address.h"

#include "base/format.h"
#include "base/strings.h"

namespace keyway {

std::string to_string(const Address& address) {
  bool v6 = address.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", address.host, address.port)
            : fmt::format("{}:{}", address.host, address.port);
}

std::optional<Address> parse_address(std::string_view text) {
  std::optional<Address> address = parse_listen_address(text);
  if (address && address->port == 0) return std::nullopt;
  return address;
}

std::optional<Address> parse_listen_address(std::string_view text) {
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::optional<uint64_t> port = parse_uint(text.substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return std::nullopt;
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty()) return std::nullopt;
  return Address{std::string(host), static_cast<uint16_t>(*port)};
}

}  // namespace keyway
