// From an HTTP connection to a WebSocket (RFC 6455, 4.1): what is asked, and what is answered. Pure but for
// the randomness of a key; one thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "platform/http_response.h"

namespace keyway::platform::kubernetes {

// Lines of a request's head, "NAME: VALUE\r\n" each, that ask for a WebSocket which speaks `protocol`. `key`
// is new for each request: new_web_socket_key().
std::string web_socket_head_lines(std::string_view protocol, std::string_view key);
std::string new_web_socket_key();
// What a server that has read the key answers as Sec-WebSocket-Accept.
std::string web_socket_accept(std::string_view key);

// The answer, from bytes.
class UpgradeAnswer {
 public:
  enum class State {
    kWaiting,
    kAgreed,   // what follows are frames
    kRefused,  // status() and body() say why
  };

  UpgradeAnswer(std::string_view key, std::string_view protocol)
      : accept_(web_socket_accept(key)), protocol_(protocol) {}

  // Takes the next bytes. Gives those that follow the head of an answer that agrees. kCorrupt: it is no
  // answer to what was asked.
  Result<std::string_view> feed(std::string_view bytes);
  // The connection has ended, which may be the end of a refusal. kUnavailable: it is no end of one.
  Status finish();

  State state() const { return state_; }
  int status() const { return refusal_.head().status; }
  const std::string& body() const { return body_; }

 private:
  Status take_refusal(std::string_view bytes);
  Status check_agreement() const;

  std::string accept_;
  std::string protocol_;
  State state_ = State::kWaiting;
  std::string head_;
  bool refuses_ = false;
  HttpResponse refusal_;
  std::string body_;
};

}  // namespace keyway::platform::kubernetes
