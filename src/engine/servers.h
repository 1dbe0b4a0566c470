// The seam between Keyway and the servers: send commands, get replies. engine/fleet is the real one
// (sockets), the simulator has another (a model of servers). One thread at a time; owned by whoever runs the
// loop; holds connections for its lifetime.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "resp/command.h"
#include "resp/reply.h"

namespace keyway::engine {

// One pipeline for one server.
struct Request {
  Address address;
  std::vector<resp::Command> commands;
};

// What came back: a reply for each command, or the error that cut the exchange (kUnavailable: no connection;
// kTimeout: no answer in time; kDenied: the password was refused; kCorrupt: not a Redis server). With an
// error, `replies` are those that came before it.
struct Response {
  std::vector<resp::Reply> replies;
  std::optional<Error> error;

  bool ok() const { return !error; }
};

class Servers {
 public:
  virtual ~Servers() = default;

  // Sends all pipelines at once and returns when each has been answered or has failed, `timeout_ms` from now
  // at the latest. Responses are in the order of requests. Two requests for one address are carried out one
  // after the other.
  virtual std::vector<Response> exchange(const std::vector<Request>& requests, int64_t timeout_ms) = 0;

  // One command for one server. Error replies of the server come back as replies.
  Result<resp::Reply> call(const Address& address, resp::Command command, int64_t timeout_ms) {
    std::vector<Request> requests;
    requests.push_back(Request{address, {std::move(command)}});
    Response response = std::move(exchange(requests, timeout_ms).front());
    if (response.error) return fail(*response.error);
    return std::move(response.replies.front());
  }
};

}  // namespace keyway::engine
