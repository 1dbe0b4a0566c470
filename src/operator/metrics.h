// What the operator tells a Prometheus. Pure; any thread.
#pragma once

#include <string>

#include "operator/operator.h"

namespace keyway::operators {

std::string render_metrics(const Counts& counts);

}  // namespace keyway::operators
