#include "engine/mover.h"

#include "engine/mover_slice.h"

namespace keyway::engine {

namespace {

constexpr size_t kMaxMemories = 256;

}  // namespace

MoveMemory& MoveMemories::of(const std::string& from_id, const std::string& to_id) {
  std::pair<std::string, std::string> pair{from_id, to_id};
  if (pairs_.size() >= kMaxMemories && !pairs_.contains(pair)) pairs_.clear();
  return pairs_[pair];
}

Result<MoveProgress> move_slots(Servers& servers, const MoveTask& task, const MoveLimits& limits,
                                MoveMemory& memory, const MoveHooks& hooks) {
  MoverSlice slice(servers, task, limits, memory, hooks);
  if (Status done = slice.run(); !done) return fail(done.error());
  return slice.progress();
}

}  // namespace keyway::engine
