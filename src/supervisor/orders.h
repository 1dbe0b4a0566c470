// What people ask of a running supervisor, carried out between two ticks: a new spec, a failover, a restart.
// Each is checked before anything changes. The supervisor's thread.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "platform/local/local_platform.h"
#include "reconcile/loop.h"
#include "supervisor/protocol.h"

namespace keyway::supervisor {

// What has been put on record, for the journal; warnings for people.
struct Taken {
  std::string text;
  std::vector<std::string> warnings;
};

// `last` is the last look at the cluster. Nothing changes if it fails. Only for orders that change something.
Result<Taken> carry_out(const Request& order, platform::local::LocalPlatform& platform,
                        const reconcile::Tick& last);

// Whether `shard` can hand over to `to_node` (empty: to any), as things are. OK too if that node is the
// primary already.
Status check_failover(const cluster::Desired& desired, const cluster::Observed& observed,
                      const std::string& shard, const std::string& to_node);

}  // namespace keyway::supervisor
