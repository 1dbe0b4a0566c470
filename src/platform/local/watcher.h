// Sees at once when a server process ends, its own child or adopted. Owned by LocalPlatform; lives in the
// io_context's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/error.h"
#include "platform/local/process.h"

namespace boost::asio {
class io_context;
}

namespace keyway::platform::local {

class Watcher {
 public:
  // `on_exit` is called from the io_context after a watched process has ended. `io` outlives it.
  Watcher(boost::asio::io_context& io, std::function<void()> on_exit);
  ~Watcher();

  // kNotFound: it has ended already.
  Status watch(const ProcessIdentity& process);

  // Whether a watched process still runs. Asks the kernel, so it is right even if the io_context has not run
  // since.
  bool running(int pid) const;

  // Ends the watch over a process that has ended; its waitpid status if it was our child.
  std::optional<int> forget(int pid);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace keyway::platform::local
