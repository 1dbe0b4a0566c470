#include "engine/fleet.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cassert>
#include <chrono>
#include <map>
#include <utility>

#include "engine/channel.h"
#include "engine/connection.h"

namespace keyway::engine {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kReceiveBytes = size_t{64} << 10;

}  // namespace

struct Fleet::Impl {
  Impl(boost::asio::io_context& loop, std::function<Credentials()> credentials, const FleetOptions& options)
      : io(loop), dialer(loop, options.tls, options.connect_timeout_ms, options.name_servers) {
    if (options.tls_context != nullptr) dialer.tls = options.tls_context;
    dialer.detours = options.detours;
    exchange.received.resize(kReceiveBytes);
    exchange.credentials = std::move(credentials);
    exchange.max_reply_bytes = options.max_reply_bytes;
  }

  const std::shared_ptr<Connection>& connection(const Address& address);
  void distribute(const std::vector<Request>& requests, std::vector<Response>& responses);
  void run_until(Clock::time_point deadline);

  boost::asio::io_context& io;
  Dialer dialer;
  Exchange exchange;
  std::map<Address, std::shared_ptr<Connection>> connections;
  std::vector<std::shared_ptr<Connection>> used;  // by the exchange that is under way
};

const std::shared_ptr<Connection>& Fleet::Impl::connection(const Address& address) {
  std::shared_ptr<Connection>& kept = connections[address];
  if (!kept || !kept->usable()) {
    if (kept) kept->drop();
    kept = std::make_shared<Connection>(dialer, exchange, address);
  }
  return kept;
}

void Fleet::Impl::distribute(const std::vector<Request>& requests, std::vector<Response>& responses) {
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].commands.empty()) continue;
    responses[i].replies.reserve(requests[i].commands.size());
    const std::shared_ptr<Connection>& chosen = connection(requests[i].address);
    if (std::find(used.begin(), used.end(), chosen) == used.end()) used.push_back(chosen);
    chosen->add(requests[i], responses[i]);
  }
}

void Fleet::Impl::run_until(Clock::time_point deadline) {
  if (io.stopped()) io.restart();
  while (exchange.unanswered > 0 && io.run_one_until(deadline) > 0) {
  }
}

Fleet::Fleet(boost::asio::io_context& io, std::function<Credentials()> credentials,
             const FleetOptions& options)
    : impl_(new Impl(io, std::move(credentials), options)) {}

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
    entry.second->drop();
    return true;
  });
}

}  // namespace keyway::engine
