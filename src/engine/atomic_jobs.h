// What a server says of its slot migrations (CLUSTER GETSLOTMIGRATIONS, Valkey from 9). Part of the atomic
// mover.
#pragma once

#include <string>
#include <vector>

#include "cluster/slots.h"
#include "engine/servers.h"

namespace keyway::engine {

enum class AtomicState { kUnderWay, kSuccess, kFailed, kCancelled };

struct AtomicJob {
  std::string name;
  bool is_export = false;  // from this server's point of view
  cluster::SlotRanges slots;
  std::string target_id;
  AtomicState state = AtomicState::kUnderWay;
  std::string message;  // why it failed
};

// kCorrupt if it is nothing that a server sends.
Result<std::vector<AtomicJob>> parse_atomic_jobs(const resp::Reply& reply);

// All that it knows of, also those that ended of late.
Result<std::vector<AtomicJob>> atomic_jobs(Servers& servers, const Address& address);

}  // namespace keyway::engine
