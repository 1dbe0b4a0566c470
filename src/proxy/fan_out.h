// Commands that go to several servers and are answered as one. One thread a worker.
#pragma once

#include "proxy/dispatcher.h"

namespace keyway::proxy {

// A command whose keys are in several slots, in parts: one for each slot, since no server takes a command
// with keys of two; those for one server are written together. Its spec has the key rule kRange.
Verdict split_by_shard(Client& client, const CommandView& command, Merge merge);

// To the primary of each shard.
Verdict to_every_shard(Client& client, const CommandView& command, Merge merge,
                       Channel channel = Channel::kMain);

// Asks the primary of each shard on behalf of a request that waits for its own answer. They are parts of it
// until drop_parts().
void ask_every_shard(Client& client, Request& whole, const Slice& bytes);

// SCRIPT KILL and FUNCTION KILL: the same, on connections of their own, since what the script came by is
// stuck.
Verdict kill_script(Client& client, const CommandView& command, Merge merge);

// WAIT and WAITAOF: to the primary of each shard, on connections of their own, since others must not wait.
// The answer is that of the shard with the fewest copies.
Verdict wait_for_copies(Client& client, const CommandView& command);

}  // namespace keyway::proxy
