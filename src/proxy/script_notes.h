// What one worker remembers of scripts, so that those that come again and again cost neither a lock nor a
// digest: which ones the store has, and which call goes to which server without fail. Places of fixed size,
// where a newer note takes an older one's place; without allocation. Owned by its worker; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/script_store.h"

namespace keyway::proxy {

class ScriptNotes {
 public:
  explicit ScriptNotes(ScriptStore& store) : store_(store) {}

  ScriptStore& store() { return store_; }
  // A client has brought a script: the store shall have it.
  void keep(std::string_view script);
  void forget_all();

  // Stands for the script with the digest, in either case; 0: that cannot be one.
  static uint64_t call_of(std::string_view digest);
  // Whether the node has lately carried out such a call.
  bool is_known(uint64_t call, uint16_t node) const;
  // It has, or it lacks the script.
  void note(uint64_t call, uint16_t node, bool known);
  // A connection to a server is gone; what it knew may be too.
  void doubt_all() { calls_.fill(0); }

 private:
  static constexpr size_t kScripts = 512;
  static constexpr size_t kCalls = 2048;

  static uint64_t mark_of(uint64_t call, uint16_t node);

  ScriptStore& store_;
  uint64_t evictions_ = 0;  // of the store, that are known here
  uint64_t flushes_ = 0;
  std::array<uint64_t, kScripts> scripts_{};  // hashes of their texts
  std::array<uint64_t, kCalls> calls_{};
};

}  // namespace keyway::proxy
