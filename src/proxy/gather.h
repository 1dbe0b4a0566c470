// A command whose keys or whose meaning span shards: sent in parts, one a shard, answered as one. Owned by
// its whole request until its client has the answer, and until all parts have come back; one thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/chunk.h"
#include "proxy/request.h"

namespace keyway::proxy {

// How the replies of the parts become one.
enum class Merge : uint8_t {
  kKeyOrder,   // arrays whose elements belong to the keys: MGET
  kSum,        // integers: DEL, EXISTS, DBSIZE
  kLeast,      // the smallest integer: LASTSAVE
  kEachLeast,  // the same, or arrays of integers: WAITAOF
  kFirst,      // all say the same: MSET, FLUSHALL
  kOneWorked,  // the first that is no error: SCRIPT KILL
  kJoin,       // arrays, or maps, one behind the other: KEYS
  kAllTrue,    // arrays of integers, each true if it is in all: SCRIPT EXISTS
  kEachSum,    // arrays of names and integers: PUBSUB NUMSUB
  kDistinct,   // arrays of names: PUBSUB CHANNELS
  kInfo,       // INFO
  kAnyOne,     // the first that is no null: RANDOMKEY
};

struct Gather {
  Merge merge = Merge::kFirst;
  int64_t held_clients = 0;  // kInfo: by CLIENT PAUSE, which servers do not know of
  std::string_view instead;  // is the answer if no part has failed; it lives on
  size_t missing = 0;        // parts without a reply
  Request* whole = nullptr;  // in the client's line
  std::vector<Request*> parts;
  std::vector<uint16_t> part_of_key;  // kKeyOrder
};

// Gives the parts back and the whole, all of which are done.
void discard_gather(Request* whole, RequestPool& requests);

// Gives only the parts back, all of which are done.
void drop_parts(Request& whole, RequestPool& requests);

bool any_failed(const Gather& gather);

// Appends the one answer to `out`: an error if a part had one.
void merge_replies(const Gather& gather, ChunkPool& pool, SliceQueue& out);

}  // namespace keyway::proxy
