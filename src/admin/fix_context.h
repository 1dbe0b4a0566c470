// What every mend works with: the cluster as it was just seen, a way to ask its servers, and the record of
// what was done. Lives for one round of mending; main thread.
#pragma once

#include <string>
#include <vector>

#include "admin/check.h"
#include "cluster/mending.h"
#include "cluster/slot_state.h"

namespace keyway::admin {

class FixContext {
 public:
  FixContext(Session& session, const FixOptions& options, const CheckResult& seen, FixResult& result)
      : session_(session),
        options_(options),
        scene_(seen.observed, seen.keys),
        keys_(seen.keys),
        result_(result) {}

  Session& session() const { return session_; }
  const FixOptions& options() const { return options_; }
  const cluster::Scene& scene() const { return scene_; }
  const cluster::KeyCounts& keys() const { return keys_; }
  FixResult& result() const { return result_; }

  // Told to the person and kept in the result.
  void done(std::string what) const;

  // Yes unless a person says no. kInvalidArgument if nobody is there to be asked.
  Result<bool> consent(const std::string& question) const;

  // The node's facts; kUnavailable if it does not answer.
  Result<const cluster::NodeFacts*> node(const std::string& id) const;

  // The replies, of which none is an error: the first one that is becomes an Error.
  Result<std::vector<resp::Reply>> ask(const std::string& id,
                                       const std::vector<resp::Command>& commands) const;
  // The same, all at one moment (MULTI); gives the first error, though what it does not concern is done.
  Status transact(const std::string& id, const std::vector<resp::Command>& commands) const;

  // CLUSTER MEET by `id` with each of `others`, which thereby hear of its role, slots and epoch, too.
  Status greet(const std::string& id, const std::vector<std::string>& others) const;
  // With all that answer.
  Status greet_all(const std::string& id) const;

  // How the node sees another one; null: it does not know it.
  const cluster::PeerView* view(const std::string& viewer, const std::string& id) const;
  // The slots that some of which the node has open: `importing` or migrating.
  cluster::SlotSet open_on(const std::string& id, bool importing) const;

 private:
  Session& session_;
  const FixOptions& options_;
  cluster::Scene scene_;
  const cluster::KeyCounts& keys_;
  FixResult& result_;
};

// In portions that a server carries out within a moment.
std::vector<std::vector<cluster::Slot>> portions(const cluster::SlotRanges& slots, size_t size);

resp::Command set_slot(cluster::Slot slot, const char* how, const std::string& id = {});

}  // namespace keyway::admin
