// Requests to one bucket: signed, tried again when the server is busy or the connection is lost, sent to the
// bucket's own region, and with the server's clock where ours is wrong. Waits; one thread at a time. Readers
// and writers of a store share it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "backup/s3/credentials.h"
#include "backup/s3/http_caller.h"
#include "backup/s3/refusal.h"
#include "backup/s3/settings.h"
#include "backup/s3/signature.h"
#include "backup/s3/tries.h"

namespace keyway::backup::s3 {

struct Request {
  std::string what;  // for messages: "write s3://bucket/name"
  std::string method = "GET";
  std::string key = {};  // with the store's prefix; empty: the bucket itself
  Fields query = {};
  Fields headers = {};
  std::string_view body = {};  // stays until it is answered
  int most_tries = 1'000;      // if fewer than the settings allow
};

struct Answer {
  platform::HttpHead head;
  std::string body;
};

class Client {
 public:
  // `interrupted` may be null.
  Client(Settings settings, Environment environment, std::function<bool()> interrupted);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // An answer that is no refusal, whole. Errors: those of Store. An <Error> that comes as a success is a
  // refusal, too.
  Result<Answer> call(const Request& request);
  // The same before its body is read, of tries that others make, too.
  Result<std::unique_ptr<HttpAnswer>> open(const Request& request, Tries& tries);

  Tries tries() const { return {settings_.patience, interrupted_}; }
  const Settings& settings() const { return settings_; }

 private:
  Result<std::string> head_of(const Request& request, const HttpPlace& place);
  // What is to be done about a refusal: nothing wrong: it has been done, and the request can be made again.
  Status settle(const Refusal& refusal, const Request& request, Tries& tries);
  Error lost(const Error& error, const Request& request, const Tries& tries) const;
  Asked asked(const Request& request) const;
  int most_tries(const Request& request) const;
  int64_t now_ms() const;

  const Settings settings_;
  std::function<bool()> interrupted_;
  HttpCaller caller_;
  Credentials credentials_;
  std::string region_;
  int64_t clock_offset_ms_ = 0;
  bool answered_ = false;  // there is a server of S3
  // What is done once.
  bool moved_ = false;
  bool clock_set_ = false;
  bool renewed_ = false;
};

// "bytes=7-".
std::string range_from(int64_t from_bytes);

}  // namespace keyway::backup::s3
