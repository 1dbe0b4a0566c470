// Mends between nodes: who follows, knows or stands in for whom, and epochs. Main thread; errors are the
// servers'.
#pragma once

#include "admin/fix_context.h"

namespace keyway::admin {

// Replica `node` becomes the primary in the place of `other`: by a vote of the primaries, or if most of them
// are gone, or `other` owns no slots (nobody votes then), without one.
Status take_over(const FixContext& context, const cluster::Mend& mend);

Status raise_epoch(const FixContext& context, const cluster::Mend& mend);
Status follow(const FixContext& context, const cluster::Mend& mend);
Status meet(const FixContext& context, const cluster::Mend& mend);
Status announce(const FixContext& context, const cluster::Mend& mend);
Status forget(const FixContext& context, const cluster::Mend& mend);

}  // namespace keyway::admin
