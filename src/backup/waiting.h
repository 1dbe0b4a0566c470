// Waiting that can be cut short. Any thread.
#pragma once

#include <cstdint>
#include <functional>

namespace keyway::backup {

// Waits for `timeout_ms`, or until `stop` says true, which is asked every few milliseconds. Null: nobody
// stops it.
void wait_unless(const std::function<bool()>& stop, int64_t timeout_ms);

}  // namespace keyway::backup
