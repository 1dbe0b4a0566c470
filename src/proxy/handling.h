// What the proxy does with each command: a table by the commands' names, completed by what the command table
// says of their keys. Constant; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/gather.h"
#include "resp/command_spec.h"

namespace keyway::proxy {

enum class Handling : uint8_t {
  kByKeys,        // to the server that owns the slot of its keys
  kScript,        // the same, on the channel for scripts: FCALL
  kEval,          // the same, and it brings the script
  kEvalSha,       // the same, and the server may lack the script
  kSplit,         // the same, in parts where they are on several shards
  kBlocking,      // the same, on a connection of its own
  kAnyServer,     // any primary gives the same answer
  kByChannel,     // to the owner of the slot that its first argument would have as a key: PUBLISH
  kEveryShard,    // to all primaries; the answers are merged
  kLoadScript,    // the same, on the channel for scripts: SCRIPT LOAD, FUNCTION LOAD
  kFlushScripts,  // SCRIPT FLUSH
  kKillScript,    // SCRIPT KILL, FUNCTION KILL
  kCopies,        // WAIT, WAITAOF
  kSubscribe,     // on a connection of the client's own
  kTransaction,   // MULTI, EXEC, DISCARD, WATCH, UNWATCH
  kOwn,           // answered by the proxy, by name
  kRefused,       // cannot be done through a proxy
};

struct Treatment {
  Handling handling = Handling::kRefused;
  Merge merge = Merge::kFirst;
};

Treatment treatment_of(const resp::CommandSpec& spec);

// Whether a node that may be behind the owner of its keys may answer it: it only reads, and does not wait.
inline bool may_lag(const resp::CommandSpec& spec) {
  namespace flag = resp::command_flag;
  // TOUCH changes when the owner last used the key.
  return spec.has(flag::kReadOnly) && !spec.has(flag::kBlocking | flag::kSlotOnly) && spec.name != "touch";
}

}  // namespace keyway::proxy
