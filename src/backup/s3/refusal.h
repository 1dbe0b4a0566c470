// What S3 says when it does not do what it is asked, and what that means for a person. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "platform/http_response.h"

namespace keyway::backup::s3 {

struct Refusal {
  int status = 0;
  std::string code;     // "NoSuchBucket"; empty: the answer is none of S3's
  std::string message;  // of the server's
  std::string region;   // where the bucket is; empty: not said
  std::string request_id;
  std::string content_type;
  std::string begin;                 // of an answer that is none of S3's
  std::optional<int64_t> server_ms;  // the server's clock, Unix time
  std::optional<int64_t> retry_after_ms;
};

Refusal read_refusal(const platform::HttpHead& head, std::string_view body);

// Of "Sun, 06 Nov 1994 08:49:37 GMT", as Unix time; nothing if it is none.
std::optional<int64_t> parse_http_date_ms(std::string_view text);

// The server was busy, or lost something on the way.
bool is_passing(const Refusal& refusal);
// Other credentials may help: these have ended.
bool is_expired(const Refusal& refusal);
// The bucket is in another region than was asked or signed for.
bool is_elsewhere(const Refusal& refusal);
bool is_skewed(const Refusal& refusal);

// Where and as whom it was asked, for messages.
struct Asked {
  std::string what;  // "write s3://bucket/shop/1/p1.rdb.zst"
  std::string bucket;
  std::string endpoint;  // "https://host"
  std::string region;
  std::string credentials;  // where they come from: "AWS_ACCESS_KEY_ID (AKIA…)"
  int64_t now_ms = 0;
};

Error error_of(const Refusal& refusal, const Asked& asked);

}  // namespace keyway::backup::s3
