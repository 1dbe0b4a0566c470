// One request from its first try to its answer.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/api_client_impl.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr int kFirstFailure = 300;  // of HTTP's statuses
constexpr int kUnauthorized = 401;
constexpr int kTooManyRequests = 429;
// A connection that was kept may be dead without our knowing: it gets this part of the time, then a new one
// is tried.
constexpr int kPartForReused = 3;

std::chrono::milliseconds ms(int64_t value) { return std::chrono::milliseconds(value); }

}  // namespace

ApiCall::ApiCall(ApiClientImpl& client, uint64_t number, ApiRequest request, ApiClient::Answer answer)
    : client_(client),
      number_(number),
      request_(std::move(request)),
      answer_(std::move(answer)),
      clock_(client.transport.io()),
      deadline_(ApiClock::now() + ms(request_.timeout_ms)) {}

void ApiCall::watch_clock(ApiClock::time_point until) {
  clock_.expires_at(std::min(until, deadline_));
  clock_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error && ApiClock::now() >= self->clock_.expiry()) self->clock_ran_out();
  });
}

void ApiCall::line_up(bool first) {
  state_ = State::kWaiting;
  if (first)
    client_.waiting.push_front(shared_from_this());
  else
    client_.waiting.push_back(shared_from_this());
  watch_clock(deadline_);
}

void ApiCall::begin_try() {
  if (state_ != State::kWaiting) return;
  ++tries_;
  ++client_.tries;
  body_.clear();
  head_ = {};
  Result<std::string> text = client_.transport.text_of(request_);
  Result<std::shared_ptr<HttpConnection>> connection =
      text ? client_.transport.connection(reused_) : fail(text.error());
  if (!connection) {
    return refuse({.code = ApiCode::kUnreachable,
                   .message = fmt::format("{}: {}", request_.what, connection.error().message)});
  }
  state_ = State::kTrying;
  ++client_.trying;
  connection_ = std::move(*connection);
  ApiClock::time_point until = deadline_;
  if (reused_ && request_.repeatable) until = ApiClock::now() + ms(request_.timeout_ms / kPartForReused);
  watch_clock(until);
  std::shared_ptr<ApiCall> self = shared_from_this();
  std::shared_ptr<HttpConnection> mine = connection_;
  auto current = [self, raw = mine.get()] { return self->connection_.get() == raw; };
  mine->send(std::move(*text),
             {.head =
                  [self, current](const HttpHead& head) {
                    if (current()) self->take_head(head);
                  },
              .body = [self, current](
                          std::string_view piece) { return current() ? self->take_body(piece) : Status(); },
              .end =
                  [self, current](const HttpEnd& end) {
                    if (current()) self->try_ended(end);
                  }});
}

void ApiCall::take_head(const HttpHead& head) { head_ = head; }

Status ApiCall::take_body(std::string_view piece) {
  if (body_.size() + piece.size() > client_.transport.options().max_body_bytes) {
    return fail(ErrorCode::kExhausted,
                fmt::format("its answer has more than {}",
                            human_bytes(static_cast<int64_t>(client_.transport.options().max_body_bytes))));
  }
  body_ += piece;
  return {};
}

void ApiCall::leave_connection() {
  if (connection_ == nullptr) return;
  std::shared_ptr<HttpConnection> left = std::exchange(connection_, nullptr);
  --client_.trying;
  client_.transport.keep(std::move(left));
}

void ApiCall::try_ended(const HttpEnd& end) {
  leave_connection();
  if (end.status)
    try_answered();
  else
    try_lost(end);
}

void ApiCall::try_lost(const HttpEnd& end) {
  may_have_arrived_ = may_have_arrived_ || end.sent;
  ApiError error{.code = may_have_arrived_ ? ApiCode::kLost : ApiCode::kUnreachable,
                 .message = fmt::format("{}: {}", request_.what, end.status.error().message)};
  if (end.answered && end.status.error().code != ErrorCode::kUnavailable) {
    error.code = ApiCode::kMalformed;
    return finish(api_fail(std::move(error)));
  }
  pause_or_give_up(std::move(error), 0);
}

void ApiCall::try_answered() {
  may_have_arrived_ = true;
  if (head_.status < kFirstFailure) return finish(std::move(body_));
  ApiError error = refusal_of(head_.status, body_, request_.what);
  if (head_.retry_after_s) error.retry_after_ms = *head_.retry_after_s * 1000;
  if (head_.status == kUnauthorized && !std::exchange(asked_anew_, true) &&
      client_.transport.credentials().refused()) {
    line_up(true);
    return client_.serve();
  }
  if (!may_repeat(error)) return finish(api_fail(std::move(error)));
  int64_t least_ms = error.retry_after_ms;
  pause_or_give_up(std::move(error), least_ms);
}

// An answer of 429 was refused before anything was done; without a time to wait it is a disruption budget's.
// After a failure of the server's anything may have been done.
bool ApiCall::may_repeat(const ApiError& error) const {
  if (error.status == kTooManyRequests) return error.retry_after_ms > 0;
  return error.code == ApiCode::kServerError && request_.repeatable;
}

void ApiCall::pause_or_give_up(ApiError error, int64_t least_ms) {
  bool safe = request_.repeatable || error.code == ApiCode::kUnreachable || error.status == kTooManyRequests;
  int64_t pause_ms = std::max(least_ms, client_.transport.backoff_ms(tries_));
  ApiClock::time_point until = ApiClock::now() + ms(pause_ms);
  if (!safe || tries_ >= client_.transport.options().max_tries || until >= deadline_)
    return finish(api_fail(std::move(error)));
  last_error_ = std::move(error);
  state_ = State::kPausing;
  watch_clock(until);
  client_.serve();  // the connection is free
}

void ApiCall::clock_ran_out() {
  if (state_ == State::kOver) return;
  bool late = ApiClock::now() >= deadline_;
  if (!late && state_ == State::kPausing) {
    line_up(urgent());
    return client_.serve();
  }
  if (connection_ != nullptr) connection_->close();
  bool tried = state_ == State::kTrying;
  leave_connection();
  may_have_arrived_ = may_have_arrived_ || tried;
  ApiError error{
      .code = may_have_arrived_ ? ApiCode::kTimeout : ApiCode::kUnreachable,
      .message = fmt::format("{}: no answer within {}{}", request_.what, human_duration(request_.timeout_ms),
                             last_error_ ? "; before that: " + last_error_->message : "")};
  if (late) return finish(api_fail(std::move(error)));
  last_error_ = std::move(error);
  client_.transport.close_idle();  // as old as this one
  line_up(true);
  client_.serve();
}

void ApiCall::refuse(ApiError error) {
  state_ = State::kPausing;
  // By way of the loop: nobody is answered before he has his number.
  boost::asio::post(client_.transport.io(), [self = shared_from_this(), error = std::move(error)] {
    if (self->state_ != State::kOver) self->finish(api_fail(error));
  });
}

void ApiCall::cancel() {
  if (state_ == State::kOver) return;
  if (connection_ != nullptr) connection_->close();
  answer_ = nullptr;
  finish(api_fail(ApiCode::kTimeout, "cancelled"));
}

void ApiCall::finish(ApiResult<std::string> result) {
  std::shared_ptr<ApiCall> self = shared_from_this();
  leave_connection();
  state_ = State::kOver;
  clock_.cancel();
  client_.calls.erase(number_);
  std::erase(client_.waiting, self);
  ApiClient::Answer answer = std::exchange(answer_, nullptr);
  client_.serve();
  if (answer) answer(std::move(result));
}

}  // namespace keyway::platform::kubernetes
