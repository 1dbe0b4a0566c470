// One stream, such as a watch.
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/api_client_impl.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr int kFirstFailure = 300;  // of HTTP's statuses
constexpr int kUnauthorized = 401;
constexpr size_t kMaxRefusalBytes = 64 << 10;

}  // namespace

ApiStream::ApiStream(ApiClientImpl& client, uint64_t number, ApiRequest request, int64_t silence_ms,
                     ApiClient::StreamEvents events)
    : client_(client),
      number_(number),
      request_(std::move(request)),
      silence_ms_(silence_ms),
      events_(std::move(events)),
      clock_(client.transport.io()) {}

// The timer is set once for many pieces: when it runs out it looks at how long the silence has been.
void ApiStream::watch_clock(int64_t for_ms) {
  until_ = ApiClock::now() + std::chrono::milliseconds(for_ms);
  clock_.expires_at(until_);
  clock_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (error || self->state_ == State::kOver) return;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(self->until_ - ApiClock::now());
    if (left.count() > 0) return self->watch_clock(left.count());
    bool flowed = self->state_ == State::kFlowing;
    std::string why = flowed ? fmt::format("nothing came for {}", human_duration(self->silence_ms_))
                             : fmt::format("no answer within {}", human_duration(self->request_.timeout_ms));
    self->finish(api_fail(ApiCode::kTimeout, fmt::format("{}: {}", self->request_.what, why)));
  });
}

void ApiStream::begin() {
  if (state_ == State::kOver) return;
  ++client_.tries;
  Result<std::string> text = client_.transport.text_of(request_);
  Result<std::shared_ptr<HttpConnection>> connection =
      text ? client_.transport.fresh_connection() : fail(text.error());
  if (!connection) {
    return finish(
        api_fail(ApiCode::kUnreachable, fmt::format("{}: {}", request_.what, connection.error().message)));
  }
  connection_ = std::move(*connection);
  watch_clock(request_.timeout_ms);
  std::shared_ptr<ApiStream> self = shared_from_this();
  std::shared_ptr<HttpConnection> mine = connection_;
  mine->send(std::move(*text), {.head = [self](const HttpHead& head) { self->take_head(head); },
                                .body = [self](std::string_view piece) { return self->take_body(piece); },
                                .end = [self](const HttpEnd& end) { self->ended(end); }});
}

void ApiStream::take_head(const HttpHead& head) {
  if (state_ == State::kOver) return;
  status_ = head.status;
  state_ = status_ < kFirstFailure ? State::kFlowing : State::kRefused;
  if (state_ == State::kRefused) return;
  watch_clock(silence_ms_);
  if (events_.begun) events_.begun();
}

Status ApiStream::take_body(std::string_view piece) {
  if (state_ == State::kRefused) {
    refusal_ += piece.substr(0, kMaxRefusalBytes - std::min(kMaxRefusalBytes, refusal_.size()));
    return {};
  }
  if (state_ != State::kFlowing) return {};
  until_ = ApiClock::now() + std::chrono::milliseconds(silence_ms_);
  Status taken = events_.piece(piece);
  if (!taken) of_consumer_ = taken.error();
  return taken;
}

void ApiStream::ended(const HttpEnd& end) {
  if (state_ == State::kOver) return;
  if (state_ == State::kRefused) {
    if (status_ == kUnauthorized) (void)client_.transport.credentials().refused();
    return finish(api_fail(refusal_of(status_, refusal_, request_.what)));
  }
  if (end.status) return finish({});
  bool malformed = of_consumer_.has_value() || end.status.error().code == ErrorCode::kCorrupt;
  ApiCode code = malformed ? ApiCode::kMalformed : end.sent ? ApiCode::kLost : ApiCode::kUnreachable;
  finish(api_fail(code, fmt::format("{}: {}", request_.what, end.status.error().message)));
}

void ApiStream::cancel() {
  if (state_ == State::kOver) return;
  events_.ended = nullptr;
  finish({});
}

void ApiStream::finish(const ApiResult<void>& result) {
  std::shared_ptr<ApiStream> self = shared_from_this();
  state_ = State::kOver;
  clock_.cancel();
  // It holds this stream for its events, so it is not held in turn any longer.
  if (auto connection = std::exchange(connection_, nullptr); connection != nullptr) connection->close();
  client_.streams.erase(number_);
  auto ended = std::exchange(events_.ended, nullptr);
  if (ended) ended(result);
}

}  // namespace keyway::platform::kubernetes
