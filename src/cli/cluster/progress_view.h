// How far something long has come, as a line. Pure; any thread.
#pragma once

#include <string>

#include "admin/session.h"
#include "cli/terminal.h"

namespace keyway::cli {

// For a terminal: a bar, the share, slots, keys/s, bytes/s and the time left. `step` turns the sign before
// it.
std::string progress_bar(const admin::Progress& progress, size_t step, const Terminal& terminal);

// "moving slots: 1,213 of 3,276 slots (37 %), 140,000 keys/s, 12.3 MiB/s, 8 s left".
std::string progress_line(const admin::Progress& progress);

}  // namespace keyway::cli
