// A small HTTP server for what a machine asks of a program: counts, whether it is well. One request at a
// time, GET only, each on a connection of its own. A thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/address.h"
#include "base/error.h"

namespace keyway {

struct HttpAnswer {
  int status = 200;
  std::string text;
  std::string_view type = "text/plain; version=0.0.4; charset=utf-8";
};

class HttpServer {
 public:
  // Called in the server's thread; outlives the server's use of it.
  using Handler = std::function<HttpAnswer(std::string_view path)>;

  // Listens and serves at once. Errors: those of listen_at.
  static Result<std::unique_ptr<HttpServer>> start(const Address& address, Handler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  const Address& address() const { return address_; }

 private:
  HttpServer(int listener, Address address, Handler handler);
  void run();
  void serve(int fd);
  // Whether `fd` can be read within `timeout_ms`; false too if the server is to end.
  bool readable(int fd, int timeout_ms);

  int listener_;
  int end_fd_;
  Address address_;
  Handler handler_;
  std::thread thread_;
};

}  // namespace keyway
