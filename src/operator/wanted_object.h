// Objects that belong to a KeywayCluster: with an owner reference they go when it goes, whatever runs then.
// Pure; any thread.
#pragma once

#include "operator/sight.h"
#include "platform/kubernetes/value.h"

namespace keyway::operators {

platform::kubernetes::Value owner_reference(const SmallMeta& cluster);
platform::kubernetes::Value owned_by(const Sight& sight, platform::kubernetes::Value object);

}  // namespace keyway::operators
