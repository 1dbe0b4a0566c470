// One connection of a local client's and the forward that it goes through. Whoever is slow holds the other
// end back. Handlers of the event loop keep it alive; the loop's thread only.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "platform/kubernetes/port_forward.h"

namespace keyway::platform::kubernetes {

class ForwardedConnection : public std::enable_shared_from_this<ForwardedConnection> {
 public:
  // Called once, when it is over; an error is what its client was cut off for.
  using Ended = std::function<void(ForwardedConnection&, const ApiResult<void>& why)>;

  ForwardedConnection(boost::asio::ip::tcp::socket socket, PodPort to);

  void begin(ApiClient& client, Ended ended);
  // Cuts it; `ended` is not called any more.
  void cut();
  const PodPort& to() const { return to_; }

 private:
  enum class State {
    kOpening,  // nothing is read from the client yet
    kFlowing,
    kClientEnded,  // the client has said all; answers may still come
    kPodEnded,     // the pod has said all, some of which the client has not taken yet
    kOver,
  };

  void read_client();
  void client_readable();
  void take_from_pod(std::string_view bytes);
  void pod_ended(const ApiResult<void>& why);
  void flush();
  void wait_for_answers();
  void end(const ApiResult<void>& why);

  boost::asio::ip::tcp::socket socket_;
  PodPort to_;
  Ended ended_;
  State state_ = State::kOpening;
  std::shared_ptr<PortForward> forward_;
  bool reading_ = false;  // a wait for bytes of the client is under way
  bool writing_ = false;  // and one for room
  std::string out_;       // for the client
  size_t written_ = 0;
  bool held_ = false;  // the forward, since the client is slow
  boost::asio::steady_timer clock_;
  uint64_t pieces_ = 0;  // from the pod, ever
};

}  // namespace keyway::platform::kubernetes
