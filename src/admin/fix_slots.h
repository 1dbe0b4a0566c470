// Mends of who owns which slot. Keys stay where they are. Main thread; errors are the servers'.
#pragma once

#include "admin/fix_context.h"

namespace keyway::admin {

// The node forgets that the slots are its own before it hears so from the owner: that news would make it
// delete their keys. It is left importing them, so that whoever comes next sees that they are to be gathered.
Status release_slots(const FixContext& context, const cluster::Mend& mend);

// The node takes the slots with a new epoch, and says so to all.
Status assign_slots(const FixContext& context, const cluster::Mend& mend);

// Whoever has the slots open closes them.
Status close_slots(const FixContext& context, const cluster::Mend& mend);

// The node is told who owns the slots.
Status tell_owner(const FixContext& context, const cluster::Mend& mend);

}  // namespace keyway::admin
