// Asks an API server: every request has a deadline, is repeated where that is safe, and ends in an answer or
// in an ApiError. Everything happens in handlers of one event loop; its thread only. While call() waits, the
// other handlers of the loop run too; they may begin requests of their own, but may not stop the loop nor
// destroy the client.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "platform/kubernetes/api_error.h"
#include "platform/kubernetes/api_transport.h"
#include "platform/kubernetes/client_config.h"
#include "platform/kubernetes/requests.h"

namespace keyway::platform::kubernetes {

struct ApiClientImpl;

class ApiClient {
 public:
  // `io` outlives it. Nothing is connected before something is asked.
  ApiClient(boost::asio::io_context& io, ClientConfig config, ApiClientOptions options = {});
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;
  // What is unanswered is dropped: its functions are not called any more.
  ~ApiClient();

  // The body of the answer: an object, or a list, as JSON.
  using Answer = std::function<void(ApiResult<std::string> body)>;

  // Calls `answer` once, from the loop and never before it returns. The number is for cancel().
  uint64_t send(ApiRequest request, Answer answer);
  // Waits for the answer.
  ApiResult<std::string> call(ApiRequest request);

  // An answer that has no end, such as a watch. One try.
  struct StreamEvents {
    std::function<void()> begun;                              // the server has agreed
    std::function<Status(std::string_view piece)> piece;      // an error ends the stream as kMalformed
    std::function<void(const ApiResult<void>& ended)> ended;  // once, last; OK: the server has ended it
  };
  // `request.timeout_ms` is for its beginning; then it is cut when no byte came for `silence_ms`: kTimeout.
  uint64_t stream(ApiRequest request, int64_t silence_ms, StreamEvents events);

  // Neither answer nor end follows. A number that is unknown or over is fine.
  void cancel(uint64_t number);

  const ClientConfig& config() const;
  boost::asio::io_context& io();
  // For connections that are no requests, such as PortForward.
  ApiTransport& transport();
  // Tries so far, for those who count what an idle loop asks.
  uint64_t tries() const;

 private:
  std::shared_ptr<ApiClientImpl> impl_;
};

}  // namespace keyway::platform::kubernetes
