#include "admin/sync_wait.h"

#include "admin/look.h"
#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;

// A full copy of the largest data set: only so that nothing is without a bound.
constexpr int64_t kLongestSyncMs = int64_t{7} * 24 * 3600 * 1000;

bool in_sync(const NodeFacts& node, const std::string& primary_id) {
  const cluster::PeerView* own = cluster::own_view(node);
  return own != nullptr && own->primary_id == primary_id && node.server.link_up && !node.server.syncing;
}

// It serves nobody while it loads what it was sent.
bool is_copying(const NodeFacts& node) {
  return node.reach == cluster::Reach::kLoading || (node.answering() && node.server.syncing);
}

class SyncWait {
 public:
  SyncWait(Session& session, const std::vector<Follower>& followers, int64_t stall_timeout_ms)
      : session_(session), followers_(followers), stall_timeout_ms_(stall_timeout_ms) {
    for (const Follower& follower : followers) addresses_.push_back(follower.address);
  }

  Status run() {
    headway_ms_ = now_ms();
    bool synced = wait_until(session_, [this] { return look() || stalled(); }, kLongestSyncMs);
    if ((synced && !stalled()) || session_.interrupted()) return {};
    return fail(ErrorCode::kTimeout,
                fmt::format("not in sync, and no headway for {}: {}; the servers' logs tell why",
                            human_duration(stall_timeout_ms_), join(lacking_, ", ")));
  }

 private:
  // Whether all are in sync.
  bool look() {
    cluster::Observed observed = look_at(session_, addresses_);
    size_t before = lacking_.size();
    lacking_.clear();
    bool copying = false;
    for (size_t i = 0; i < followers_.size(); ++i) {
      const NodeFacts& node = observed.nodes[i];
      if (in_sync(node, followers_[i].primary_id)) continue;
      lacking_.push_back(node.note.empty() ? node.name : fmt::format("{} ({})", node.name, node.note));
      copying = copying || is_copying(node);
    }
    if (copying || lacking_.size() < before) headway_ms_ = now_ms();
    Progress progress;
    progress.what = "copying data to replicas";
    progress.unit = "replicas";
    progress.total = static_cast<int64_t>(followers_.size());
    progress.done = progress.total - static_cast<int64_t>(lacking_.size());
    session_.reporter.progress(progress);
    return lacking_.empty();
  }

  bool stalled() const { return !lacking_.empty() && now_ms() - headway_ms_ >= stall_timeout_ms_; }

  Session& session_;
  const std::vector<Follower>& followers_;
  int64_t stall_timeout_ms_;
  std::vector<Address> addresses_;
  std::vector<std::string> lacking_;
  int64_t headway_ms_ = 0;
};

}  // namespace

Status wait_in_sync(Session& session, const std::vector<Follower>& followers, int64_t stall_timeout_ms) {
  if (followers.empty()) return {};
  return SyncWait(session, followers, stall_timeout_ms).run();
}

}  // namespace keyway::admin
