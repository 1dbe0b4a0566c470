#include "engine/fleet.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <utility>

#include "base/format.h"

namespace keyway::engine {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr size_t kMaxReplyBytes = size_t{64} << 20;
constexpr size_t kReceiveBytes = size_t{64} << 10;
constexpr int kReadsInARow = 16;  // then the other connections get their turn

// What all connections of a fleet share.
struct Exchange {
  size_t unanswered = 0;                     // requests that have neither been answered nor failed
  std::array<char, kReceiveBytes> received;  // bytes on their way from a socket to a parser
};

// One pipeline and the place for its replies; both outlive the exchange.
struct Turn {
  const Request* request;
  Response* response;
};

// One TCP connection, from the attempt to connect until it is closed; it is never opened again. It only ever
// waits for its socket to be ready and does the work itself without blocking. Its handlers keep it alive and
// do nothing once it is closed, so that its fleet may drop it at any moment.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& io, Exchange& exchange, const Address& address,
             std::function<Credentials()>& credentials)
      : exchange_(exchange), address_(address), credentials_(credentials), socket_(io), parser_(limits()) {}

  // Whether commands can be given to it. A connection that its server has closed in the meantime is found out
  // here, before anything is sent: so no command is ever sent twice.
  bool usable();

  void add(const Request& request, Response& response) {
    turns_.push_back(Turn{&request, &response});
    ++exchange_.unanswered;
  }
  // Works on what was added.
  void start();
  // Gives all that is unanswered up and closes.
  void fail(const Error& error);
  void time_out(int64_t timeout_ms);
  void close();

 private:
  enum class State { kNew, kConnecting, kAuthenticating, kIdle, kExchanging, kClosed };

  static resp::ParserLimits limits() {
    resp::ParserLimits limits;
    limits.max_bulk_bytes = kMaxReplyBytes;
    limits.max_reply_bytes = kMaxReplyBytes;
    return limits;
  }

  void connect();
  void connected();
  void send_pipelines();
  void flush();
  void wait_writable();
  void wait_readable();
  void receive();
  bool take_replies();
  void take(resp::Reply reply);
  void take_auth(const resp::Reply& reply);
  void answer(resp::Reply reply);

  bool busy() const { return state_ == State::kAuthenticating || state_ == State::kExchanging; }
  void fail_io(std::string_view what, const std::string& why) {
    fail(Error{ErrorCode::kUnavailable, fmt::format("{} {}: {}", what, to_string(address_), why)});
  }

  Exchange& exchange_;
  Address address_;
  std::function<Credentials()>& credentials_;
  Credentials account_;  // that it authenticates with; emptied when that is done
  tcp::socket socket_;
  resp::ReplyParser parser_;
  State state_ = State::kNew;
  std::vector<Turn> turns_;
  size_t turn_ = 0;  // those before it have been answered
  std::string out_;
  size_t written_ = 0;  // of out_
};

bool Connection::usable() {
  if (!turns_.empty()) return true;
  if (state_ != State::kIdle || !out_.empty() || parser_.pending_bytes() > 0) return false;
  char byte = 0;
  ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void Connection::start() {
  if (state_ == State::kNew) return connect();
  send_pipelines();
  if (busy()) wait_readable();
}

void Connection::connect() {
  error_code error;
  asio::ip::address ip = asio::ip::make_address(address_.host, error);
  if (error) return fail_io("cannot connect to", "the host must be an IP address");
  tcp::endpoint endpoint(ip, address_.port);
  socket_.open(endpoint.protocol(), error);
  if (!error) socket_.non_blocking(true, error);
  if (!error) socket_.set_option(tcp::no_delay(true), error);
  if (error) return fail_io("cannot open a socket for", error.message());

  // Not async_connect: it may complete through the queue of the handler that this runs in, and that queue
  // rests until we return.
  state_ = State::kConnecting;
  if (::connect(socket_.native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0)
    return connected();
  if (errno != EINPROGRESS) return fail_io("cannot connect to", errno_text(errno));
  wait_writable();
}

void Connection::connected() {
  int failed = 0;
  socklen_t size = sizeof failed;
  ::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &failed, &size);
  if (failed != 0) return fail_io("cannot connect to", errno_text(failed));

  account_ = credentials_();
  if (account_.user.empty()) {
    send_pipelines();
  } else {
    state_ = State::kAuthenticating;
    resp::append(out_, {"AUTH", account_.user, account_.password});
    flush();
  }
  if (busy()) wait_readable();
}

void Connection::send_pipelines() {
  state_ = State::kExchanging;
  for (const Turn& turn : turns_) {
    for (const resp::Command& command : turn.request->commands) resp::append(out_, command);
  }
  flush();
}

void Connection::flush() {
  while (written_ < out_.size()) {
    error_code error;
    written_ += socket_.write_some(asio::buffer(out_.data() + written_, out_.size() - written_), error);
    if (error == asio::error::would_block) return wait_writable();
    if (error) return fail_io("lost the connection to", error.message());
  }
  out_.clear();
  written_ = 0;
}

void Connection::wait_writable() {
  socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code error) {
    if (self->state_ == State::kClosed) return;
    if (error) return self->fail_io("lost the connection to", error.message());
    if (self->state_ == State::kConnecting) return self->connected();
    self->flush();
  });
}

void Connection::wait_readable() {
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
    if (self->state_ == State::kClosed) return;
    if (error) return self->fail_io("lost the connection to", error.message());
    self->receive();
  });
}

void Connection::receive() {
  for (int reads = 0; reads < kReadsInARow && busy(); ++reads) {
    error_code error;
    size_t size = socket_.read_some(asio::buffer(exchange_.received), error);
    if (error == asio::error::would_block) break;
    if (error)
      return fail_io("lost the connection to",
                     error == asio::error::eof ? "the server closed it" : error.message());
    parser_.feed({exchange_.received.data(), size});
    if (!take_replies()) return;
    if (size < kReceiveBytes) break;
  }
  if (busy()) wait_readable();
}

// False once the connection is closed.
bool Connection::take_replies() {
  while (state_ != State::kClosed) {
    Result<std::optional<resp::Reply>> next = parser_.next();
    if (!next) {
      fail(Error{ErrorCode::kCorrupt,
                 fmt::format("cannot read the reply of {}: {}", to_string(address_), next.error().message)});
    } else if (next->has_value()) {
      take(std::move(**next));
    } else {
      return true;
    }
  }
  return false;
}

void Connection::take(resp::Reply reply) {
  if (state_ == State::kAuthenticating) return take_auth(reply);
  if (state_ == State::kExchanging) return answer(std::move(reply));
  close();  // a reply that nobody asked for: the next one could be mistaken for an answer
}

void Connection::take_auth(const resp::Reply& reply) {
  Credentials account = std::exchange(account_, {});
  if (reply.ok()) return send_pipelines();
  if (!reply.is_error()) {
    return fail(Error{ErrorCode::kCorrupt,
                      fmt::format("{} answered AUTH with neither OK nor an error", to_string(address_))});
  }
  if (reply.error_code() == "LOADING") {
    // It would refuse every command in the same words. Nothing is sent without a password, and the next
    // exchange tries again.
    while (state_ == State::kAuthenticating) answer(reply);
    return close();
  }
  bool denied = reply.error_code() == "WRONGPASS" || reply.error_code() == "NOAUTH" ||
                reply.error_code() == "NOPERM" || reply.error_code() == "DENIED";
  // A server without AUTH says what it does not understand, password included.
  bool leaks = !account.password.empty() && reply.text.find(account.password) != std::string::npos;
  fail(Error{denied ? ErrorCode::kDenied : ErrorCode::kUnavailable,
             fmt::format("{} refused the login of user {}: {}", to_string(address_), account.user,
                         leaks ? reply.error_code() : std::string_view(reply.text))});
}

void Connection::answer(resp::Reply reply) {
  Turn& turn = turns_[turn_];
  turn.response->replies.push_back(std::move(reply));
  if (turn.response->replies.size() < turn.request->commands.size()) return;
  --exchange_.unanswered;
  if (++turn_ < turns_.size()) return;
  turns_.clear();
  turn_ = 0;
  state_ = State::kIdle;
}

void Connection::fail(const Error& error) {
  for (; turn_ < turns_.size(); ++turn_) {
    turns_[turn_].response->error = error;
    --exchange_.unanswered;
  }
  close();
}

void Connection::time_out(int64_t timeout_ms) {
  if (turns_.empty()) return;
  if (state_ == State::kConnecting) {
    return fail_io("cannot connect to", fmt::format("no answer within {} ms", timeout_ms));
  }
  fail(Error{ErrorCode::kTimeout,
             fmt::format("{} did not answer within {} ms", to_string(address_), timeout_ms)});
}

void Connection::close() {
  state_ = State::kClosed;
  turns_.clear();
  turn_ = 0;
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace

struct Fleet::Impl {
  asio::io_context& io;
  std::function<Credentials()> credentials;
  std::map<Address, std::shared_ptr<Connection>> connections;
  std::vector<std::shared_ptr<Connection>> used;  // by the exchange that is under way
  Exchange exchange;

  const std::shared_ptr<Connection>& connection(const Address& address) {
    std::shared_ptr<Connection>& kept = connections[address];
    if (!kept || !kept->usable()) {
      if (kept) kept->close();
      kept = std::make_shared<Connection>(io, exchange, address, credentials);
    }
    return kept;
  }

  void distribute(const std::vector<Request>& requests, std::vector<Response>& responses) {
    for (size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].commands.empty()) continue;
      responses[i].replies.reserve(requests[i].commands.size());
      const std::shared_ptr<Connection>& chosen = connection(requests[i].address);
      if (std::find(used.begin(), used.end(), chosen) == used.end()) used.push_back(chosen);
      chosen->add(requests[i], responses[i]);
    }
  }

  void run_until(Clock::time_point deadline) {
    if (io.stopped()) io.restart();
    while (exchange.unanswered > 0 && io.run_one_until(deadline) > 0) {
    }
  }
};

Fleet::Fleet(asio::io_context& io, std::function<Credentials()> credentials)
    : impl_(new Impl{
          .io = io, .credentials = std::move(credentials), .connections = {}, .used = {}, .exchange = {}}) {}

Fleet::~Fleet() { keep_only({}); }

std::vector<Response> Fleet::exchange(const std::vector<Request>& requests, int64_t timeout_ms) {
  assert(impl_->used.empty() && "an exchange was begun from within another");
  Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  std::vector<Response> responses(requests.size());
  impl_->distribute(requests, responses);
  for (const auto& connection : impl_->used) connection->start();
  impl_->run_until(deadline);
  for (const auto& connection : impl_->used) connection->time_out(timeout_ms);
  impl_->used.clear();
  return responses;
}

void Fleet::keep_only(const std::vector<Address>& addresses) {
  std::erase_if(impl_->connections, [&](const auto& entry) {
    if (std::find(addresses.begin(), addresses.end(), entry.first) != addresses.end()) return false;
    entry.second->close();
    return true;
  });
}

}  // namespace keyway::engine
