// Copies of keys that are still on their way from a MIGRATE that its server gave up. Part of the mover.
#pragma once

#include "engine/mover.h"

namespace keyway::engine {

// A source that has waited in vain for a hung target closes the connection, but what it has written may still
// be read when the target wakes up, after a later MIGRATE has brought a newer value of the same key. So those
// connections are closed on the target's side before anything is sent again. Harmless to a MIGRATE that is
// under way: it connects again. A target that does not allow it is left as it is. Errors: the target cannot
// be reached.
Status drop_stale_copies(Servers& servers, const MoveTask& task);

}  // namespace keyway::engine
