// Which nodes may answer the reads of each primary's slots, by the policy that was chosen and by what the
// nodes say of themselves. Pure; values of any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "cluster/observed.h"
#include "proxy/topology.h"

namespace keyway::proxy {

enum class ReadPolicy : uint8_t {
  kPrimary,
  kPreferReplica,  // a replica; the primary where none will do
  kNearest,        // of all that will do those in the proxy's zone, else those that answer soonest
};

struct ReadOptions {
  ReadPolicy policy = ReadPolicy::kPrimary;
  // How far a replica may be behind. Bytes of its primary's stream of changes; nothing: any number.
  std::optional<int64_t> max_lag_bytes;
  int64_t max_lag_ms = 10'000;
  std::string zone;  // in which the proxy is; empty: unknown
};

// What a node has said when it was last asked.
struct NodeLook {
  bool answers = false;
  cluster::ServerFacts facts;
  int64_t round_trip_us = -1;  // -1: not measured
};

// What a primary's stream of changes had come to at times in the past, as far back as a bound asks. Tells for
// how long a replica has been behind.
class LagHistory {
 public:
  explicit LagHistory(int64_t max_lag_ms) : max_lag_ms_(max_lag_ms) {}

  void note(int64_t now_ms, const std::string& replid, int64_t offset);
  // For how long at least the primary has had what comes behind `offset`; 0: nothing does.
  int64_t lag_ms(int64_t now_ms, int64_t offset) const;

 private:
  static constexpr int64_t kSamples = 128;  // within the bound

  struct Sample {
    int64_t at_ms;
    int64_t offset;
  };

  int64_t max_lag_ms_;
  std::string replid_;
  std::deque<Sample> samples_;
};

struct ReadPlan {
  // By the primary's address: those among which its reads take turns. Not there: the primary itself.
  std::map<Address, std::vector<Address>> readers;
  std::vector<Address> silent;  // replicas that do not answer
  cluster::SlotSet moving;      // slots on the way to another node: only their owner knows where a key is

  friend bool operator==(const ReadPlan&, const ReadPlan&) = default;
};

using NodeLooks = std::map<Address, NodeLook>;

// `histories`, by the primary's address, takes note of what `looks` say.
ReadPlan plan_reads(const Topology& topology, const NodeLooks& looks, const ReadOptions& options,
                    std::map<Address, LagHistory>& histories, int64_t now_ms);

}  // namespace keyway::proxy
