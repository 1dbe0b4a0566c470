// The parts of a decision, a file each; decide() puts them together. Each adds to the decision what is to be
// done for its concern. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "operator/decide.h"

namespace keyway::operators {

// shard_sizes.cc: changes how many pods and how much storage the shards of `sight` get now, where that is not
// yet what the spec says: a primary leaves a pod before that goes, and claims grow before their template.
void limit_sizes(Sight& sight, Decision& decision);

// tell_agents.cc: what the spec wants of them, on their Leases. After roll_pods, which may want switchovers.
void tell_agents(const Sight& sight, Decision& decision);

// users_secret.cc: passwords are made once; a Secret of somebody else's is left alone.
void keep_users(const Sight& sight, const Tools& tools, Decision& decision);

// wanted_objects.cc. Adds to the shards of `sight` by which mark their sets are known once they are applied.
void want_objects(Sight& sight, Decision& decision);

// roll.cc: pods that were made of an older template, or that a person wants to be made anew, are deleted.
// After want_objects.
void roll_pods(const Sight& sight, Decision& decision);

// volume_claims.cc: whether the shard's set is on its way out. Nothing may be applied in its name: it would
// be made again by whoever has not seen that it is gone, with the old template.
bool makes_way(const Sight& sight, const ShardSight& shard);

// removal.cc: shards that own nothing any more, what is left of them, a proxy that is not wanted.
void remove_the_unwanted(const Sight& sight, Decision& decision);

// volume_claims.cc: claims grow, and go with their cluster if the spec says so.
void keep_claims(const Sight& sight, Decision& decision);

// progress.cc: what the agents have yet to do, what goes wrong in pods, what they did.
void read_progress(const Sight& sight, Decision& decision);

// "pod redis-partition-p1-app-0", …
Deed delete_deed(const platform::kubernetes::ResourceType& type, const SmallMeta& object, Event event);
Event event_of(const SmallMeta& object, std::string_view reason, std::string message);

}  // namespace keyway::operators
