#include "platform/kubernetes/local_forward.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "base/tcp.h"
#include "platform/kubernetes/forwarded_connection.h"

namespace keyway::platform::kubernetes {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

// Before it is tried again where no descriptor was left.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

}  // namespace

struct LocalForward::Impl : std::enable_shared_from_this<Impl> {
  Impl(ApiClient& api, LocalForwardOptions given, const Address& bound, int listener)
      : client(api), options(std::move(given)), address(bound), acceptor(api.io()), pause(api.io()) {
    bool v6 = bound.host.find(':') != std::string::npos;
    acceptor.assign(v6 ? tcp::v6() : tcp::v4(), listener);
  }

  void accept();
  void take(tcp::socket socket);
  void ended(ForwardedConnection& connection, const ApiResult<void>& why);
  void stop();

  ApiClient& client;
  LocalForwardOptions options;
  Address address;
  tcp::acceptor acceptor;
  boost::asio::steady_timer pause;
  bool accepting = false;
  std::set<std::shared_ptr<ForwardedConnection>> connections;
};

void LocalForward::Impl::accept() {
  if (connections.size() >= options.max_connections || std::exchange(accepting, true)) return;
  acceptor.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
    self->accepting = false;
    if (error == boost::asio::error::operation_aborted || !self->acceptor.is_open()) return;
    if (!error) {
      self->take(std::move(socket));
      return self->accept();
    }
    self->pause.expires_after(kAcceptPause);
    self->pause.async_wait([self](error_code stopped) {
      if (!stopped) self->accept();
    });
  });
}

void LocalForward::Impl::take(tcp::socket socket) {
  Result<PodPort> to = options.target();
  if (!to) {
    if (options.trouble) options.trouble({.code = ApiCode::kUnreachable, .message = to.error().message});
    return;
  }
  auto connection = std::make_shared<ForwardedConnection>(std::move(socket), *std::move(to));
  connections.insert(connection);
  connection->begin(client, [weak = weak_from_this()](ForwardedConnection& over, const ApiResult<void>& why) {
    if (std::shared_ptr<Impl> self = weak.lock()) self->ended(over, why);
  });
}

void LocalForward::Impl::ended(ForwardedConnection& connection, const ApiResult<void>& why) {
  connections.erase(connection.shared_from_this());
  if (!why && options.trouble) options.trouble(why.error());
  accept();
}

void LocalForward::Impl::stop() {
  error_code ignored;
  acceptor.close(ignored);
  pause.cancel();
  for (const auto& connection : connections) connection->cut();
  connections.clear();
}

Result<std::unique_ptr<LocalForward>> LocalForward::listen(ApiClient& client, const Address& at,
                                                           LocalForwardOptions options) {
  Result<int> listener = listen_at(at);
  if (!listener) return fail(listener.error());
  Address bound{at.host, local_of(*listener).port};
  auto impl = std::make_shared<Impl>(client, std::move(options), bound, *listener);
  impl->accept();
  return std::unique_ptr<LocalForward>(new LocalForward(std::move(impl)));
}

LocalForward::~LocalForward() { impl_->stop(); }

const Address& LocalForward::address() const { return impl_->address; }

size_t LocalForward::connections() const { return impl_->connections.size(); }

void LocalForward::cut_misled() {
  Result<PodPort> now = impl_->options.target();
  for (auto one = impl_->connections.begin(); one != impl_->connections.end();) {
    auto next = std::next(one);
    if (!now || !((*one)->to() == *now)) {
      (*one)->cut();
      impl_->connections.erase(one);
    }
    one = next;
  }
  impl_->accept();
}

}  // namespace keyway::platform::kubernetes
