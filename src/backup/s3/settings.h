// Where a store in S3 is and how it is spoken to, from its URL, the command line and the environment. Values;
// any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "backup/s3/environment.h"
#include "backup/s3/options.h"
#include "base/address.h"
#include "base/error.h"

namespace keyway::backup::s3 {

// A server of HTTP.
struct HttpPlace {
  bool tls = true;
  Address address;

  auto operator<=>(const HttpPlace&) const = default;
};

// "https://host", "http://host:9000".
std::string to_string(const HttpPlace& place);
// What the header "host" says.
std::string host_text(const HttpPlace& place);
// `name` says in errors where the URL was given. kInvalidArgument.
Result<HttpPlace> parse_endpoint(const std::string& url, const std::string& name);

struct Patience {
  int tries = 8;                 // of one request
  int first_tries = 3;           // as long as nothing has ever been answered
  int64_t total_ms = 50'000;     // after so long none is begun anew: a server gives up its replica after 60 s
  int64_t backoff_min_ms = 200;  // doubles, and up to half of it is cut at random
  int64_t backoff_max_ms = 5'000;
  int64_t connect_timeout_ms = 10'000;  // name, TCP and TLS together
  int64_t silence_timeout_ms = 20'000;  // nothing moves in either direction
};

struct Settings {
  std::string url;  // "s3://bucket/prefix", without a slash at its end
  std::string bucket;
  std::string prefix;  // "backups/"; may be empty
  std::string region = "us-east-1";
  HttpPlace endpoint = {};   // without an address: AWS's own of the region
  bool path_style = false;   // https://host/bucket/key, not https://bucket.host/key
  std::string ca_file = {};  // empty: the system's
  std::string sse = {};
  std::string sse_kms_key_id = {};
  HttpPlace sts = {};  // without an address: AWS's own
  size_t part_bytes = size_t{8} << 20;
  Patience patience = {};
};

// kInvalidArgument: which setting, and what is wrong with it.
Result<Settings> make_settings(const std::string& url, const S3Options& options,
                               const Environment& environment);

// Where the bucket is asked for, in that region.
HttpPlace bucket_place(const Settings& settings, const std::string& region);
HttpPlace sts_place(const Settings& settings);

}  // namespace keyway::backup::s3
