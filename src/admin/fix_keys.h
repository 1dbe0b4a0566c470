// Mends that bring keys to where their slot is, or is on its way to. Main thread; errors are the servers'.
#pragma once

#include "admin/fix_context.h"

namespace keyway::admin {

// Keys of the slots go from `node` to the owner, `other`. Nothing there is overwritten but by a decision:
// MIGRATE is allowed on a node that imports the slot, so it imports them from the owner meanwhile.
Status gather_keys(const FixContext& context, const cluster::Mend& mend);

// The move of the slots from `node` to `other` goes on from where it stands. Flags that are missing on either
// side are set first: with them clients find every key again.
Status finish_move(const FixContext& context, const cluster::Mend& mend);

}  // namespace keyway::admin
