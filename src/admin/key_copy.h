// Copying keys from one keyspace to another by DUMP and RESTORE, through this program. Reads only at the
// source. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "admin/key_queue.h"
#include "admin/keyspace.h"
#include "resp/slot.h"

namespace keyway::admin {

struct CopyOutcome {
  int64_t copied = 0;
  int64_t bytes = 0;           // of the values, as DUMP gives them
  std::vector<FoundKey> busy;  // the target has them already, and they were not to be replaced
};

// Keys that are gone by the time they are read, or have expired, are passed over. Times to live are kept.
// Errors: those of the servers; kUnsupported if the target cannot read the source's values, naming both
// versions; kExhausted if it is full.
Result<CopyOutcome> copy_keys(Keyspace& from, Keyspace& to, const std::vector<FoundKey>& keys, bool replace);

// The commands for each key, as Keyspace::ask wants them: `make` is given the key.
template <typename Make>
std::vector<KeyCommands> commands_for(const std::vector<FoundKey>& keys, Make make) {
  std::vector<KeyCommands> commands;
  commands.reserve(keys.size());
  for (const FoundKey& found : keys) commands.push_back({resp::key_slot(found.key), make(found.key)});
  return commands;
}

// For an exchange that carries `bytes`, over a line of 1 MB/s at worst.
int64_t batch_timeout_ms(int64_t bytes);

int64_t size_of(const std::vector<FoundKey>& keys);

// What the target's refusal of a value means: the code and, for people, what to do.
Error restore_error(const Keyspace& from, const Keyspace& to, const Address& target, const std::string& key,
                    std::string_view refused);

}  // namespace keyway::admin
