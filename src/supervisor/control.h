// Talking to a cluster's supervisor over its Unix socket: one JSON object a line, a request then its reply.
// The format is internal (client and supervisor are one program, and the reply carries the version). The
// client blocks; any one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keyway::supervisor {

// What has happened, in order, from a bounded journal.
struct Event {
  uint64_t sequence = 0;
  int64_t wall_ms = 0;
  std::string level;  // "info", "warning", "error"
  std::string shard;  // may be empty
  std::string text;
};

// One look at a supervisor.
struct Progress {
  bool converged = false;   // the last plan was empty and every request taken so far has been looked at
  uint64_t generation = 0;  // counts applied changes and requests
  int supervisor_pid = 0;
  std::string status_json;    // reconcile::to_json of the last look
  std::vector<Event> events;  // newer than what was asked for
  std::vector<std::string> doing;
  std::vector<std::string> problems;
};

class Client {
 public:
  // kNotFound: no supervisor listens there.
  static Result<Client> connect(const std::string& socket_path);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  Result<Progress> progress(uint64_t events_since);

  // Each returns the generation that contains it. The supervisor checks everything again; what is refused
  // changes nothing.
  Result<uint64_t> apply(const std::string& spec_yaml);
  Result<uint64_t> failover(const std::string& shard,
                            const std::string& to_node);            // to_node empty: the best replica
  Result<uint64_t> recover(const std::string& shard);               // its data are lost, and may be
  Result<uint64_t> restart(const std::vector<std::string>& nodes);  // all of them, rolling
  // The supervisor stops all servers, then itself. Returns when it has taken the order; watch progress until
  // the socket closes.
  Status down();

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::supervisor
