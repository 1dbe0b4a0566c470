#include "backup/s3/signature.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "backup/digest.h"
#include "base/format.h"
#include "base/strings.h"

namespace keyway::backup::s3 {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr size_t kDayLetters = 8;

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// A header's value with runs of blanks as one.
std::string squeezed(std::string_view value) {
  std::string out;
  for (std::string_view word : split_blanks(value)) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

struct CanonicalHeaders {
  std::string lines;
  std::string names;  // "host;x-amz-date"
};

CanonicalHeaders canonical(const Fields& headers) {
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : headers) {
    auto [at, fresh] = sorted.try_emplace(to_lower(name), squeezed(value));
    if (!fresh) at->second += "," + squeezed(value);
  }
  CanonicalHeaders out;
  for (const auto& [name, value] : sorted) {
    out.lines += fmt::format("{}:{}\n", name, value);
    out.names += out.names.empty() ? name : ";" + name;
  }
  return out;
}

}  // namespace

std::string uri_encoded(std::string_view text, bool keep_slashes) {
  std::string out;
  for (char c : text) {
    if (is_unreserved(c) || (c == '/' && keep_slashes))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string query_text(const Fields& query) {
  Fields encoded;
  for (const auto& [name, value] : query)
    encoded.emplace_back(uri_encoded(name, false), uri_encoded(value, false));
  std::ranges::sort(encoded);
  std::string out;
  for (const auto& [name, value] : encoded) {
    if (!out.empty()) out += '&';
    out += fmt::format("{}={}", name, value);
  }
  return out;
}

std::string signature_time(int64_t unix_ms) {
  time_t seconds = unix_ms / 1000;
  std::tm time{};
  gmtime_r(&seconds, &time);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", time.tm_year + 1900, time.tm_mon + 1, time.tm_mday,
                     time.tm_hour, time.tm_min, time.tm_sec);
}

std::string authorization(const ToSign& request, const Keys& keys, const Scope& scope,
                          std::string_view time) {
  CanonicalHeaders headers = canonical(request.headers);
  std::string canonical_request =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path, query_text(request.query),
                  headers.lines, headers.names, request.payload_sha256);
  std::string_view day = time.substr(0, kDayLetters);
  std::string where = fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
  std::string to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, where, hex(sha256(canonical_request)));
  std::string key = hmac_sha256("AWS4" + keys.secret, day);
  for (std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")})
    key = hmac_sha256(key, part);
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm, keys.access_key_id,
                     where, headers.names, hex(hmac_sha256(key, to_sign)));
}

}  // namespace keyway::backup::s3
