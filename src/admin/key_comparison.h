// Whether keys of one keyspace are in another one with the same value and the same time to live, both of them
// in use. Reads only. One thread; the keyspaces outlive it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/key_queue.h"
#include "admin/keyspace.h"

namespace keyway::admin {

enum class Verdict {
  kEqual,      // same type, value and time to live, give or take 2 s
  kDifferent,  // or of a kind that can be compared by its DUMP only, which differs
  kMissing,    // not at the target
  kGone,       // not at the source any more
};

class KeyComparison {
 public:
  KeyComparison(Keyspace& from, Keyspace& to) : sides_{&from, &to} {}

  // In the order of `keys`. By DUMP; where that differs (servers of other versions, sets whose order is
  // chance) by DEBUG DIGEST-VALUE if both servers allow it, then by their elements. Errors: those of the
  // servers.
  Result<std::vector<Verdict>> compare(const std::vector<FoundKey>& keys);

 private:
  // What both sides answered about one key.
  struct Look {
    std::optional<std::string> dump[2];  // none of large values: they are compared piece by piece
    int64_t ttl_ms[2] = {-1, -1};
    int64_t at_ms[2] = {0, 0};
  };

  Result<std::vector<Look>> look(const std::vector<FoundKey>& keys);
  Status take(size_t side, const FoundKey& key, std::vector<resp::Reply>& answers, Look& look);
  static Verdict judge(const Look& look, bool& unclear);
  Status compare_digests(std::vector<FoundKey>& unclear, std::vector<size_t>& at,
                         std::vector<Verdict>& verdicts);

  Keyspace* sides_[2];
  bool digests_allowed_ = true;
};

}  // namespace keyway::admin
