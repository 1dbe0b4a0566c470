// Carries out what was decided about a cluster, a request after the other. Owned by the operator; the thread
// of its client.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "operator/snapshot.h"
#include "operator/world.h"
#include "platform/kubernetes/apply.h"

namespace keyway::operators {

class Executor {
 public:
  // `may_write` is asked before each write: whether this process still leads. `client` and `world` outlive
  // it.
  Executor(platform::kubernetes::ApiClient& client, const World& world, std::function<bool()> may_write);

  // All of these wait. What could not be done, for people; the rest has been. Nothing more is tried once this
  // process may not write.
  std::vector<Remark> carry_out(const Snapshot& snapshot, const Decision& decision);
  platform::kubernetes::ApiResult<void> write_status(const SmallMeta& cluster, const std::string& status);
  // Nothing: there is none.
  platform::kubernetes::ApiResult<std::optional<SecretView>> users_secret(const SmallMeta& cluster);

  // The cluster is gone.
  void forget(const std::string& cluster) { deleted_pods_.erase(cluster); }

  uint64_t writes() const { return writes_; }

 private:
  using Outcome = platform::kubernetes::ApiResult<bool>;  // whether something was written

  Outcome apply(const SmallMeta& cluster, const WantedObject& wanted);
  Outcome act(const SmallMeta& cluster, const PutWanted& action);
  Outcome act(const SmallMeta& cluster, const PutUsers& action);
  Outcome act(const SmallMeta& cluster, const DeleteObject& action);
  Outcome act(const SmallMeta& cluster, const GrowClaim& action);
  Outcome act(const SmallMeta& cluster, const OwnClaim& action);
  void tell(const SmallMeta& cluster, const Event& event);
  void do_all(const SmallMeta& cluster, const std::vector<Deed>& deeds, std::vector<Remark>& failures);
  // Whether all pods that were deleted show as such.
  bool sees_deletions(const Snapshot& snapshot);
  // Sends it if this process may write.
  platform::kubernetes::ApiResult<std::string> write(platform::kubernetes::ApiRequest request);
  // Whether the API server knows no such object.
  platform::kubernetes::ApiResult<bool> is_absent(const ResourceType& type, const std::string& name_space,
                                                  const std::string& name);
  platform::kubernetes::ApiResult<bool> is_unchanged(const SmallMeta& cluster);

  platform::kubernetes::ApiClient& client_;
  const World& world_;
  std::function<bool()> may_write_;
  platform::kubernetes::Applier applier_;
  // By cluster the uids of pods that were deleted and that its last snapshot still showed as if they were
  // not.
  std::map<std::string, std::set<std::string>> deleted_pods_;
  uint64_t writes_ = 0;
};

}  // namespace keyway::operators
