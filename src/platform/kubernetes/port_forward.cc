#include "platform/kubernetes/port_forward.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cassert>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/api_transport.h"
#include "platform/local/random.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr size_t kReceiveBytes = 32 << 10;
// So much is read before other handlers have their turn.
constexpr int kMaxReads = 8;
// More than this waits for the server in no case but the last piece that was sent.
constexpr size_t kMaxUnsentBytes = 64 << 10;
constexpr size_t kMaskPoolBytes = 1024;
constexpr int64_t kOpenMs = 15'000;
constexpr int64_t kFinishMs = 5'000;
constexpr int kUnauthorized = 401;
// A close with the code 1000, "normal" (RFC 6455, 7.4.1).
constexpr std::string_view kNormalClosure = "\x03\xe8";

std::string what_of(const PodPort& to) { return "port-forward to " + to_string(to); }

WebSocketMask take_mask(std::string& pool) {
  WebSocketMask mask{};
  if (pool.size() < mask.size()) pool = local::random_bytes(kMaskPoolBytes);
  std::memcpy(mask.data(), pool.data() + pool.size() - mask.size(), mask.size());
  pool.resize(pool.size() - mask.size());
  return mask;
}

}  // namespace

std::string to_string(const PodPort& to) { return fmt::format("{}/{}:{}", to.name_space, to.pod, to.port); }

std::shared_ptr<PortForward> PortForward::open(ApiClient& client, PodPort to, PortForwardEvents events) {
  auto forward = std::make_shared<PortForward>(client.transport(), std::move(to), std::move(events));
  boost::asio::post(client.io(), [forward] { forward->begin(); });
  return forward;
}

PortForward::PortForward(ApiTransport& transport, PodPort to, PortForwardEvents events)
    : Channel(transport.dialer(), transport.credentials().config().server),
      transport_(transport),
      to_(std::move(to)),
      events_(std::move(events)),
      key_(new_web_socket_key()),
      answer_(key_, kPortForwardProtocol),
      frames_(to_.port),
      clock_(transport.io()) {}

void PortForward::begin() {
  if (state_ != State::kNew) return;
  ApiRequest request;
  request.method = "GET";
  request.path =
      path_of(kPods, to_.name_space, to_.pod, "portforward", {{"ports", fmt::format("{}", to_.port)}});
  request.accept = "*/*";
  request.what = what_of(to_);
  request.head_lines = web_socket_head_lines(kPortForwardProtocol, key_);
  Status ready = transport_.renew_tls();
  Result<std::string> text = ready ? transport_.text_of(request) : fail(ready.error());
  if (!text) return end(api_fail(trouble(ApiCode::kUnreachable, text.error().message)));
  out_ = std::move(*text);
  state_ = State::kOpening;
  clock_.expires_after(std::chrono::milliseconds(kOpenMs));
  watch_clock();
  Channel::open();
}

void PortForward::watch_clock() {
  std::weak_ptr<Channel> weak = weak_from_this();
  clock_.async_wait([this, weak](boost::system::error_code error) {
    std::shared_ptr<Channel> alive = weak.lock();
    if (error || alive == nullptr) return;
    if (state_ == State::kFinishing) return drop();
    if (state_ == State::kOpening || state_ == State::kAsking) {
      end(api_fail(trouble(ApiCode::kTimeout, fmt::format("no answer within {}", human_duration(kOpenMs)))));
    }
  });
}

void PortForward::opened() {
  if (state_ == State::kOpening) state_ = State::kAsking;
  wait_readable();
  flush();
}

bool PortForward::takes() const {
  return state_ == State::kFlowing && out_.size() - written_ < kMaxUnsentBytes;
}

void PortForward::send(std::string_view bytes) {
  assert(takes());
  append_port_data(out_, bytes, take_mask(masks_));
  flush();
  if (!takes()) awaits_room_ = true;
}

void PortForward::flush() {
  while (is_open() && written_ < out_.size()) {
    size_t sent = write(std::string_view(out_).substr(written_));
    if (sent == 0) {
      if (is_open()) wait_writable();
      break;
    }
    written_ += sent;
  }
  if (!is_open()) return;
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
  } else if (written_ > kMaxUnsentBytes) {
    out_.erase(0, written_);
    written_ = 0;
  }
  told_written();
}

void PortForward::told_written() {
  if (state_ == State::kFinishing && out_.empty()) return drop();
  if (!awaits_room_ || !takes()) return;
  awaits_room_ = false;
  if (auto room = events_.room) room();
}

void PortForward::hold(bool held) {
  bool goes_on = held_ && !held;
  held_ = held;
  // Bytes may wait within TLS, which no readiness tells of.
  if (goes_on && is_open())
    boost::asio::post(transport_.io(), [self = shared_from_this(), this] { readable(); });
}

void PortForward::readable() {
  std::array<char, kReceiveBytes> bytes{};
  for (int reads = 0; is_open() && !held_; ++reads) {
    if (reads >= kMaxReads && !has_pending()) break;
    size_t got = read(bytes.data(), bytes.size());
    if (got == 0) break;
    if (!take({bytes.data(), got})) return;
    if (emptied(got, bytes.size())) break;
  }
  if (is_open() && !held_) wait_readable();
}

bool PortForward::take(std::string_view bytes) {
  if (state_ == State::kAsking && !take_answer(bytes)) return false;
  return state_ != State::kFlowing || bytes.empty() || take_frames(bytes);
}

bool PortForward::take_answer(std::string_view& bytes) {
  Result<std::string_view> rest = answer_.feed(bytes);
  if (!rest) {
    end(api_fail(trouble(ApiCode::kMalformed, rest.error().message)));
    return false;
  }
  bytes = *rest;
  if (answer_.state() == UpgradeAnswer::State::kRefused) {
    if (answer_.status() == kUnauthorized) (void)transport_.credentials().refused();
    end(api_fail(refusal_of(answer_.status(), answer_.body(), what_of(to_))));
    return false;
  }
  if (answer_.state() == UpgradeAnswer::State::kAgreed) {
    state_ = State::kFlowing;
    clock_.cancel();
    if (auto tell = events_.opened) tell();
  }
  return is_open();
}

bool PortForward::take_frames(std::string_view bytes) {
  Status fed = frames_.feed(bytes, [this](std::string_view piece) {
    if (state_ == State::kFlowing && events_.data) events_.data(piece);
  });
  if (state_ == State::kOver) return false;
  if (!fed) {
    end(api_fail(trouble(ApiCode::kMalformed, fed.error().message)));
    return false;
  }
  // An error is the kubelet's last word.
  if (!frames_.error().empty()) {
    end(api_fail(trouble(ApiCode::kServerError, frames_.error())));
    return false;
  }
  if (frames_.closed()) {
    end({});
    return false;
  }
  send_pong();
  return is_open();
}

void PortForward::send_pong() {
  std::string payload;
  if (!frames_.take_ping(payload) || out_.size() - written_ >= kMaxUnsentBytes) return;
  append_web_socket_frame(out_, WebSocketOpcode::kPong, payload, {}, take_mask(masks_));
  flush();
}

void PortForward::finish() {
  events_ = {};
  if (state_ != State::kFlowing) return drop();
  state_ = State::kFinishing;
  append_web_socket_frame(out_, WebSocketOpcode::kClose, kNormalClosure, {}, take_mask(masks_));
  clock_.expires_after(std::chrono::milliseconds(kFinishMs));
  watch_clock();
  flush();
}

void PortForward::drop() {
  state_ = State::kOver;
  events_ = {};
  clock_.cancel();
  close();
}

void PortForward::failed(const Error& error) {
  bool asked = state_ == State::kAsking;
  if (asked && answer_.finish())
    return end(api_fail(refusal_of(answer_.status(), answer_.body(), what_of(to_))));
  // Kubelets close the connection without a word when the pod's end is closed.
  if (state_ == State::kFlowing) return end({});
  end(api_fail(trouble(asked ? ApiCode::kLost : ApiCode::kUnreachable, error.message)));
}

void PortForward::end(const ApiResult<void>& why) {
  auto tell = std::exchange(events_.ended, nullptr);
  // What is told may drop the last reference.
  std::shared_ptr<Channel> self = shared_from_this();
  drop();
  if (tell) tell(why);
}

ApiError PortForward::trouble(ApiCode code, std::string_view why) const {
  return ApiError{.code = code, .message = fmt::format("{}: {}", what_of(to_), why)};
}

}  // namespace keyway::platform::kubernetes
