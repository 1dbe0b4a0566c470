// What the operator does about one cluster: a pure function of what the watches show. It is asked again after
// each change, so what it gives is only ever the next step, and nothing has to survive the process. Any
// thread.
#pragma once

#include <functional>
#include <string>

#include "operator/sight.h"
#include "operator/snapshot.h"

namespace keyway::operators {

struct Tools {
  Surroundings surroundings;
  std::function<std::string()> new_password;  // 20 letters or more, none of them a blank
};

Decision decide(const Snapshot& snapshot, const Tools& tools);

}  // namespace keyway::operators
