// Frames of WebSocket (RFC 6455), as a client reads and writes them: bytes in, pieces of messages out,
// without keeping whole messages. Pure; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::platform::kubernetes {

enum class WebSocketOpcode : uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

// Four bytes that nobody can foresee, new for each frame (RFC 6455, 5.3).
using WebSocketMask = std::array<char, 4>;

// Appends one whole message: `first` and `rest` behind each other.
void append_web_socket_frame(std::string& out, WebSocketOpcode opcode, std::string_view first,
                             std::string_view rest, WebSocketMask mask);

// What a reader tells of.
class WebSocketSink {
 public:
  virtual ~WebSocketSink() = default;
  // The next bytes of a binary message, perhaps none; `begins`: its first. An error ends the reading.
  virtual Status message(std::string_view piece, bool begins) = 0;
  // It wants to be answered by a pong with the same payload.
  virtual void pinged(std::string_view payload) = 0;
  // The other end says no more.
  virtual void closed(std::string_view why) = 0;
};

class WebSocketReader {
 public:
  // Takes the next bytes, which may be cut anywhere. kCorrupt: no frames that a server sends; or what `sink`
  // fails with. What comes after the close is not looked at.
  Status feed(std::string_view bytes, WebSocketSink& sink);

 private:
  enum class Stage { kHead, kData, kControl, kClosed };

  Status take_head(std::string_view& bytes, WebSocketSink& sink);
  Status begin_payload(WebSocketSink& sink);
  Status take_data(std::string_view& bytes, WebSocketSink& sink);
  Status take_control(std::string_view& bytes, WebSocketSink& sink);
  void end_control(WebSocketSink& sink);

  Stage stage_ = Stage::kHead;
  std::string head_;  // that is not whole yet
  WebSocketOpcode opcode_ = WebSocketOpcode::kBinary;
  uint64_t left_ = 0;        // of the frame's payload
  bool in_message_ = false;  // a message goes on in the next frame
  std::string control_;      // the payload of a ping or close so far
};

}  // namespace keyway::platform::kubernetes
