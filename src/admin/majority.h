// Whether a cluster can decide anything. Pure.
#pragma once

#include "base/error.h"
#include "cluster/observed.h"

namespace keyway::admin {

// kUnavailable, naming those that are missing, unless most of the primaries that own slots answer.
Status check_majority(const cluster::Observed& observed);

}  // namespace keyway::admin
