#include "platform/http_connection.h"

#include <array>
#include <cassert>
#include <utility>

namespace keyway::platform {

namespace {

constexpr size_t kReceiveBytes = 16 << 10;
// So much is read before other handlers have their turn.
constexpr int kMaxReads = 16;

}  // namespace

bool HttpConnection::reusable() { return state_ == State::kIdle && is_quiet(); }

void HttpConnection::send(std::string head, std::string_view body, HttpEvents events) {
  assert(state_ == State::kNew || state_ == State::kIdle);
  out_ = std::move(head);
  body_ = body;
  written_ = 0;
  response_ = {};
  head_told_ = false;
  events_ = std::move(events);
  if (state_ == State::kIdle) return opened();
  state_ = State::kOpening;
  open();
}

void HttpConnection::opened() {
  state_ = State::kSending;
  wait_readable();
  flush();
}

std::string_view HttpConnection::unsent() const {
  if (written_ < out_.size()) return std::string_view(out_).substr(written_);
  return body_.substr(written_ - out_.size());
}

void HttpConnection::flush() {
  if (state_ != State::kSending) return;
  for (std::string_view rest = unsent(); is_open() && !rest.empty(); rest = unsent()) {
    size_t sent = write(rest);
    if (sent == 0) {
      if (is_open()) wait_writable();
      return;
    }
    written_ += sent;
  }
  if (!is_open()) return;
  std::string().swap(out_);
  body_ = {};
  state_ = State::kReceiving;
}

void HttpConnection::receive() {
  std::array<char, kReceiveBytes> bytes{};
  for (int reads = 0; is_open(); ++reads) {
    if (reads >= kMaxReads && !has_pending()) break;
    size_t got = read(bytes.data(), bytes.size());
    if (got == 0) break;
    if (!take({bytes.data(), got})) return;
    if (emptied(got, bytes.size())) break;
  }
  if (is_open()) wait_readable();
}

bool HttpConnection::take(std::string_view bytes) {
  if (state_ == State::kIdle) {  // something that nobody asked for
    close();
    return false;
  }
  // Told where the body begins, so also before its first piece.
  auto tell_head = [&] {
    if (head_told_ || response_.stage() == HttpResponse::Stage::kHead) return;
    head_told_ = true;
    if (events_.head) events_.head(response_.head());
  };
  Status fed = response_.feed(bytes, [&](std::string_view piece) -> Status {
    tell_head();
    if (!is_open()) return {};
    return events_.body ? events_.body(piece) : Status();
  });
  if (!is_open()) return false;
  tell_head();
  if (!is_open()) return false;
  if (!fed) {
    close();
    end(std::move(fed));
    return false;
  }
  if (!response_.done()) return true;
  bool whole_sent = state_ == State::kReceiving;
  if (!response_.head().keep_alive || !whole_sent) {
    close();
    end({});
    return false;
  }
  end({});
  return is_open();
}

void HttpConnection::end(Status status) {
  HttpEnd ended{std::move(status), response_.begun(), written_ > 0};
  bool again = ended.status && is_open();
  state_ = again ? State::kIdle : State::kOver;
  auto tell = std::exchange(events_, {}).end;
  if (tell) tell(ended);
}

void HttpConnection::failed(const Error& error) {
  if (state_ == State::kIdle || state_ == State::kOver) {
    state_ = State::kOver;
    return;
  }
  // The end of the connection may be the end of the answer.
  if (response_.stage() == HttpResponse::Stage::kBody && response_.finish()) return end({});
  end(fail(error));
}

}  // namespace keyway::platform
