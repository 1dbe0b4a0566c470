// A connection to an HTTP server that carries one request at a time. It looks the name up, connects, agrees
// on TLS, sends, and tells its user what comes. Handlers of the event loop keep it alive; closed, it tells
// nothing more. The loop's thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/channel.h"
#include "platform/http_response.h"

namespace keyway::platform {

struct HttpEnd {
  Status status;          // whether the answer is whole
  bool answered = false;  // some of an answer had come
  bool sent = false;      // some of the request may have reached the server
};

// What becomes of a request. `end` is called once, last, unless close() came before; any of them may close or
// drop the connection.
struct HttpEvents {
  std::function<void(const HttpHead&)> head;
  std::function<Status(std::string_view)> body;  // an error ends it
  std::function<void(const HttpEnd&)> end;
};

class HttpConnection : public engine::Channel {
 public:
  HttpConnection(engine::Dialer& dialer, Address address) : Channel(dialer, std::move(address)) {}

  // Whether another request can be sent: its answer is over, the other end keeps it open.
  bool reusable();
  // A whole request, head and body. Opens the connection if it is new. Requires: new or reusable().
  void send(std::string request, HttpEvents events) { send(std::move(request), {}, std::move(events)); }
  // The same of a large body, which is not copied: it stays as it is until `end`, or until the connection is
  // closed.
  void send(std::string head, std::string_view body, HttpEvents events);

  // How much of the request has been handed to the system.
  size_t sent_bytes() const { return written_; }

 private:
  enum class State { kNew, kOpening, kIdle, kSending, kReceiving, kOver };

  void opened() override;
  void readable() override { receive(); }
  void writable() override { flush(); }
  void failed(const Error& error) override;

  void flush();
  void receive();
  // What is to be sent next; empty: nothing.
  std::string_view unsent() const;
  // False: that was the end.
  bool take(std::string_view bytes);
  void end(Status status);

  State state_ = State::kNew;
  std::string out_;
  std::string_view body_;  // behind it
  size_t written_ = 0;
  HttpResponse response_;
  bool head_told_ = false;
  HttpEvents events_;
};

}  // namespace keyway::platform
