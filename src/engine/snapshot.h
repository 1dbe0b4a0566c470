// Takes the data set of servers as a replica does, as RDB files: connects, asks for a synchronisation and
// gives on what comes, for all servers at once. The servers' own data and replicas are not touched. Uses
// an event loop of its own; any thread, the caller waits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/fleet.h"

namespace keyway::engine {

// Where one RDB file goes, called by the thread that takes it; waiting holds up only the server. What it
// fails with ends the taking.
class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;
  virtual Status begin() = 0;  // before anything is asked of the server
  virtual Status write(std::string_view bytes) = 0;
  virtual Status finish() = 0;  // all of it has come
};

struct SnapshotTask {
  Address source;
  std::shared_ptr<SnapshotSink> sink;
};

// An error: kDenied, a login or a permission; kUnavailable, a server that cannot be reached, refuses or goes
// away, or that is silent for too long; or one of the sink's.
struct SnapshotOutcome {
  int64_t size_bytes = 0;
  std::string replication_id;  // of the history that it is of; empty: not asked for
  int64_t offset = -1;         // up to where
  std::optional<Error> error;
};

struct SnapshotOptions {
  Credentials account = {};
  FleetOptions fleet = {};
  bool ask_history = false;  // replication id and offset; wants the permission for PSYNC instead of SYNC
  int64_t silence_timeout_ms = 60'000;  // servers give a sign of life every second, or every few
  // Called several times a second with what has arrived so far; false: give up. Null: never called.
  std::function<bool(int64_t size_bytes)> go_on = nullptr;
};

// Outcomes in the order of tasks. A file is whole, and its sink has finished, when its outcome has no error;
// all that were given up have kUnavailable.
std::vector<SnapshotOutcome> take_snapshots(const std::vector<SnapshotTask>& tasks,
                                            const SnapshotOptions& options);

}  // namespace keyway::engine
