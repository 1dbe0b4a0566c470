#include "engine/connection.h"

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace keyway::engine {

namespace {

constexpr int kReadsInARow = 16;                   // then the other connections get their turn
constexpr size_t kChunkBytes = size_t{256} << 10;  // of commands, made as the socket takes them
constexpr size_t kKeptBytes = size_t{1} << 20;

// Redis over TLS loses a connection ("bad length", connTLSWritev) if more replies come up while earlier ones
// are stuck in a full socket. So no more is asked over TLS than what fits the sockets, as far as the replies
// so far tell. One record is read and answered by the server at once, whatever the size of its replies.
constexpr size_t kTlsRecordBytes = size_t{16} << 10;
constexpr size_t kTlsRepliesInFlightBytes = size_t{32} << 10;

// About as many bytes as it had on the wire.
size_t size_of(const resp::Reply& reply) {
  size_t size = reply.text.size() + 8;
  for (const resp::Reply& element : reply.elements) size += size_of(element);
  return size;
}

resp::ParserLimits limits_of(const Exchange& exchange) {
  resp::ParserLimits limits;
  limits.max_bulk_bytes = exchange.max_reply_bytes;
  limits.max_reply_bytes = exchange.max_reply_bytes;
  return limits;
}

}  // namespace

resp::Command login_command(const Credentials& account) {
  if (account.user.empty()) return {"AUTH", account.password};
  return {"AUTH", account.user, account.password};
}

std::optional<Error> login_refusal(const Address& address, const Credentials& account,
                                   const resp::Reply& reply) {
  if (reply.ok()) return std::nullopt;
  if (!reply.is_error()) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("{} answered AUTH with neither OK nor an error", to_string(address))};
  }
  bool denied = reply.error_code() == "WRONGPASS" || reply.error_code() == "NOAUTH" ||
                reply.error_code() == "NOPERM" || reply.error_code() == "DENIED";
  // A server without AUTH says what it does not understand, password included.
  bool leaks = !account.password.empty() && reply.text.find(account.password) != std::string::npos;
  return Error{denied ? ErrorCode::kDenied : ErrorCode::kUnavailable,
               fmt::format("{} refused the login of user {}: {}", to_string(address),
                           account.user.empty() ? "default" : account.user,
                           leaks ? reply.error_code() : std::string_view(reply.text))};
}

Connection::Connection(Dialer& dialer, Exchange& exchange, const Address& address)
    : Channel(dialer, address), exchange_(exchange), parser_(limits_of(exchange)) {}

bool Connection::usable() {
  if (!turns_.empty()) return true;
  return state_ == State::kIdle && out_.empty() && parser_.pending_bytes() == 0 && is_quiet();
}

void Connection::add(const Request& request, Response& response) {
  turns_.push_back(Turn{&request, &response});
  ++exchange_.unanswered;
}

void Connection::start() {
  if (state_ == State::kNew) {
    state_ = State::kOpening;
    return open();
  }
  send_pipelines();
  if (busy()) wait_readable();
}

void Connection::opened() {
  account_ = exchange_.credentials();
  if (account_.empty()) {
    send_pipelines();
  } else {
    state_ = State::kAuthenticating;
    resp::append(out_, login_command(account_));
    flush();
  }
  if (busy()) wait_readable();
}

void Connection::send_pipelines() {
  state_ = State::kExchanging;
  flush();
}

void Connection::flush() {
  while (written_ < out_.size() || refill()) {
    size_t sent = write(std::string_view(out_).substr(written_));
    if (sent == 0) {
      if (is_open()) wait_writable();
      return;
    }
    written_ += sent;
  }
}

// Puts the next commands into out_; false if there are none, or not yet.
bool Connection::refill() {
  out_.clear();
  written_ = 0;
  if (out_.capacity() > kKeptBytes) std::string().swap(out_);
  if (state_ != State::kExchanging) return false;
  bool alone = in_flight_ == 0;
  auto fits = [&] {
    if (!over_tls()) return out_.size() < kChunkBytes;
    bool replies_fit = in_flight_ * largest_reply_bytes_ < kTlsRepliesInFlightBytes;
    return out_.size() < kTlsRecordBytes && (alone || (largest_reply_bytes_ > 0 && replies_fit));
  };
  while (sent_turn_ < turns_.size() && fits()) {
    const std::vector<resp::Command>& commands = turns_[sent_turn_].request->commands;
    resp::append(out_, commands[sent_command_]);
    ++in_flight_;
    if (++sent_command_ < commands.size()) continue;
    ++sent_turn_;
    sent_command_ = 0;
  }
  return !out_.empty();
}

void Connection::readable() {
  for (int reads = 0; busy() && (reads < kReadsInARow || has_pending()); ++reads) {
    size_t size = read(exchange_.received.data(), exchange_.received.size());
    if (size == 0) break;
    parser_.feed({exchange_.received.data(), size});
    if (!take_replies()) return;
    if (emptied(size, exchange_.received.size())) break;
  }
  if (state_ == State::kExchanging && written_ == out_.size()) flush();
  if (busy()) wait_readable();
}

// False once the connection is closed.
bool Connection::take_replies() {
  while (state_ != State::kClosed) {
    Result<std::optional<resp::Reply>> next = parser_.next();
    if (!next) {
      fail_all(Error{ErrorCode::kCorrupt, fmt::format("cannot read the reply of {}: {}", to_string(address()),
                                                      next.error().message)});
    } else if (next->has_value()) {
      take(std::move(**next));
    } else {
      return true;
    }
  }
  return false;
}

void Connection::take(resp::Reply reply) {
  if (state_ == State::kAuthenticating) return take_login(reply);
  // A reply that nobody asked for: the next one could be mistaken for an answer.
  if (state_ != State::kExchanging) return drop();
  if (in_flight_ == 0) {
    return fail_all(
        Error{ErrorCode::kCorrupt, fmt::format("{} answers what it was not asked", to_string(address()))});
  }
  --in_flight_;
  if (over_tls()) largest_reply_bytes_ = std::max(largest_reply_bytes_, size_of(reply));
  answer(std::move(reply));
}

void Connection::take_login(const resp::Reply& reply) {
  Credentials account = std::exchange(account_, {});
  if (reply.error_code() == "LOADING") {
    // It would refuse every command in the same words. Nothing is sent without a password, and the next
    // exchange tries again.
    while (state_ == State::kAuthenticating) answer(reply);
    return drop();
  }
  if (std::optional<Error> refused = login_refusal(address(), account, reply)) return fail_all(*refused);
  send_pipelines();
}

void Connection::answer(resp::Reply reply) {
  Turn& turn = turns_[turn_];
  turn.response->replies.push_back(std::move(reply));
  if (turn.response->replies.size() < turn.request->commands.size()) return;
  --exchange_.unanswered;
  if (++turn_ < turns_.size()) return;
  turns_.clear();
  turn_ = sent_turn_ = sent_command_ = 0;
  state_ = State::kIdle;
}

void Connection::failed(const Error& error) { fail_all(error); }

void Connection::fail_all(const Error& error) {
  for (; turn_ < turns_.size(); ++turn_) {
    turns_[turn_].response->error = error;
    --exchange_.unanswered;
  }
  drop();
}

void Connection::time_out(int64_t timeout_ms) {
  if (turns_.empty()) return;
  if (state_ == State::kOpening) return fail_all(not_opened_within(timeout_ms));
  fail_all(Error{ErrorCode::kTimeout,
                 fmt::format("{} did not answer within {} ms", to_string(address()), timeout_ms)});
}

void Connection::drop() {
  state_ = State::kClosed;
  turns_.clear();
  turn_ = 0;
  close();
}

}  // namespace keyway::engine
