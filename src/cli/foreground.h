// The supervisor in the foreground, with a live view of the cluster.
#pragma once

#include <string>

#include "cli/output.h"

namespace keyway::cli {

// Runs until Ctrl-C, SIGTERM or `keyway down`. On a terminal: events, and below them the table, drawn in
// place; elsewhere a line an event (with --json one JSON object a line). `user` is the one that hints speak
// of.
Outcome run_in_foreground(const std::string& cluster, const std::string& user, Output& output);

}  // namespace keyway::cli
