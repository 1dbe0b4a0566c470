// Moving slots between primaries of any cluster: what a move would cost, and the move itself, several pairs
// at once. The servers hold all state of it (open slots, atomic jobs), so that a plan that was interrupted in
// any way is finished by carrying it out again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/session.h"
#include "cluster/balance.h"

namespace keyway::admin {

struct PlannedMove {
  std::string from_id;
  std::string to_id;
  Address from;
  Address to;
  cluster::SlotRanges slots;
  int64_t keys = 0;
  int64_t bytes = 0;  // of keys and values in memory, estimated from samples; -1: unknown
};

struct MovePlan {
  std::vector<PlannedMove> moves;
  int64_t estimated_ms = 0;
  bool atomic = false;  // by the servers' own atomic slot migration
  // Keys too big to move within the budget, each a sentence with its name, size and the stall it would cause.
  // Found by looking at as many keys as a moment allows; those that are met later are told before they move.
  std::vector<std::string> big_keys;

  int slots() const;
  int64_t keys() const;
  int64_t bytes() const;  // -1: unknown
};

struct MoveOptions {
  int64_t migrate_timeout_ms = 60000;  // how long a server waits for another in one MIGRATE
  int64_t keys_a_call = 0;             // at most; 0: as many as the budget allows
  bool replace = false;         // overwrite keys that the target holds already though the slot was closed
  int64_t max_call_ms = 20;     // no single call shall block a server for longer
  int64_t max_bytes_per_s = 0;  // 0: no limit
  int64_t max_latency_ms = 0;   // slow down while a server answers PING slower than this; 0: no limit
  int parallel = 4;             // pairs at once
  std::optional<bool> atomic;   // none: where the servers can
  int64_t atomic_keys_a_job = 50000;
};

struct MoveResult {
  MovePlan plan;
  bool carried_out = false;  // false: only planned
  bool interrupted = false;  // stopped between batches; what was moved stays moved
  int slots = 0;             // moved
  int64_t keys = 0;
  int64_t bytes = 0;  // -1: unknown
  int64_t elapsed_ms = 0;
};

// Counts keys and samples sizes of what `moves` (between node ids) would move. Reads only. kNotFound: no such
// node; kUnavailable: one of them does not answer; kConflict: it is no primary; kUnsupported: atomic
// migration was asked for and a server cannot do it.
Result<MovePlan> price(Session& session, const cluster::Observed& observed,
                       const std::vector<cluster::SlotMove>& moves, const MoveOptions& options);

// Carries the plan out and tells of its progress. When interrupted it finishes the slots that it has begun,
// within a few seconds. On an error, or then, no slot is left open that could be closed without moving keys
// back, those that stay open are told, and the cluster serves every key. A server that is gone is waited for,
// or its shard's new primary goes on in its place. Errors: kExhausted (a target is full, which one is told),
// kConflict before anything is touched (a server has yet to hear which slots a target has not), and those of
// engine::move_slots and engine::move_slots_atomically.
Result<MoveResult> carry_out(Session& session, const cluster::Observed& observed, const MovePlan& plan,
                             const MoveOptions& options);

}  // namespace keyway::admin
