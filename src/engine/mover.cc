#include "engine/mover.h"

#include "base/format.h"
#include "cluster/ownership.h"
#include "engine/mover_slice.h"
#include "engine/server_version.h"

namespace keyway::engine {

namespace {

constexpr size_t kMaxMemories = 256;

bool misses_claims(const cluster::ServerFacts& server) {
  return server.engine == cluster::EngineKind::kRedis && version_of(server) < Version{7, 2, 2};
}

}  // namespace

void describe_target(const cluster::NodeFacts& to, MoveTask& task) {
  task.to_id = cluster::effective_id(to);
  task.to = to.address;
  task.target_takes_over = to.server.engine == cluster::EngineKind::kValkey;
  task.target_misses_claims = misses_claims(to.server);
}

MoveMemory& MoveMemories::of(const std::string& from_id, const std::string& to_id) {
  std::pair<std::string, std::string> pair{from_id, to_id};
  if (pairs_.size() >= kMaxMemories && !pairs_.contains(pair)) pairs_.clear();
  return pairs_[pair];
}

std::string why_held(const MoveMemory& memory) {
  return fmt::format(
      "slots {} stay open: {} was lost while it imported them, and if it came back now it would take its "
      "successor's slots back, with the data of then; start it again, or remove it with del-node if it will "
      "never come back",
      cluster::to_string(cluster::to_ranges(memory.held)), to_string(memory.lost_importer));
}

Result<MoveProgress> move_slots(Servers& servers, const MoveTask& task, const MoveLimits& limits,
                                MoveMemory& memory, const MoveHooks& hooks) {
  MoverSlice slice(servers, task, limits, memory, hooks);
  if (Status done = slice.run(); !done) return fail(done.error());
  return slice.progress();
}

}  // namespace keyway::engine
