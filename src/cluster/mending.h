// What brings a cluster in bad shape one step nearer to order. Each mend is safe to carry out as things are
// now; after some of them things are looked at again and planned anew. Pure.
#pragma once

#include <string>
#include <vector>

#include "cluster/diagnosis.h"

namespace keyway::cluster {

enum class MendKind {
  kRelease,     // `node` stops claiming slots that are `other`'s; it keeps their keys, and imports from it
  kGather,      // keys of the slots move from `node` to their owner, `other`
  kTakeOver,    // replica `node` becomes the primary in the place of `other`, which is lost
  kAssign,      // `node` takes the slots
  kFinish,      // the slots are on their way from `node` to `other`: they get there
  kClose,       // nobody has the slots open any more; `node` owns them
  kTell,        // primary `node` is told that `other` owns the slots
  kAnnounce,    // `node`, which owns the slots, says so to `other`
  kRaiseEpoch,  // `node` takes a new config epoch, above that of `other` (empty: of all)
  kFollow,      // replica `node` follows `other`
  kMeet,        // `node` is introduced to `other`
  kForget,      // all that know `node` forget it
};

struct Mend {
  Trouble trouble = Trouble::kUnreachable;  // that it is for
  MendKind kind = MendKind::kClose;
  std::string node = {};
  std::string other = {};
  SlotRanges slots = {};
  bool careful = false;       // kFinish: keys that both have are compared first
  std::string question = {};  // a person is to say yes to this; empty: no need to
};

// `give_away`: slots whose owner and all its copies are lost may go to others, and data that only an orphaned
// replica has may be dropped. The most dangerous trouble first.
std::vector<Mend> plan_mending(const Observed& observed, const KeyCounts& keys, bool give_away);

}  // namespace keyway::cluster
