// How a pod's memory is shared between the data of its server and what else needs memory there: pages that
// are copied while a forked child saves or feeds a replica, buffers of replicas and clients, fragmentation,
// Keyway's agent. Pure; any thread.
#pragma once

#include <cstdint>

namespace keyway::platform::kubernetes {

// maxmemory in a pod of this memory limit: three quarters less 64 MiB, in small pods half of it.
int64_t max_memory_within(int64_t limit_bytes);

// The least limit, in whole MiB, in which maxmemory may be `max_memory_bytes`.
int64_t limit_for(int64_t max_memory_bytes);

}  // namespace keyway::platform::kubernetes
