#include "platform/kubernetes/forwarded_connection.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <chrono>
#include <utility>

namespace keyway::platform::kubernetes {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kReceiveBytes = 32 << 10;
constexpr int kMaxReads = 4;
// The client's share of unread bytes: above the first the pod is held back, below the second no more.
constexpr size_t kHoldBytes = 256 << 10;
constexpr size_t kGoOnBytes = 64 << 10;
// The protocol cannot tell a pod that its client has said all. So answers are waited for while they come.
constexpr auto kAnswersPause = std::chrono::milliseconds(1000);

}  // namespace

ForwardedConnection::ForwardedConnection(tcp::socket socket, PodPort to)
    : socket_(std::move(socket)), to_(std::move(to)), clock_(socket_.get_executor()) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
}

void ForwardedConnection::begin(ApiClient& client, Ended ended) {
  ended_ = std::move(ended);
  std::shared_ptr<ForwardedConnection> self = shared_from_this();
  auto go_on = [self] {
    if (self->state_ == State::kOpening) self->state_ = State::kFlowing;
    self->read_client();
  };
  forward_ = PortForward::open(client, to_,
                               {.opened = go_on,
                                .data = [self](std::string_view bytes) { self->take_from_pod(bytes); },
                                .room = go_on,
                                .ended = [self](const ApiResult<void>& why) { self->pod_ended(why); }});
}

void ForwardedConnection::read_client() {
  if (state_ != State::kFlowing || !forward_->takes() || std::exchange(reading_, true)) return;
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
    self->reading_ = false;
    if (!error && self->state_ == State::kFlowing) self->client_readable();
  });
}

void ForwardedConnection::client_readable() {
  std::array<char, kReceiveBytes> bytes{};
  for (int reads = 0; reads < kMaxReads && state_ == State::kFlowing && forward_->takes(); ++reads) {
    error_code error;
    size_t got = socket_.read_some(boost::asio::buffer(bytes), error);
    if (error == boost::asio::error::would_block) break;
    if (error == boost::asio::error::eof) {
      state_ = State::kClientEnded;
      return wait_for_answers();
    }
    if (error) return end({});
    forward_->send({bytes.data(), got});
    if (got < bytes.size()) break;
  }
  if (state_ == State::kFlowing) read_client();
}

void ForwardedConnection::wait_for_answers() {
  clock_.expires_after(kAnswersPause);
  clock_.async_wait([self = shared_from_this(), before = pieces_](error_code error) {
    if (error || self->state_ != State::kClientEnded) return;
    bool more = self->pieces_ != before || !self->out_.empty();
    more ? self->wait_for_answers() : self->end({});
  });
}

void ForwardedConnection::take_from_pod(std::string_view bytes) {
  if (state_ == State::kOver) return;
  ++pieces_;
  // Behind what waits already; else straight through.
  if (out_.empty()) {
    error_code error;
    size_t sent = socket_.write_some(boost::asio::buffer(bytes), error);
    if (error && error != boost::asio::error::would_block) return end({});
    bytes.remove_prefix(error ? 0 : sent);
  }
  if (bytes.empty()) return;
  out_ += bytes;
  flush();
}

void ForwardedConnection::flush() {
  while (written_ < out_.size()) {
    error_code error;
    size_t sent =
        socket_.write_some(boost::asio::buffer(out_.data() + written_, out_.size() - written_), error);
    if (error == boost::asio::error::would_block) break;
    if (error) return end({});
    written_ += sent;
  }
  if (written_ == out_.size() || written_ > kGoOnBytes) {
    out_.erase(0, written_);
    written_ = 0;
  }
  size_t waiting = out_.size() - written_;
  if (state_ == State::kPodEnded && waiting == 0) return end({});
  bool hold = waiting > (held_ ? kGoOnBytes : kHoldBytes);
  if (forward_ != nullptr && hold != held_) forward_->hold(hold);
  held_ = hold;
  if (waiting == 0 || std::exchange(writing_, true)) return;
  socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code error) {
    self->writing_ = false;
    if (!error && self->state_ != State::kOver) self->flush();
  });
}

void ForwardedConnection::pod_ended(const ApiResult<void>& why) {
  if (state_ == State::kOver) return;
  forward_.reset();
  if (!why || out_.empty()) return end(why);
  state_ = State::kPodEnded;
  flush();
}

void ForwardedConnection::end(const ApiResult<void>& why) {
  auto tell = std::exchange(ended_, nullptr);
  std::shared_ptr<ForwardedConnection> self = shared_from_this();
  cut();
  if (tell) tell(*this, why);
}

void ForwardedConnection::cut() {
  if (std::exchange(state_, State::kOver) == State::kOver) return;
  ended_ = nullptr;
  clock_.cancel();
  error_code ignored;
  socket_.close(ignored);
  if (auto forward = std::exchange(forward_, nullptr); forward != nullptr) forward->finish();
}

}  // namespace keyway::platform::kubernetes
