#include <boost/asio/io_context.hpp>
#include <chrono>

#include "engine/fleet.h"
#include "platform/local/local_platform.h"
#include "platform/local/paths.h"
#include "supervisor/proxy_keeper.h"
#include "supervisor/stopper.h"
#include "supervisor/supervisor.h"

namespace keyway::supervisor {

Status stop_cluster(const std::string& cluster,
                    const std::function<void(LogLevel level, const std::string& text)>& say) {
  using platform::local::LocalPlatform;
  Result<std::string> home = platform::local::find_home();
  if (!home) return fail(home.error());
  boost::asio::io_context io(1);
  bool wake = false;
  auto platform = LocalPlatform::open(io, *home, cluster, [&wake] { wake = true; });
  if (!platform) return fail(platform.error());
  engine::Fleet fleet(io, [&platform] {
    platform::Platform::Account account = (*platform)->account();
    return engine::Credentials{std::move(account.user), std::move(account.password)};
  });
  Stopper stopper(**platform, fleet, [&say](LogLevel level, const std::string&, const std::string& text) {
    if (say) say(level, text);
  });
  const auto wait = [&io, &wake] {
    wake = false;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
    if (io.stopped()) io.restart();
    while (!wake && io.run_one_until(deadline) > 0) {
    }
  };
  ProxyKeeper proxy(
      io, **platform,
      [&say](LogLevel level, const std::string& text) {
        if (say) say(level, text);
      },
      [&wake] { wake = true; });
  while (!proxy.end_step()) wait();
  while (!stopper.step()) wait();
  return stopper.result();
}

}  // namespace keyway::supervisor
