// SCAN over all shards, one after the other: the cursor tells which shard it is at. Nothing is kept between
// calls. One thread a worker.
//
// Cursor, 62 bits: a slot that stands for the shard (14), the cursor of that shard's server (48). Servers'
// own are far below 2^48: the size of a table and, from Redis 8 and Valkey 8 on, the slot.
#pragma once

#include "proxy/dispatcher.h"

namespace keyway::proxy {

Verdict scan(Client& client, const CommandView& command);

// A server's answer to it has come.
void scan_answered(Client& client, Request& request);

}  // namespace keyway::proxy
