#include "cli/observer.h"

#include <boost/asio/io_context.hpp>

#include "engine/fleet.h"
#include "engine/observe.h"
#include "platform/local/lock.h"
#include "supervisor/proxy_keeper.h"

namespace keyway::cli {

namespace local = platform::local;

namespace {

constexpr int64_t kObserveTimeoutMs = 400;

}  // namespace

struct Observer::Impl {
  std::string home;
  std::string cluster;
  boost::asio::io_context io;
  std::unique_ptr<local::LocalPlatform> platform;
  engine::Fleet fleet{io, [this] {
                        platform::Platform::Account account = platform->account();
                        return engine::Credentials{account.user, account.password};
                      }};

  Status reopen() {
    auto opened = local::LocalPlatform::open_read_only(home, cluster);
    if (!opened) return fail(opened.error());
    platform = std::move(*opened);
    return {};
  }
};

Observer::Observer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Observer::Observer(Observer&&) noexcept = default;
Observer& Observer::operator=(Observer&&) noexcept = default;
Observer::~Observer() = default;

Result<Observer> Observer::open(const std::string& home, const std::string& cluster) {
  auto impl = std::make_unique<Impl>();
  impl->home = home;
  impl->cluster = cluster;
  if (Status opened = impl->reopen(); !opened) return fail(opened.error());
  return Observer(std::move(impl));
}

Result<Seen> Observer::look() {
  if (Status opened = impl_->reopen(); !opened) return fail(opened.error());
  Seen seen;
  seen.desired = impl_->platform->desired();
  seen.observed = impl_->platform->look();
  engine::observe(impl_->fleet, seen.desired.mode, seen.observed, kObserveTimeoutMs);
  int64_t now_ms = impl_->platform->wall_ms();
  cluster::Plan plan = cluster::plan(seen.desired, seen.observed, cluster::Policy{}, now_ms);
  seen.status = reconcile::make_status(impl_->cluster, seen.desired, seen.observed, plan, now_ms);
  seen.status.supervisor_pid = local::FileLock::holder(impl_->platform->paths().lock_file());
  seen.status.proxy = supervisor::look_at_proxy(impl_->platform->state(), impl_->platform->paths());
  return seen;
}

local::LocalPlatform& Observer::platform() { return *impl_->platform; }
engine::Servers& Observer::servers() { return impl_->fleet; }

Result<std::vector<std::string>> apply_offline(const std::string& home, const std::string& cluster,
                                               const cluster::Spec& spec) {
  boost::asio::io_context io;
  auto platform = local::LocalPlatform::open(io, home, cluster, [] {});
  if (!platform) return fail(platform.error());
  return (*platform)->apply(spec);
}

}  // namespace keyway::cli
