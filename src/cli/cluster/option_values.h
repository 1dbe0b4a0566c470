// Values of the cluster tool's options, read with errors that name the option, what was given, and what would
// be right. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/address.h"
#include "base/error.h"
#include "cli/cluster/request.h"

namespace keyway::cli {

// A number, fractions allowed, of [least, most]; no sign, no exponent.
Result<double> amount_value(std::string_view flag, std::string_view text, double least, double most);

// "50mb", "512Ki": bytes a second, at least 1 KiB.
Result<int64_t> rate_value(std::string_view flag, std::string_view text);

// "3", "0.5" seconds as milliseconds, from 1 ms to a day; 0, for redis-cli no limit, is `unlimited_ms`.
Result<int64_t> seconds_value(std::string_view flag, std::string_view text, int64_t unlimited_ms);

// "host:port", also "[::1]:7000" and "host:port@busport", as servers themselves write it. `what` says whose
// address it is.
Result<Address> address_value(std::string_view what, std::string_view text);

// The address, or the name of a local cluster.
Result<Seed> seed_value(std::string_view what, std::string_view text);

// "LEFT=RIGHT", parted at the last "=". `form` shows how the option wants it: "NODE=W".
Result<std::pair<std::string, std::string>> pair_value(std::string_view flag, std::string_view form,
                                                       std::string_view text);

// redis-cli's -u: scheme, user, password and host.
struct ServerUri {
  bool tls = false;
  std::string user;
  std::optional<std::string> password;
  Address address;  // none if it names no host
};
Result<ServerUri> uri_value(std::string_view flag, std::string_view text);

}  // namespace keyway::cli
