// The server that an agent keeps: starting it, seeing it end, how long to wait before the next start, and its
// log. Lives in the agent's thread and event loop; the server is a child, or one that an earlier agent of
// this folder left behind.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/settings.h"
#include "base/error.h"
#include "platform/local/engine_program.h"
#include "platform/local/process.h"
#include "platform/local/server_log.h"
#include "platform/local/watcher.h"

namespace boost::asio {
class io_context;
}

namespace keyway::agent {

// The pause before a start that follows `failures` starts that brought nothing: none at first, then doubling.
int64_t restart_pause_ms(int failures);

// How a server ended.
struct ServerEnd {
  std::optional<int> wait_status;  // none: it was no child of ours
  bool unloadable = false;         // it could not load its data
  std::string story;               // "exit code 1: Bad file format reading the append only file"
};

class ServerProcess {
 public:
  // `on_exit` is called from `io` when it has ended; both outlive this.
  ServerProcess(boost::asio::io_context& io, const Settings& settings, std::function<void()> on_exit);

  // Finds the server program. Errors: those of platform::local::find_engine.
  Status find_program();
  const platform::local::EngineProgram& program() const { return program_; }

  // Takes over a server that runs in the data folder already; false: there is none.
  bool adopt();
  // With the configuration at its place in the data folder.
  Status start();
  bool running() const;
  int pid() const { return process_.pid; }
  Status signal(int number);

  // Once after it has ended: how. Counts starts that brought nothing.
  std::optional<ServerEnd> take_end(int64_t now_ms);
  int failures() const { return failures_; }
  int64_t not_before_ms() const { return not_before_ms_; }  // monotonic; the next start

  // Copies what the server has logged since to standard output, and keeps the file small.
  void pass_log_on();

 private:
  Settings settings_;
  platform::local::Watcher watcher_;
  platform::local::EngineProgram program_;
  platform::local::ProcessIdentity process_;  // empty: none, or its end has been taken
  int64_t started_ms_ = 0;                    // monotonic
  int64_t log_begin_ = 0;                     // size of the log when it was started
  int64_t log_seen_ = 0;                      // what has been passed on
  int failures_ = 0;
  int64_t not_before_ms_ = 0;
};

// Takes the exit status of children of this process that nobody waits for, as the first process of a
// container must; leaves `server` alone.
void reap_orphans(int server);

}  // namespace keyway::agent
