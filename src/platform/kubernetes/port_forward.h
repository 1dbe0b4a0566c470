// A stream of bytes to a port of a pod, through the API server and the pod's kubelet. Bytes are held back on
// either side when the other is slow. Handlers of the event loop keep it alive; closed, it tells nothing
// more. The loop's thread only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/channel.h"
#include "platform/kubernetes/api_client.h"
#include "platform/kubernetes/port_forward_frames.h"
#include "platform/kubernetes/web_socket_upgrade.h"

namespace keyway::platform::kubernetes {

// A port of a pod.
struct PodPort {
  std::string name_space;
  std::string pod;
  uint16_t port = 0;
  std::string uid = {};  // which of the pods that had the name, one after the other; for comparison only

  bool operator==(const PodPort&) const = default;
};

// "data/app-0:6379".
std::string to_string(const PodPort& to);

// What becomes of a forward. Any of them may close or drop it.
struct PortForwardEvents {
  std::function<void()> opened;                           // from now on it takes bytes
  std::function<void(std::string_view)> data;             // from the pod
  std::function<void()> room;                             // it takes bytes again, after takes() was false
  std::function<void(const ApiResult<void>& why)> ended;  // once, last; OK: the pod has ended it
};

class PortForward : public engine::Channel {
 public:
  // Begins to connect, from the loop's next turn on at the earliest. `client` outlives it.
  static std::shared_ptr<PortForward> open(ApiClient& client, PodPort to, PortForwardEvents events);

  PortForward(ApiTransport& transport, PodPort to, PortForwardEvents events);

  // Whether bytes may be given to it now.
  bool takes() const;
  // Requires takes(). The bytes are on their way when it returns, or kept until the server takes them.
  void send(std::string_view bytes);
  // Stops telling data, and reading any, until it is called with false.
  void hold(bool held);
  // Says no more, and ends when what was sent is with the server; nothing is told any more.
  void finish();
  // At once; nothing is told any more.
  void drop();

 private:
  enum class State { kNew, kOpening, kAsking, kFlowing, kFinishing, kOver };

  void begin();
  void opened() override;
  void readable() override;
  void writable() override { flush(); }
  void failed(const Error& error) override;

  void watch_clock();
  void flush();
  void told_written();
  bool take(std::string_view bytes);
  bool take_answer(std::string_view& bytes);
  bool take_frames(std::string_view bytes);
  void send_pong();
  void end(const ApiResult<void>& why);
  ApiError trouble(ApiCode code, std::string_view why) const;

  ApiTransport& transport_;
  PodPort to_;
  PortForwardEvents events_;
  std::string key_;
  UpgradeAnswer answer_;
  PortForwardFrames frames_;
  State state_ = State::kNew;
  std::string out_;
  size_t written_ = 0;
  bool awaits_room_ = false;
  bool held_ = false;
  std::string masks_;  // random bytes that are left
  boost::asio::steady_timer clock_;
};

}  // namespace keyway::platform::kubernetes
