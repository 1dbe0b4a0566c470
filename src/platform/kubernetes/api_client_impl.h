// What ApiClient consists of, for the files that implement it. The loop's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <optional>

#include "platform/kubernetes/api_client.h"

namespace keyway::platform::kubernetes {

using ApiClock = std::chrono::steady_clock;

// A request on its way through as many tries as it takes. Its handlers keep it alive; once it is over they do
// nothing.
class ApiCall : public std::enable_shared_from_this<ApiCall> {
 public:
  ApiCall(ApiClientImpl& client, uint64_t number, ApiRequest request, ApiClient::Answer answer);

  // Waits for its turn to use a connection; `first` in the line, or last.
  void line_up(bool first);
  // It is its turn.
  void begin_try();
  void cancel();
  bool urgent() const { return request_.urgent; }
  // Ends it, by way of the loop, without a try.
  void refuse(ApiError error);

 private:
  enum class State { kWaiting, kTrying, kPausing, kOver };

  void watch_clock(ApiClock::time_point until);
  void clock_ran_out();
  void take_head(const HttpHead& head);
  Status take_body(std::string_view piece);
  void try_ended(const HttpEnd& end);
  void try_lost(const HttpEnd& end);
  void try_answered();
  void pause_or_give_up(ApiError error, int64_t least_ms);
  bool may_repeat(const ApiError& error) const;
  void leave_connection();
  void finish(ApiResult<std::string> result);

  ApiClientImpl& client_;  // not to be touched once it is over
  uint64_t number_;
  ApiRequest request_;
  ApiClient::Answer answer_;
  State state_ = State::kWaiting;
  boost::asio::steady_timer clock_;
  ApiClock::time_point deadline_;
  std::shared_ptr<HttpConnection> connection_;
  bool reused_ = false;
  bool may_have_arrived_ = false;  // some try has sent something
  bool asked_anew_ = false;        // for credentials, after 401
  int tries_ = 0;
  HttpHead head_;
  std::string body_;
  std::optional<ApiError> last_error_;
};

// A stream: one try, then pieces until it ends or falls silent.
class ApiStream : public std::enable_shared_from_this<ApiStream> {
 public:
  ApiStream(ApiClientImpl& client, uint64_t number, ApiRequest request, int64_t silence_ms,
            ApiClient::StreamEvents events);

  void begin();
  void cancel();

 private:
  enum class State { kBeginning, kFlowing, kRefused, kOver };

  void watch_clock(int64_t for_ms);
  void take_head(const HttpHead& head);
  Status take_body(std::string_view piece);
  void ended(const HttpEnd& end);
  void finish(const ApiResult<void>& result);

  ApiClientImpl& client_;
  uint64_t number_;
  ApiRequest request_;
  int64_t silence_ms_;
  ApiClient::StreamEvents events_;
  State state_ = State::kBeginning;
  boost::asio::steady_timer clock_;
  ApiClock::time_point until_;
  std::shared_ptr<HttpConnection> connection_;
  int status_ = 0;
  std::string refusal_;
  std::optional<Error> of_consumer_;
};

struct ApiClientImpl {
  ApiClientImpl(boost::asio::io_context& io, ClientConfig config, ApiClientOptions options)
      : transport(io, std::move(config), std::move(options)) {}

  // Gives connections to those who have waited longest.
  void serve();

  ApiTransport transport;
  uint64_t last_number = 0;
  uint64_t tries = 0;
  size_t trying = 0;  // calls that have a connection
  std::map<uint64_t, std::shared_ptr<ApiCall>> calls;
  std::map<uint64_t, std::shared_ptr<ApiStream>> streams;
  std::deque<std::shared_ptr<ApiCall>> waiting;
};

}  // namespace keyway::platform::kubernetes
