#include "cli/cluster/option_values.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/spec.h"
#include "cluster/suggest.h"

namespace keyway::cli {

namespace {

constexpr int64_t kLeastRate = 1024;
constexpr double kDayS = 24 * 3600;
constexpr uint16_t kUsualPort = 6379;
constexpr size_t kMaxNameBytes = 64;

tl::unexpected<Error> bad(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

// "%41" as "A", as in any URI. Nothing if what follows a "%" is not two hexadecimal digits.
std::optional<std::string> decode_percents(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    std::string_view digits = text.substr(i + 1, 2);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc{} || end != digits.data() + 2) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

}  // namespace

Result<double> amount_value(std::string_view flag, std::string_view text, double least, double most) {
  double value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  bool whole = error == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
  if (!whole || value < least || value > most) {
    return bad(fmt::format("{}: \"{}\" is not a number from {:g} to {:g}", flag, cluster::excerpt(text),
                           least, most));
  }
  return value;
}

Result<int64_t> rate_value(std::string_view flag, std::string_view text) {
  std::optional<int64_t> size_bytes = cluster::parse_size(text);
  if (!size_bytes || *size_bytes < kLeastRate) {
    return bad(
        fmt::format("{}: \"{}\" is not a number of bytes of 1 KiB or more; write, for example, {} 50mb", flag,
                    cluster::excerpt(text), flag));
  }
  return *size_bytes;
}

Result<int64_t> seconds_value(std::string_view flag, std::string_view text, int64_t unlimited_ms) {
  std::string_view digits = text.ends_with('s') ? text.substr(0, text.size() - 1) : text;
  Result<double> seconds = amount_value(flag, digits, 0, kDayS);
  if (!seconds) {
    return bad(
        fmt::format("{}: \"{}\" is not a time in seconds, up to a day; write, for example, {} 5 or {} 0.5",
                    flag, cluster::excerpt(text), flag, flag));
  }
  if (*seconds == 0) return unlimited_ms;
  return std::max<int64_t>(1, std::llround(*seconds * 1000));
}

Result<Address> address_value(std::string_view what, std::string_view text) {
  // What follows "@" is the port of the cluster bus, which the server itself tells.
  std::string_view plain = text.substr(0, text.find('@'));
  std::optional<Address> address = parse_address(plain);
  bool odd =
      std::ranges::any_of(plain, [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; });
  if (!address || address->host.empty() || address->empty() || odd) {
    return bad(
        fmt::format("{}: \"{}\" is not an address; write host:port, such as 127.0.0.1:7000 or [::1]:7000",
                    what, cluster::excerpt(text)));
  }
  return *address;
}

Result<Seed> seed_value(std::string_view what, std::string_view text) {
  bool name = !text.empty() && text.size() <= kMaxNameBytes && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  });
  if (name && !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    return Seed{{}, std::string(text)};
  }
  Result<Address> address = address_value(what, text);
  if (!address) {
    return bad(
        fmt::format("{}: \"{}\" is neither an address, such as 127.0.0.1:7000, nor the name of a local "
                    "cluster",
                    what, cluster::excerpt(text)));
  }
  return Seed{*address, ""};
}

Result<std::pair<std::string, std::string>> pair_value(std::string_view flag, std::string_view form,
                                                       std::string_view text) {
  size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    return bad(fmt::format("{}: \"{}\" is not {}", flag, cluster::excerpt(text), form));
  }
  return std::pair{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Result<ServerUri> uri_value(std::string_view flag, std::string_view text) {
  // Not shown: it may hold a password.
  auto wrong = [&] {
    return bad(fmt::format("{}: not a URI such as redis://user:password@host:port or rediss://host", flag));
  };
  size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return wrong();
  std::string_view scheme = text.substr(0, scheme_end);
  ServerUri uri;
  uri.tls = scheme == "rediss" || scheme == "valkeys";
  if (!uri.tls && scheme != "redis" && scheme != "valkey") return wrong();
  std::string_view rest = text.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('/'));
  if (size_t at = rest.rfind('@'); at != std::string_view::npos) {
    std::string_view login = rest.substr(0, at);
    size_t colon = login.find(':');
    std::optional<std::string> user =
        decode_percents(colon == std::string_view::npos ? std::string_view{} : login.substr(0, colon));
    uri.password = decode_percents(colon == std::string_view::npos ? login : login.substr(colon + 1));
    if (!user || !uri.password) return wrong();
    uri.user = *user;
    rest = rest.substr(at + 1);
  }
  if (rest.empty()) return uri;
  std::optional<Address> address = parse_address(rest);
  if (!address) address = Address{std::string(rest), kUsualPort};
  uri.address = *address;
  return uri;
}

}  // namespace keyway::cli
