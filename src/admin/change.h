// What commands that move slots have in common: the look at the cluster before, what makes them refuse, the
// question, the move. Main thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/journal.h"
#include "admin/reshard.h"
#include "cluster/ownership.h"

namespace keyway::admin {

// The cluster as it is, and for as long as this lives nobody else's (who uses the same folder) to change.
// Neither copied nor moved, for the knowledge points into what was observed.
struct Ground {
  std::optional<ClusterLock> lock;  // none for a dry run, or without a folder
  cluster::Observed observed;
  std::optional<cluster::Knowledge> knowledge;

  // The primary, by now, of the shard to which the node belongs or belonged. Itself if that is not known.
  std::string present(const std::string& id) const;
};

// Waits for news of slots to reach everybody, and for atomic migrations to end that an interrupted command
// left to the servers. Errors: of the survey; kConflict: somebody else holds the lock, or such a migration
// does not end.
Status take_ground(Session& session, const Address& seed, bool dry_run, Ground& ground);
// Once more, after slots have moved.
Status resurvey(Session& session, const Address& seed, Ground& ground);

// kConflict if a slot has no owner or two, or is open though `ours` does not move it between these two nodes.
Status check_settled(const Ground& ground, const std::vector<cluster::SlotMove>& ours);

// A node that may give or take slots: a primary that answers. `what` says what it was named for. Errors name
// it.
Result<const cluster::KnownNode*> find_primary(const Ground& ground, std::string_view name,
                                               std::string_view what);

// Shows what `moves` would cost, asks, keeps the plan in `journal` and carries it out.
Result<MoveResult> change(Session& session, const Ground& ground, const std::vector<cluster::SlotMove>& moves,
                          const ChangeOptions& options, const MoveJournal& journal);

// What of a journal's plan is left to do.
struct Remainder {
  std::vector<cluster::SlotMove> planned;  // all of it, between the primaries of now
  std::vector<cluster::SlotMove> moves;    // of slots that have not arrived
  int arrived = 0;                         // slots
  std::string misfit;                      // why the plan does not fit the cluster any more; empty: it fits
};
Remainder remainder_of(const Ground& ground, const std::vector<cluster::SlotMove>& planned);

// Slots of the plan that have arrived may still be flagged as open at one end, where nobody was told. Closes
// those, unless keys were left behind. Errors: those of the servers.
Status close_arrived(Session& session, Ground& ground, const Remainder& remainder);

}  // namespace keyway::admin
