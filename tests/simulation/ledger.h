// What clients were promised: for each key the newest value that the cluster has acknowledged and not been
// excused from. The rules by which a loss is excused are told in docs/internals/simulation.md. Owned by the
// world; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace keyway::simulation {

class Server;
class World;

// Who made a copy of the data disappear.
enum class Cause {
  kFault,       // the simulator's own violence: excused
  kKeyway,      // an order of Keyway
  kServers,     // the servers among themselves: a full copy from another server, keys of slots that were lost
  kReplicated,  // a deletion that arrived by replication (keys that have moved away)
};

// How a server has come to be a primary.
enum class Claim {
  kStarted,  // it was started as one
  kOrdered,  // Keyway promoted it
  kElected,  // the servers themselves did
};

class Ledger {
 public:
  explicit Ledger(World& world) : world_(world) {}

  // Whether who decides for the server at `decider` could see the one at `place` for so long; none: Keyway
  // decides, and sees what World::reachable_for says.
  std::function<bool(int decider, int place, int64_t duration_us)> sees;

  void resize(int keys);

  // The next value for `key`; what a client is about to write.
  int64_t next_value(int key) { return ++attempted_[static_cast<size_t>(key)]; }
  void acknowledge(int key, int64_t value, const Server& at);
  int64_t promised(int key) const { return promised_[static_cast<size_t>(key)]; }
  int64_t attempted(int key) const { return attempted_[static_cast<size_t>(key)]; }

  // The key has gone to the shard of `to`, with its slot or ahead of it.
  void moved(int key, const Server& to);

  // Keyway has it on record that the shard holds data.
  void note_data(const std::string& shard);

  // A copy has just gone. Whatever no other copy holds is forgiven or is a violation.
  void copy_gone(Cause cause, int place, const char* how);

  // `server` has just become the primary of its shard by right.
  void takes_over(const Server& server, Claim claim);

  // The best value of `key` in any copy of its shard: the memory of a serving process, the intact disk of one
  // that does not serve.
  int64_t best_copy(int key) const;

  // The first violation of any rule, by whoever found it.
  void violation(const std::string& text);
  const std::optional<std::string>& failure() const { return failure_; }

  int64_t acknowledged_count() const { return acknowledged_count_; }
  int64_t forgiven_count() const { return forgiven_count_; }

 private:
  void check_key(const Server& server, int key, Claim claim);
  bool doomed(int key, const Server& at) const;

  World& world_;
  std::vector<int64_t> promised_;
  std::vector<int64_t> attempted_;
  std::vector<std::string> homes_;             // by key: the shard that has it; empty: no one wrote it yet
  std::map<std::string, int64_t> known_data_;  // shard: since when, µs
  std::optional<std::string> failure_;
  int64_t acknowledged_count_ = 0;
  int64_t forgiven_count_ = 0;
};

}  // namespace keyway::simulation
