// Takes the data set of servers as a replica does, into RDB files: connects, asks for a synchronisation and
// writes down what comes, for all servers at once. The servers' own data and replicas are not touched. Uses
// an event loop of its own; any thread, the caller waits.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/fleet.h"

namespace keyway::engine {

struct SnapshotTask {
  Address source;
  std::string path;  // of the file to be made; must not exist
};

// An error: kExhausted, disk full; kDenied, a login or a permission; kUnavailable, a server that cannot be
// reached, refuses or goes away, or that is silent for too long; kAlreadyExists and kInternal of the file. A
// file that was begun is left where it is.
struct SnapshotOutcome {
  int64_t size_bytes = 0;
  std::optional<Error> error;
};

struct SnapshotOptions {
  Credentials account = {};
  FleetOptions fleet = {};
  int64_t silence_timeout_ms = 60'000;  // servers give a sign of life every second, or every few
  // Called several times a second with what has arrived so far; false: give up. Null: never called.
  std::function<bool(int64_t size_bytes)> go_on = nullptr;
};

// Outcomes in the order of tasks. A file is whole and on disk (fsync) when its outcome has no error; all that
// were given up have kUnavailable.
std::vector<SnapshotOutcome> take_snapshots(const std::vector<SnapshotTask>& tasks,
                                            const SnapshotOptions& options);

}  // namespace keyway::engine
