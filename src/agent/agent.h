// The first process of a pod with a server: prepares the server's files, starts it, keeps it running and in
// its role, answers probes, and hands over before it lets a primary stop. See docs/internals/agent.md.
#pragma once

#include "agent/settings.h"
#include "base/error.h"

namespace keyway::agent {

// Runs until SIGTERM or SIGINT has ended the server, or until the server cannot be kept: gives the exit code,
// the server's own (128 and the signal's number, if one killed it). kNotFound: there is no server program;
// kUnavailable: the HTTP port is taken.
Result<int> run_agent(const Settings& settings);

}  // namespace keyway::agent
