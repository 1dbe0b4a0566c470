// What each slot of a cluster weighs: the memory of its keys, or its traffic. Servers seldom say that of
// single slots; what they do not say is estimated from what they do, and it is told so.
#pragma once

#include <string>
#include <vector>

#include "cluster/observed.h"
#include "engine/servers.h"

namespace keyway::engine {

enum class LoadMeasure {
  kMemory,  // bytes
  kOps,     // commands a second
};

struct SlotLoads {
  std::vector<double> loads;  // cluster::kSlotCount of them; 0 where nobody owns the slot
  std::vector<int64_t> keys;  // the same
  // What was estimated and how, as sentences; empty: the servers said it all.
  std::vector<std::string> estimates;
};

// Asks each primary that owns slots, all at once, for up to `timeout_ms` twice. Reads only.
//
// kMemory: what CLUSTER SLOT-STATS says of a slot's memory (Redis from 8.2, if it is told to count it), else
// the slot's keys times what a key of that node takes on average (used_memory_dataset).
// kOps: the node's commands a second as of now, dealt out to its slots by the CPU time that CLUSTER
// SLOT-STATS says they took (Valkey from 8.0, Redis from 8.2, if told to count it), else by their network
// traffic, else by their keys. Those times run since the server started or the slot came to it, so a slot
// that came lately counts for too little.
//
// Errors: kUnavailable, kDenied, … naming the primary that could not be asked.
Result<SlotLoads> slot_loads(Servers& servers, const cluster::Observed& observed, LoadMeasure measure,
                             int64_t timeout_ms);

}  // namespace keyway::engine
