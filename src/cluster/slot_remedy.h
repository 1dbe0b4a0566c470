// What brings a slot that is not in order one step nearer to having one owner that holds all its keys, and
// not being open anywhere. A slot may need several steps; after each one the servers are looked at again.
// Pure.
#pragma once

#include <string>

#include "cluster/slot_state.h"

namespace keyway::cluster {

enum class SlotStep {
  kNone,      // nothing that is safe
  kTakeOver,  // replica `node` becomes the primary in the place of `other`, which is lost
  kAssign,    // `node` takes the slot; empty: any primary
  kRelease,   // `node` stops claiming the slot, which is `other`'s, and keeps its keys for the next step
  kFinish,    // the slot is on its way from `node` to `other`: that move is finished
  kGather,    // keys that `node` holds go to the owner, `other`
  kClose,     // it is not open any more, on any node
};

struct SlotRemedy {
  SlotStep step = SlotStep::kNone;
  std::string node = {};
  std::string other = {};
  // kFinish: flags were missing, so clients may have written either side: keys that both have are compared
  // first. Else the source's value is the newer one.
  bool careful = false;
  // kAssign: the keys of the owner, which is lost. kClose: those that have been moved to `other`, which is
  // lost; they are there if it comes back.
  bool loses_keys = false;
  auto operator<=>(const SlotRemedy&) const = default;
};

// `give_away`: slots whose owner is lost together with all copies may go to others.
SlotRemedy remedy_for(const Scene& scene, const SlotState& state, bool give_away);

}  // namespace keyway::cluster
