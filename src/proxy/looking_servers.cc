#include "proxy/looking_servers.h"

#include <boost/asio/io_context.hpp>
#include <optional>
#include <utility>

#include "engine/fleet.h"

namespace keyway::proxy {

struct LookingServers::Impl {
  const Board& board;
  std::shared_ptr<const ProxyOptions> options = {};
  boost::asio::io_context io = {};
  std::shared_ptr<const engine::TlsContext> tls = {};
  std::optional<engine::Fleet> fleet = {};
};

LookingServers::LookingServers(const Board& board) : impl_(new Impl{board}) {}

LookingServers::~LookingServers() = default;

engine::Servers& LookingServers::get() {
  Board::News news = impl_->board.news();
  if (impl_->fleet && news.server_tls == impl_->tls && news.options == impl_->options) return *impl_->fleet;
  impl_->tls = std::move(news.server_tls);
  impl_->options = std::move(news.options);
  return impl_->fleet.emplace(
      impl_->io, [account = impl_->options->account] { return account; },
      engine::FleetOptions{.tls_context = impl_->tls, .detours = impl_->options->detours});
}

}  // namespace keyway::proxy
