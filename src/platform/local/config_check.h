// Asks the server program itself whether a configuration and its users are good, before anything is touched.
// Blocks for as long as a server takes to start (bounded). Any thread.
#pragma once

#include <string>

#include "base/error.h"
#include "cluster/spec.h"
#include "platform/local/engine_program.h"
#include "platform/local/users.h"

namespace keyway::platform::local {

// Starts a server of its own, out of the way in `scratch_folder` (made and deleted; no TCP port), with each
// configuration of the spec and the users; it ends as soon as it has accepted them. kInvalidArgument: what
// the server said about a directive or an ACL rule, and which field.
Status check_config(const EngineProgram& engine, const cluster::Spec& spec, const Users& users,
                    const std::string& scratch_folder);

}  // namespace keyway::platform::local
