// What a person asks for of a KeywayCluster besides its spec: annotations. Switchovers the operator tells the
// agents (cluster_lease.h), restarts are its own work. Pure; any thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace keyway::platform::kubernetes {

// {"p1":"redis-partition-p1-app-1"}: by shard the pod that shall be its primary.
inline constexpr std::string_view kSwitchoverAnnotation = "keyway.dev/switchover";

// Nothing: it is not of that form, or longer than 64 KiB.
std::optional<std::map<std::string, std::string>> parse_switchovers(std::string_view json);

// ["8d3f…","01c2…"]: uids of pods that shall be made anew, each once: what comes in their place has others.
inline constexpr std::string_view kRestartAnnotation = "keyway.dev/restart";

// Nothing: it is not of that form, or longer than 64 KiB.
std::optional<std::set<std::string>> parse_restarts(std::string_view json);

}  // namespace keyway::platform::kubernetes
