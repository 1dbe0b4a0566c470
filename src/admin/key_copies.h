// Comparing the copies that two servers hold of the same keys, when neither is known to be the right one.
// Reads only; one thread.
#pragma once

#include <string>
#include <vector>

#include "engine/servers.h"

namespace keyway::admin {

struct KeyCopy {
  std::string type;         // as TYPE tells; "none": there is no such key
  int64_t ttl_ms = -1;      // -1: for ever
  int64_t size_bytes = -1;  // in the server's memory; -1: it does not tell
};

struct CopyPair {
  std::string key;
  KeyCopy first;
  KeyCopy second;
  bool equal = false;  // same type, value and time to live (give or take 2 s)
};

// What the servers at `first` and `second` hold under each of `keys`, which are of slots that either owns or
// has open. Keys that one of them does not have any more are left out. Values are compared by their DUMP;
// where that differs (servers of other versions, sets whose order is chance), by their elements. Those above
// 8 MiB, streams and values of modules count as different unless their DUMP is equal. Errors: those of the
// servers.
Result<std::vector<CopyPair>> compare_copies(engine::Servers& servers, const Address& first,
                                             const Address& second, const std::vector<std::string>& keys,
                                             int64_t timeout_ms);

// "string, 12 B, expires in 5 s".
std::string describe(const KeyCopy& copy);

// The name for people: control bytes and what is no ASCII as \x00, cut after 60 characters.
std::string printable_key(std::string_view key);

}  // namespace keyway::admin
