// Who is the primary of a replicated shard: whoever holds its Lease. What the agent of one pod shall do about
// it, from what it sees at one moment. Pure; see docs/internals/agent.md for the rules and why they hold.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/clerk.h"
#include "cluster/observed.h"

namespace keyway::agent {

// What a holder writes into its Lease about its data, for those who may have to replace it; as text
// "replid=…;offset=…;keys=…;to=…;last=…;met=…;accept=1".
struct LeaseNote {
  std::string replid;  // history of its data; empty: there has never been a holder
  int64_t offset = 0;  // at the last renewal
  int64_t keys = 0;
  std::string to;       // pod to which it is handing over; empty: none
  bool accept = false;  // a person accepts that data is lost
  std::string last;     // pod that held it last
  std::string met;      // pod to which a switchover was asked for that is done; empty: none

  bool operator==(const LeaseNote&) const = default;
};
std::string encode(const LeaseNote& note);
LeaseNote decode_note(const std::string& text);  // what cannot be read is left as it is by default

struct ElectionTimes {
  int64_t fence_before_ms = 1500;  // so long before the Lease ends, its holder stops taking writes
  int64_t patience_ms = 300;       // for others that may be fresher, when a fresh replica is there
  int64_t turn_ms = 1500;          // for each of those with a better copy to take the Lease
  int64_t fresher_ms = 8000;       // the same for a replica without which writes would be lost
  int64_t named_ms = 5000;    // the same for one that is the primary already, as its predecessor named it
  int64_t first_ms = 20'000;  // for pods that are not there yet, when the shard is new
  int64_t read_ms = 1000;     // for a look at the Lease when the server has become the primary
  int64_t hung_ms = 10'000;   // for a holder's server that is silent, if another one can take over
};

// What one agent sees.
struct Sight {
  int64_t now_ms = 0;                     // monotonic
  int64_t since_ms = 0;                   // monotonic; since when the agent looks for a holder
  int64_t primary_since_ms = 0;           // monotonic; since when its server is a primary; 0: it is none
  std::string pod;                        // its own
  std::string identity;                   // as what it would hold the Lease
  int expected = 1;                       // pods of the shard, replicas and primary
  View view;                              // of the Lease
  std::vector<cluster::NodeFacts> nodes;  // every pod of the shard that has an address; its own too
  std::set<std::string> ending;           // pods that were told to end
  int homeless = 0;                       // pods without an address yet
  bool accept_loss = false;               // a person accepts it on this pod
  bool restarted = false;                 // the Lease may still be held for a server that has ended since
};

enum class Order {
  kNone,
  kFollow,   // the server shall follow `follow`
  kHold,     // shall follow nobody and take no writes
  kPromote,  // shall be the primary
};

struct Decision {
  Order order = Order::kNone;
  std::string follow;  // pod
  Wish::Hold hold = Wish::Hold::kWatch;
  std::string take_version;
  std::string demote;       // pod whose server believes that it is the primary: it is told to follow first
  bool kill = false;        // the agent's own server hangs
  bool unsteady = false;    // look again soon, and at all pods
  bool fenced = false;      // kHold, since the Lease cannot be renewed
  std::string waiting_for;  // for people; empty: all is as it should be
};

Decision decide(const Sight& sight, const ElectionTimes& times);

// The pod of "pod/uid".
std::string pod_of(const std::string& identity);

}  // namespace keyway::agent
