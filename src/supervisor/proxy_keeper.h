// Keeps the proxy of a local cluster: starts `keyway proxy` when the cluster answers, starts it again when it
// ends, exchanges it when the spec says something else, ends it. The proxy runs in a session of its own and
// outlives the supervisor; the next one knows it by its working directory. Owned by the supervisor; its
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/log.h"
#include "platform/local/local_platform.h"
#include "platform/local/watcher.h"
#include "reconcile/status.h"

namespace boost::asio {
class io_context;
}

namespace keyway::supervisor {

// The proxy of this record, as users see it; nothing if it has none. Reads all of /proc.
std::optional<reconcile::ProxyStatus> look_at_proxy(const platform::local::ClusterState& state,
                                                    const platform::local::ClusterPaths& paths);

class ProxyKeeper {
 public:
  using Say = std::function<void(LogLevel level, const std::string& text)>;

  // Takes over a proxy that runs. `io` and `platform` outlive it; `wake` is called from `io` when the proxy
  // has ended.
  ProxyKeeper(boost::asio::io_context& io, platform::local::LocalPlatform& platform, Say say,
              std::function<void()> wake);

  // Goes on to what the record says. A proxy is first started when `cluster_answers`.
  void step(bool cluster_answers);
  // Goes on to end it; true: it is gone.
  bool end_step();

  // Nothing is under way: there shall be none and there is none, it takes clients, or it cannot be started
  // now, which has been said.
  bool settled() const;
  // When step() should be called again, at the latest.
  int64_t due_ms() const;
  std::optional<reconcile::ProxyStatus> status() const;

 private:
  enum class State {
    kAbsent,
    kStarting,  // it does not take clients yet
    kServing,
    kEnding,   // it was told to
    kWaiting,  // until it is started again
  };

  bool wanted() const;
  std::vector<std::string> arguments() const;
  Address address() const;
  void take_over();
  void start();
  void await_clients();
  void tell_to_end();
  void note_end();
  void wait_to_start(const std::string& why);
  bool listens() const;
  bool runs() const { return watcher_.running(process_.pid); }

  platform::local::LocalPlatform& platform_;
  Say say_;
  platform::local::Watcher watcher_;
  State state_ = State::kAbsent;
  platform::local::ProcessIdentity process_;
  std::vector<std::string> running_arguments_;
  std::string note_;         // why it does not run
  int failures_ = 0;         // in a row
  int64_t since_ms_ = 0;     // it was started
  int64_t deadline_ms_ = 0;  // kEnding: it is killed then; kWaiting: it is started then
};

}  // namespace keyway::supervisor
