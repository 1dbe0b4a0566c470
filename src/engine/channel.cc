#include "engine/channel.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::engine {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

// An address of a name that has others behind it gets so long.
constexpr auto kAttempt = std::chrono::milliseconds(1000);

enum class Stage { kNew, kResolving, kConnecting, kHandshaking, kOpen, kClosed };
enum Direction : size_t { kRead, kWrite };

constexpr std::string_view kLost = "lost the connection to";
constexpr std::string_view kCannotConnect = "cannot connect to";

Result<std::shared_ptr<const TlsContext>> context_of(const TlsOptions& options) {
  if (!options.enabled) return std::shared_ptr<const TlsContext>();
  return TlsContext::make(options);
}

// A third of the time for each probe, so that a peer is given up after about twice `after_s`. Where the
// kernel refuses, deadlines of the owner's have to do.
void probe_when_silent(int fd, int after_s) {
  constexpr int probes = 4;
  int on = 1;
  int every_s = std::max(1, after_s / 3);
  (void)::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &after_s, sizeof after_s);
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

}  // namespace

Dialer::Dialer(asio::io_context& loop, const TlsOptions& options, int64_t timeout_ms,
               std::string name_servers)
    : io(loop),
      resolver(loop, std::move(name_servers)),
      tls(context_of(options)),
      connect_timeout_ms(timeout_ms) {}

struct Channel::Impl {
  Impl(Channel& owner, Dialer& shared) : self(owner), dialer(shared), socket(shared.io) {}

  void open();
  void take_addresses(const Result<std::vector<std::string>>& ips);
  void connect();
  void connected();
  void connect_failed(std::string_view why);
  void handshake();
  void finish_opening();
  void start_clock();
  void clock_ran_out();

  void wait(Direction direction);
  void ready(Direction direction);
  // Which readiness a stalled read or write waits for; with TLS either may need the other.
  size_t stalled(TlsStream::Outcome outcome, Direction& direction);

  Channel& self;
  Dialer& dialer;
  tcp::socket socket;
  std::optional<TlsStream> tls;
  Stage stage = Stage::kNew;

  uint16_t port = 0;                    // that is connected to
  std::vector<std::string> candidates;  // IP addresses
  size_t candidate = 0;
  std::optional<asio::steady_timer> clock;  // made when something is timed
  std::optional<Clock::time_point> deadline;

  std::array<bool, 2> armed{};  // a wait for this readiness is under way
  bool read_wanted = false;
  bool write_wanted = false;
  Direction read_needs = kRead;
  Direction write_needs = kWrite;
};

void Channel::Impl::open() {
  assert(stage == Stage::kNew);
  stage = Stage::kResolving;
  if (!dialer.tls) {
    self.close();
    return self.failed(dialer.tls.error());
  }
  if (dialer.connect_timeout_ms > 0) {
    deadline = Clock::now() + std::chrono::milliseconds(dialer.connect_timeout_ms);
    start_clock();
  }
  Result<Address> way = way_to(dialer.detours, self.address_);
  if (!way) return self.fail_io(kCannotConnect, way.error().message);
  port = way->port;
  error_code not_an_ip;
  asio::ip::make_address(way->host, not_an_ip);
  if (!not_an_ip) return take_addresses(std::vector<std::string>{way->host});
  dialer.resolver.resolve(way->host, [weak = self.weak_from_this()](const auto& ips) {
    std::shared_ptr<Channel> channel = weak.lock();
    if (channel && channel->impl_->stage == Stage::kResolving) channel->impl_->take_addresses(ips);
  });
}

void Channel::Impl::take_addresses(const Result<std::vector<std::string>>& ips) {
  if (!ips) {
    self.close();
    return self.failed(ips.error());
  }
  candidates = *ips;
  connect();
}

void Channel::Impl::connect() {
  error_code error;
  asio::ip::address ip = asio::ip::make_address(candidates[candidate], error);
  if (error) return connect_failed(error.message());
  tcp::endpoint endpoint(ip, port);
  socket.open(endpoint.protocol(), error);
  if (!error) socket.non_blocking(true, error);
  if (!error) socket.set_option(tcp::no_delay(true), error);
  if (error) return self.fail_io("cannot open a socket for", error.message());
  if (dialer.probe_after_s > 0) probe_when_silent(socket.native_handle(), dialer.probe_after_s);

  // Not async_connect: it may complete through the queue of the handler that this runs in, and that queue
  // rests until we return.
  stage = Stage::kConnecting;
  if (clock || candidates.size() > 1) start_clock();
  if (::connect(socket.native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0)
    return connected();
  if (errno != EINPROGRESS) return connect_failed(errno_text(errno));
  wait(kWrite);
}

void Channel::Impl::connected() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return connect_failed(errno_text(error));
  if (!*dialer.tls) return finish_opening();
  stage = Stage::kHandshaking;
  tls.emplace(*dialer.tls, socket.native_handle(), self.address_.host);
  if (clock) start_clock();
  handshake();
}

void Channel::Impl::connect_failed(std::string_view why) {
  if (candidate + 1 < candidates.size()) {
    ++candidate;
    error_code ignored;
    socket.close(ignored);
    armed = {};
    return connect();
  }
  bool by_name = candidates.front() != self.address_.host;
  if (!by_name) return self.fail_io(kCannotConnect, why);
  self.fail_io(kCannotConnect, fmt::format("{} ({})", why, join(candidates, ", ")));
}

void Channel::Impl::handshake() {
  switch (tls->handshake()) {
    case TlsStream::Outcome::kDone:
      return finish_opening();
    case TlsStream::Outcome::kWantsRead:
      return wait(kRead);
    case TlsStream::Outcome::kWantsWrite:
      return wait(kWrite);
    case TlsStream::Outcome::kClosed:
      return self.fail_io(kCannotConnect, "the server ended the TLS handshake");
    case TlsStream::Outcome::kFailed:
      return self.fail_io(kCannotConnect, tls->why());
  }
}

void Channel::Impl::finish_opening() {
  stage = Stage::kOpen;
  if (clock) clock->cancel();
  self.opened();
}

// Until the channel's own deadline, or until it is the next address's turn.
void Channel::Impl::start_clock() {
  bool more = stage == Stage::kConnecting && candidate + 1 < candidates.size();
  Clock::time_point until = deadline.value_or(Clock::time_point::max());
  if (more) until = std::min(until, Clock::now() + kAttempt);
  if (!clock) clock.emplace(dialer.io);
  if (until == Clock::time_point::max()) {
    clock->cancel();
    return;
  }
  clock->expires_at(until);
  clock->async_wait([channel = self.shared_from_this()](error_code error) {
    if (!error) channel->impl_->clock_ran_out();
  });
}

void Channel::Impl::clock_ran_out() {
  if (stage == Stage::kOpen || stage == Stage::kClosed || Clock::now() < clock->expiry()) return;
  if (!deadline || Clock::now() < *deadline) return connect_failed("no answer");
  Error error = self.not_opened_within(dialer.connect_timeout_ms);
  self.close();
  self.failed(error);
}

void Channel::Impl::wait(Direction direction) {
  if (std::exchange(armed[direction], true)) return;
  auto kind = direction == kRead ? tcp::socket::wait_read : tcp::socket::wait_write;
  socket.async_wait(kind, [channel = self.shared_from_this(), direction](error_code error) {
    Impl& impl = *channel->impl_;
    // Aborted: it belonged to a socket that has been closed, perhaps for another one.
    if (impl.stage == Stage::kClosed || error == asio::error::operation_aborted) return;
    impl.armed[direction] = false;
    if (error) return channel->fail_io(kLost, error.message());
    impl.ready(direction);
  });
}

void Channel::Impl::ready(Direction direction) {
  if (stage == Stage::kConnecting) return connected();
  if (stage == Stage::kHandshaking) return handshake();
  if (write_wanted && write_needs == direction) {
    write_wanted = false;
    self.writable();
  }
  if (stage == Stage::kOpen && read_wanted && read_needs == direction) {
    read_wanted = false;
    self.readable();
  }
}

size_t Channel::Impl::stalled(TlsStream::Outcome outcome, Direction& direction) {
  if (outcome == TlsStream::Outcome::kWantsRead || outcome == TlsStream::Outcome::kWantsWrite) {
    direction = outcome == TlsStream::Outcome::kWantsRead ? kRead : kWrite;
  } else {
    self.fail_io(kLost, outcome == TlsStream::Outcome::kClosed ? "the server closed it" : tls->why());
  }
  return 0;
}

Channel::Channel(Dialer& dialer, Address address)
    : address_(std::move(address)), impl_(std::make_unique<Impl>(*this, dialer)) {}

Channel::~Channel() = default;

void Channel::open() { impl_->open(); }

void Channel::close() {
  if (std::exchange(impl_->stage, Stage::kClosed) == Stage::kClosed) return;
  if (impl_->clock) impl_->clock->cancel();
  impl_->tls.reset();
  error_code ignored;
  impl_->socket.close(ignored);
}

bool Channel::is_open() const { return impl_->stage == Stage::kOpen; }

bool Channel::is_quiet() {
  if (!is_open()) return false;
  if (impl_->tls) return impl_->tls->is_quiet();
  char byte = 0;
  ssize_t got = ::recv(impl_->socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

size_t Channel::read(char* to, size_t size) {
  size_t got = 0;
  if (impl_->tls) {
    impl_->read_needs = kRead;
    TlsStream::Outcome outcome = impl_->tls->read(to, size, got);
    return outcome == TlsStream::Outcome::kDone ? got : impl_->stalled(outcome, impl_->read_needs);
  }
  error_code error;
  got = impl_->socket.read_some(asio::buffer(to, size), error);
  if (!error) return got;
  if (error != asio::error::would_block) {
    fail_io(kLost, error == asio::error::eof ? "the server closed it" : error.message());
  }
  return 0;
}

size_t Channel::write(std::string_view bytes) {
  size_t sent = 0;
  if (impl_->tls) {
    impl_->write_needs = kWrite;
    TlsStream::Outcome outcome = impl_->tls->write(bytes, sent);
    return outcome == TlsStream::Outcome::kDone ? sent : impl_->stalled(outcome, impl_->write_needs);
  }
  error_code error;
  sent = impl_->socket.write_some(asio::buffer(bytes), error);
  if (!error) return sent;
  if (error != asio::error::would_block) fail_io(kLost, error.message());
  return 0;
}

bool Channel::emptied(size_t got, size_t asked) const { return !impl_->tls && got < asked; }

bool Channel::over_tls() const { return impl_->tls.has_value(); }

bool Channel::has_pending() const { return impl_->tls && impl_->tls->has_pending(); }

void Channel::wait_readable() {
  impl_->read_wanted = true;
  impl_->wait(impl_->read_needs);
}

void Channel::wait_writable() {
  impl_->write_wanted = true;
  impl_->wait(impl_->write_needs);
}

void Channel::fail_io(std::string_view what, std::string_view why) {
  Error error{ErrorCode::kUnavailable, fmt::format("{} {}: {}", what, to_string(address_), why)};
  close();
  failed(error);
}

Error Channel::not_opened_within(int64_t timeout_ms) const {
  std::string why;
  switch (impl_->stage) {
    case Stage::kResolving:
      why = fmt::format("its address was not found within {} ms", timeout_ms);
      break;
    case Stage::kHandshaking:
      why = fmt::format("no TLS within {} ms; does it speak TLS?", timeout_ms);
      break;
    default:
      why = fmt::format("no answer within {} ms", timeout_ms);
  }
  return Error{ErrorCode::kUnavailable, fmt::format("{} {}: {}", kCannotConnect, to_string(address_), why)};
}

}  // namespace keyway::engine
