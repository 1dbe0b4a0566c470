// Whether this machine has room for a cluster: descriptors, memory, disk. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cluster/spec.h"

namespace keyway::platform::local {

// Raises this process's soft limit of open files (inherited by servers) as far as is useful and allowed.
void raise_descriptor_limit();

// kExhausted, with what to do: too few descriptors for a server's maxclients or for the supervisor, or less
// than 50 MB of free disk in `folder`. Otherwise warnings for people: maxmemory in sum above what is free,
// descriptors that allow fewer clients than asked for.
Result<std::vector<std::string>> check_resources(const cluster::Spec& spec, const std::string& folder);

// What is free where `folder` is, for others than root.
Result<int64_t> free_disk_bytes(const std::string& folder);

// What processes may take before the machine gets into trouble (MemAvailable); nothing if it cannot be known.
std::optional<int64_t> available_memory_bytes();

}  // namespace keyway::platform::local
