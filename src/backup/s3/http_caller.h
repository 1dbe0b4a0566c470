// Asks HTTP servers and waits for their answers: one question at a time, bodies as they are read, so that
// what is not read yet waits in the network. An event loop of its own; one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "backup/s3/settings.h"
#include "base/error.h"
#include "platform/http_response.h"

namespace keyway::backup::s3 {

class HttpCaller;
struct HttpExchange;

// An answer whose head has come. Ends before its caller does.
class HttpAnswer {
 public:
  HttpAnswer(HttpCaller& caller, std::shared_ptr<HttpExchange> exchange);
  HttpAnswer(const HttpAnswer&) = delete;
  HttpAnswer& operator=(const HttpAnswer&) = delete;
  ~HttpAnswer();

  const platform::HttpHead& head() const;
  // The next bytes of its body, `size_bytes` at most; 0: there are no more. kUnavailable, kTimeout: the rest
  // of it did not come.
  Result<size_t> read(char* to, size_t size_bytes);
  // What is left of it. kExhausted: it is larger than that.
  Result<std::string> read_all(size_t max_size_bytes);

 private:
  HttpCaller& caller_;
  std::shared_ptr<HttpExchange> exchange_;
};

class HttpCaller {
 public:
  // `ca_file` as in TlsOptions.
  HttpCaller(const std::string& ca_file, const Patience& patience);
  HttpCaller(const HttpCaller&) = delete;
  HttpCaller& operator=(const HttpCaller&) = delete;
  ~HttpCaller();

  // `head` with its empty line; `body` stays as long as the answer. Whoever asks may ask again after an
  // error: kUnavailable (no connection, or it was lost), kTimeout (silence), kCorrupt (no HTTP),
  // kInvalidArgument (the CA file).
  Result<std::unique_ptr<HttpAnswer>> ask(const HttpPlace& place, const std::string& head,
                                          std::string_view body);

 private:
  friend class HttpAnswer;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::backup::s3
