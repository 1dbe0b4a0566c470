#include "supervisor/control_server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <list>
#include <utility>

#include "base/format.h"
#include "base/log.h"
#include "supervisor/unix_socket.h"

namespace keyway::supervisor {
namespace {

namespace asio = boost::asio;
using ErrorText = boost::system::error_code;
using Protocol = asio::local::stream_protocol;
using Clock = std::chrono::steady_clock;

constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // after a failure, such as too many open files

}  // namespace

// One client. Kept alive by its pending operation; reads, hands over, writes, reads again.
class Session : public std::enable_shared_from_this<Session> {
 public:
  // What a session asks of its server, which may be gone.
  struct Host {
    virtual ~Host() = default;
    virtual void handle(Request request, ControlServer::Reply reply) = 0;
    virtual void leave(Session& session) = 0;
  };

  enum class State { kReading, kWaiting, kWriting, kClosed };

  Session(Protocol::socket socket, std::weak_ptr<Host> host)
      : socket_(std::move(socket)), host_(std::move(host)), active_(Clock::now()) {}

  void read() {
    state_ = State::kReading;
    asio::async_read_until(
        socket_, asio::dynamic_buffer(received_, kMaxRequestBytes), '\n',
        [self = shared_from_this()](const ErrorText& error, size_t size) { self->on_line(error, size); });
  }

  void close() {
    if (state_ == State::kClosed) return;
    state_ = State::kClosed;
    ErrorText ignored;
    socket_.close(ignored);
  }

  State state() const { return state_; }
  Clock::time_point active() const { return active_; }

 private:
  void on_line(const ErrorText& error, size_t size) {
    if (state_ == State::kClosed) return;
    if (error == asio::error::not_found) {
      last_ = true;
      return write(encode_error({ErrorCode::kInvalidArgument,
                                 fmt::format("the request is longer than {} bytes", kMaxRequestBytes)}));
    }
    if (error) return leave();
    active_ = Clock::now();
    Result<Request> request = decode_request(std::string_view(received_).substr(0, size - 1));
    received_.erase(0, size);
    received_.shrink_to_fit();
    if (!request) return write(encode_error(request.error()));
    state_ = State::kWaiting;
    const auto host = host_.lock();
    if (!host) return leave();
    host->handle(std::move(*request), [weak = weak_from_this()](std::string line) {
      if (const auto self = weak.lock(); self && self->state_ == State::kWaiting)
        self->write(std::move(line));
    });
  }

  void write(std::string line) {
    state_ = State::kWriting;
    sending_ = std::move(line);
    asio::async_write(socket_, asio::buffer(sending_),
                      [self = shared_from_this()](const ErrorText& error, size_t) { self->on_sent(error); });
  }

  void on_sent(const ErrorText& error) {
    if (state_ == State::kClosed) return;
    sending_ = std::string();
    if (error || last_) return leave();
    active_ = Clock::now();
    read();
  }

  void leave() {
    close();
    if (const auto host = host_.lock()) host->leave(*this);
  }

  Protocol::socket socket_;
  std::weak_ptr<Host> host_;
  Clock::time_point active_;  // when it last asked, or was answered in full
  State state_ = State::kReading;
  bool last_ = false;  // the reply under way is the last: the stream has lost its frame
  std::string received_;
  std::string sending_;
};

struct ControlServer::Impl : Session::Host, std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& io, SocketPlace socket_place, Handler take)
      : place(std::move(socket_place)), handler(std::move(take)), acceptor(io), pause(io) {}

  void accept() {
    acceptor.async_accept([weak = weak_from_this()](const ErrorText& error, Protocol::socket socket) {
      const auto self = weak.lock();
      if (!self || self->closed) return;
      if (error) return self->accept_later(error);
      self->welcome(std::move(socket));
      self->accept();
    });
  }

  void accept_later(const ErrorText& error) {
    if (!complained) log_warning("the control socket cannot take clients in", {{"error", error.message()}});
    complained = true;
    pause.expires_after(kAcceptPause);
    pause.async_wait([weak = weak_from_this()](const ErrorText& cancelled) {
      const auto self = weak.lock();
      if (self && !self->closed && !cancelled) self->accept();
    });
  }

  void welcome(Protocol::socket socket) {
    complained = false;
    if (sessions.size() >= kMaxClients && !make_room())
      return;  // all of them wait for an answer; this one is dropped
    auto session = std::make_shared<Session>(std::move(socket), weak_from_this());
    sessions.push_back(session);
    session->read();
  }

  // Drops the client that has been idle (or slow to read) for longest.
  bool make_room() {
    auto victim = sessions.end();
    for (auto it = sessions.begin(); it != sessions.end(); ++it) {
      if ((*it)->state() == Session::State::kWaiting) continue;
      if (victim == sessions.end() || (*it)->active() < (*victim)->active()) victim = it;
    }
    if (victim == sessions.end()) return false;
    (*victim)->close();
    sessions.erase(victim);
    return true;
  }

  void handle(Request request, Reply reply) override {
    if (!closed) handler(std::move(request), std::move(reply));
  }

  void leave(Session& session) override {
    sessions.remove_if([&](const std::shared_ptr<Session>& other) { return other.get() == &session; });
  }

  void close() {
    closed = true;
    ErrorText ignored;
    acceptor.close(ignored);
    pause.cancel();
    for (const auto& session : sessions) session->close();
    sessions.clear();
    place.remove();
  }

  SocketPlace place;
  Handler handler;
  Protocol::acceptor acceptor;
  asio::steady_timer pause;
  std::list<std::shared_ptr<Session>> sessions;
  bool complained = false;
  bool closed = false;
};

Result<std::unique_ptr<ControlServer>> ControlServer::open(asio::io_context& io, const std::string& path,
                                                           Handler handler) {
  Result<SocketPlace> place = SocketPlace::open(path);
  if (!place) return fail(place.error());
  Result<platform::local::Fd> fd = place->listen();
  if (!fd) return fail(fd.error());
  auto impl = std::make_shared<Impl>(io, std::move(*place), std::move(handler));
  ErrorText error;
  impl->acceptor.assign(Protocol(), fd->get(), error);
  if (error) {
    return fail(ErrorCode::kInternal, fmt::format("cannot watch the socket {}: {}", path, error.message()));
  }
  fd->release();
  impl->accept();
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

ControlServer::~ControlServer() { impl_->close(); }

size_t ControlServer::clients() const { return impl_->sessions.size(); }

}  // namespace keyway::supervisor
