// AWS Signature Version 4, by which S3 and other services of AWS know who asks, and the encoding of paths and
// queries that it rests on. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyway::backup::s3 {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Keys {
  std::string access_key_id;
  std::string secret;
  std::string session_token;  // empty: they are not of a session
};

// What a signature is valid for, beside its day.
struct Scope {
  std::string region;
  std::string service = "s3";
};

struct ToSign {
  std::string method;
  std::string path;            // encoded: "/bucket/key"
  Fields query;                // not encoded
  Fields headers;              // all that are signed, "host" and "x-amz-date" among them
  std::string payload_sha256;  // hexadecimal
};

// The value of the header "authorization". `time` is that of "x-amz-date".
std::string authorization(const ToSign& request, const Keys& keys, const Scope& scope, std::string_view time);

// "20150830T123600Z".
std::string signature_time(int64_t unix_ms);

// All but letters, digits, '-', '.', '_' and '~' as %XX; slashes only if they are no separators.
std::string uri_encoded(std::string_view text, bool keep_slashes);

// "a=1&b=2": encoded, in the order that is signed; empty: none.
std::string query_text(const Fields& query);

}  // namespace keyway::backup::s3
