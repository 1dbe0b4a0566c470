// What kubelets say on a port-forward over WebSocket, subprotocol v4.channel.k8s.io, for one port: binary
// messages whose first byte is the channel, 0 for data and 1 for an error's text. On each the port comes
// first, two bytes, little end first. Source: pkg/cri/streaming/portforward/websocket.go of k8s.io/kubelet.
// Pure; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "platform/kubernetes/web_socket.h"

namespace keyway::platform::kubernetes {

inline constexpr std::string_view kPortForwardProtocol = "v4.channel.k8s.io";

// Appends bytes for the pod as one message.
void append_port_data(std::string& out, std::string_view bytes, WebSocketMask mask);

class PortForwardFrames : private WebSocketSink {
 public:
  using DataSink = std::function<void(std::string_view piece)>;

  explicit PortForwardFrames(uint16_t port) : port_(port) {}

  // Takes the next bytes and gives the pod's to `data`, in order. kCorrupt: the other end speaks another
  // protocol.
  Status feed(std::string_view bytes, const DataSink& data);

  // No more comes.
  bool closed() const { return closed_; }
  // What the other end says of a failure; empty: nothing. Its first 4 KiB.
  const std::string& error() const { return error_; }
  // Payloads of pings that want answers; only the last of several, as RFC 6455 (5.5.3) allows.
  bool take_ping(std::string& payload);

 private:
  static constexpr size_t kChannels = 2;
  static constexpr size_t kPortBytes = 2;

  Status message(std::string_view piece, bool begins) override;
  void pinged(std::string_view payload) override;
  void closed(std::string_view why) override;
  void take_error(std::string_view text);

  uint16_t port_;
  WebSocketReader reader_;
  const DataSink* data_ = nullptr;  // while feed() runs
  bool channel_known_ = false;      // of the message that is being read
  size_t channel_ = 0;
  std::array<size_t, kChannels> port_bytes_{};  // that came so far
  bool closed_ = false;
  std::string error_;
  bool has_ping_ = false;
  std::string ping_;
};

}  // namespace keyway::platform::kubernetes
