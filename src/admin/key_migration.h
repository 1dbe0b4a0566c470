// Moving keys from one keyspace to another by MIGRATE: the source sends them to the target and deletes what
// has arrived, in one go, so that none of its writers finds itself in between. One thread; session and
// keyspaces outlive it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/key_queue.h"
#include "admin/keyspace.h"

namespace keyway::admin {

struct MigrationOutcome {
  int64_t moved = 0;              // or gone meanwhile
  std::vector<std::string> busy;  // the target has them already, and they were not to be replaced
};

// What a refused MIGRATE means for those of its keys that are still at the source.
enum class MigrationTrouble {
  kBusy,         // the target has one of the keys
  kLater,        // in a moment, perhaps elsewhere
  kUnreachable,  // the source could not speak to the target
  kFinal,
};

MigrationTrouble trouble_of(std::string_view refused);

class KeyMigration {
 public:
  KeyMigration(const Session& session, Keyspace& from, Keyspace& to, bool replace)
      : session_(session), from_(from), to_(to), replace_(replace) {}

  // Moves them, several at a time, so that no call blocks the source for long. Errors: those of the servers;
  // kUnavailable if the source cannot reach the target, kUnsupported and kExhausted as with copy_keys. What
  // was moved until then stays moved.
  Result<MigrationOutcome> move(const std::vector<FoundKey>& keys);

 private:
  struct Call {
    Address source;
    Address target;  // as the source reaches it
    std::vector<FoundKey> keys;
  };

  std::vector<Call> make_calls(std::vector<FoundKey> keys, size_t max_keys) const;
  static resp::Command counting(const Call& call);
  resp::Command command(const Call& call) const;
  Status carry_out(std::vector<Call> calls, std::vector<FoundKey>& left, MigrationOutcome& outcome);
  Status send(std::span<Call> calls, std::vector<FoundKey>& left, MigrationOutcome& outcome);
  Status take_all(const std::vector<Call*>& calls, engine::Response& response, std::vector<FoundKey>& left,
                  MigrationOutcome& outcome);
  Status take(Call& call, int64_t present, const resp::Reply& reply, std::vector<FoundKey>& left,
              MigrationOutcome& outcome);
  Error final_error(const Call& call, std::string_view refused) const;
  Error unreachable(const Call& call, std::string_view refused) const;
  Result<std::vector<FoundKey>> still_there(const std::vector<FoundKey>& keys);
  void adapt(int64_t call_ms, size_t keys);

  const Session& session_;
  Keyspace& from_;
  Keyspace& to_;
  bool replace_;
  size_t keys_a_call_ = 32;
  bool any_arrived_ = false;
  bool wants_look_ = false;
  std::optional<Error> trouble_;  // that may pass
};

}  // namespace keyway::admin
