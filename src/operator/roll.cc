#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "operator/parts.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;

namespace {

// The set has looked at its present template, so that its revision is that one's.
bool revision_is_known(const ShardSight& shard) {
  return shard.set->observed_generation >= shard.set->meta.generation && !shard.set->update_revision.empty();
}

// The watch shows the set as it was applied last. Each set is seen at a time of its own: one that is older
// than the others would have its pods taken for new ones.
bool is_current(const ShardSight& shard) {
  return (shard.wanted == nullptr || shard.set->mark == shard.mark) && revision_is_known(shard);
}

// Whether a pod that cannot run may go without a word to its agent: it has no data, or leaves them behind, or
// somebody else has them.
bool may_replace_broken(const Sight& sight, const ShardSight& shard, const ServerPod& pod) {
  if (pod.running || pod.ready) return false;
  if (!pod.has_run || !shard.set->storage.empty()) return true;
  const bool another_serves = std::ranges::any_of(shard.pods, [&](const ServerPod* other) {
    return other != &pod && other->ready && shard.is_primary(*other);
  });
  return another_serves || (sight.report_is_current() && !sight.report->formed);
}

// Every other shard has a primary, so that this one may be without for a moment.
bool others_have_primaries(const Sight& sight, const ShardSight& shard) {
  return std::ranges::all_of(sight.shards, [&shard](const auto& other) {
    const ShardSight& one = other.second;
    return &one == &shard || one.set == nullptr ||
           std::ranges::any_of(one.pods, [&one](const ServerPod* pod) {
             return one.is_primary(*pod) && pod->ready && !pod->meta.deleting;
           });
  });
}

Deed replace(const ServerPod& pod, std::string_view why) {
  return delete_deed(kubernetes::kPods, pod.meta,
                     {pod.meta.uid, false, "ReplacingPod",
                      fmt::format("pod {} is deleted to be made anew: {}", pod.meta.name, why)});
}

class Roll {
 public:
  Roll(const Sight& sight, Decision& decision) : sight_(sight), decision_(decision) {
    for (const auto& [name, shard] : sight.shards) {
      if (shard.set == nullptr) {
        all_current_ = all_current_ && shard.wanted == nullptr;
        continue;
      }
      all_current_ = all_current_ && is_current(shard);
      all_whole_ = all_whole_ && shard.whole() && in_sync(shard);
      for (const ServerPod* pod : shard.pods) proven_ = proven_ || runs_present_template(shard, *pod);
    }
  }

  void look_at(const std::string& name, const ShardSight& shard) {
    if (shard.set == nullptr || !sight_.owns(shard.set->meta) || !is_current(shard)) return;
    std::vector<const ServerPod*> outdated;
    for (const ServerPod* pod : shard.pods) {
      if (is_outdated(shard, *pod)) outdated.push_back(pod);
    }
    if (outdated.empty()) return;
    decision_.doing.push_back({"Rolling", fmt::format("{} of {} of shard {} to be replaced", outdated.size(),
                                                      count_of(std::ssize(shard.pods), "pod"), name)});
    if (replaces_broken(shard, outdated)) return;
    if (!sight_.well() || !all_current_ || !shard.whole() || !in_sync(shard)) return;
    // One pod alone shows whether the template is any good.
    if (!proven_ && (!all_whole_ || taken_)) return;
    replace_next(name, shard, outdated);
  }

 private:
  bool to_restart(const ServerPod& pod) const {
    return sight_.snapshot->cluster.restarts.contains(pod.meta.uid);
  }

  bool is_outdated(const ShardSight& shard, const ServerPod& pod) const {
    return !pod.meta.deleting && (pod.revision != shard.set->update_revision || to_restart(pod));
  }

  std::string_view why(const ShardSight& shard, const ServerPod& pod) const {
    return pod.revision != shard.set->update_revision ? "its template has changed" : "somebody asked for it";
  }

  // Not one that is about to go, which proves nothing.
  static bool runs_present_template(const ShardSight& shard, const ServerPod& pod) {
    return pod.ready && pod.revision == shard.set->update_revision && !pod.meta.deleting;
  }

  // Who takes over before a primary's pod goes: clients that ask the old one are told where to go.
  const ServerPod* successor(const ShardSight& shard) const {
    auto found = std::ranges::find_if(shard.pods, [&](const ServerPod* pod) {
      return !shard.is_primary(*pod) && runs_present_template(shard, *pod) && !to_restart(*pod);
    });
    return found == shard.pods.end() ? nullptr : *found;
  }

  bool replaces_broken(const ShardSight& shard, const std::vector<const ServerPod*>& outdated) {
    for (const ServerPod* pod : outdated) {
      if (!may_replace_broken(sight_, shard, *pod)) continue;
      decision_.after.push_back(replace(*pod, fmt::format("it does not run, and {}", why(shard, *pod))));
      return true;
    }
    return false;
  }

  static bool in_sync(const ShardSight& shard) {
    return shard.report != nullptr && shard.report->replicas_in_sync + 1 >= shard.set->replicas;
  }

  // Replicas first; then one of these becomes the primary, and what was it is replaced as a replica.
  void replace_next(const std::string& name, const ShardSight& shard,
                    const std::vector<const ServerPod*>& outdated) {
    const auto replica =
        std::ranges::find_if(outdated, [&shard](const ServerPod* pod) { return !shard.is_primary(*pod); });
    if (replica != outdated.end()) {
      taken_ = true;
      decision_.after.push_back(replace(**replica, why(shard, **replica)));
      return;
    }
    if (shard.pods.size() == 1) return replace_only_copy(name, shard, *outdated.front());
    const ServerPod* next = successor(shard);
    if (primary_taken_ || next == nullptr || !others_have_primaries(sight_, shard)) return;
    primary_taken_ = true;
    taken_ = true;
    decision_.switchovers[name] = next->meta.name;
  }

  void replace_only_copy(const std::string& name, const ShardSight& shard, const ServerPod& pod) {
    if (shard.set->storage.empty()) {
      decision_.troubles.push_back(
          {"OnlyCopy", fmt::format("pod {} has the only copy of shard {}, without a volume: it is not "
                                   "replaced; set spec.replicas to 1 or more",
                                   pod.meta.name, name)});
      return;
    }
    if (primary_taken_ || taken_ || !all_whole_) return;
    primary_taken_ = true;
    taken_ = true;
    decision_.after.push_back(replace(pod, fmt::format("{}; its shard pauses meanwhile", why(shard, pod))));
  }

  const Sight& sight_;
  Decision& decision_;
  bool proven_ = false;      // some pod of a present template is ready
  bool all_current_ = true;  // every shard is seen as it was applied last
  bool all_whole_ = true;    // and has all pods, with copies that are whole
  bool taken_ = false;
  bool primary_taken_ = false;
};

}  // namespace

void roll_pods(const Sight& sight, Decision& decision) {
  Roll roll(sight, decision);
  for (const auto& [name, shard] : sight.shards) roll.look_at(name, shard);
}

}  // namespace keyway::operators
