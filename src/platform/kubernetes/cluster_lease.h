// Where the operator and a cluster's agents meet: annotations of the Leases over which the agents agree. The
// operator writes what it wants, the holder what it sees and does; each leaves the other's alone. In sharded
// mode on the cluster's Lease, in replicated mode on that of each shard. Format: JSON; fields that are not
// known are passed over, for the other side may be newer. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cluster/slots.h"

namespace keyway::platform::kubernetes {

inline constexpr std::string_view kWantedAnnotation = "keyway.dev/wanted";  // the operator's
inline constexpr std::string_view kReportAnnotation = "keyway.dev/report";  // the holder's
inline constexpr std::string_view kNoteAnnotation = "keyway.dev/note";      // the holder's, for the next one

inline constexpr size_t kMaxWantedBytes = 128 << 10;
inline constexpr size_t kMaxReportBytes = 16 << 10;
inline constexpr size_t kMaxReportOutcomes = 16;
inline constexpr size_t kMaxReportProblems = 8;

// {"generation":5,"partitions":["p1","p2"],"replicas":1,"shard_replicas":{"p2":2},
//  "slots":{"p1":"0-99","p2":"100-16383"},"switchover":{"p1":"redis-partition-p1-app-1"}}
struct Wanted {
  int64_t generation = 0;                       // of the KeywayCluster object; 0: not said
  std::vector<std::string> partitions;          // sharded mode: those that shall own slots; empty: not said
  std::optional<int> replicas;                  // of each shard, beside the primary; none: not said
  std::map<std::string, int> shard_replicas{};  // of shards that have another number of them
  std::map<std::string, cluster::SlotRanges> slots{};  // of all shards; empty: they are balanced
  std::map<std::string, std::string> switchover;       // shard to the pod that shall be its primary

  std::optional<int> replicas_of(const std::string& shard) const {
    auto own = shard_replicas.find(shard);
    return own == shard_replicas.end() ? replicas : std::optional(own->second);
  }
  bool operator==(const Wanted&) const = default;
};

// What the holder sees and did, in the form
//   {"generation":5,"formed":true,"slots_assigned":16384,"slots_served":16384,
//    "shards":{"p1":{"primary":"POD","slots":5461,"replicas_in_sync":1}},"drained":["p4"],
//    "doing":"moving 120 slots from p1 to p4","problems":[{"code":"…","shard":"p1","text":"…"}],
//    "outcomes":[{"n":17,"what":"…","why":"…","ok":true,"text":"…"}]}
struct Report {
  struct Shard {
    std::string primary;  // pod; empty: none that answers
    int64_t slots = 0;    // sharded mode
    int replicas_in_sync = 0;

    bool operator==(const Shard&) const = default;
  };
  struct Problem {
    std::string code;   // "no_primary"; of few kinds
    std::string shard;  // empty: of the cluster
    std::string text;   // for people

    bool operator==(const Problem&) const = default;
  };
  struct Outcome {
    int64_t n = 0;     // counts on and on, through changes of the holder
    std::string what;  // the step, for people
    std::string why;
    bool ok = false;
    std::string text;  // what went wrong

    bool operator==(const Outcome&) const = default;
  };

  int64_t generation = 0;  // of the Wanted that it was last planned with; 0: without one
  bool formed = false;     // the cluster has been made
  int64_t slots_assigned = 0;
  int64_t slots_served = 0;             // their owner answers
  std::map<std::string, Shard> shards;  // by name
  std::vector<std::string> drained;     // shards that are not wanted and own nothing any more
  std::string doing;                    // for people; empty: nothing
  std::vector<Problem> problems;        // the gravest first
  std::vector<Outcome> outcomes;        // the oldest first

  bool operator==(const Report&) const = default;
};

// kCorrupt: it is not of that form or too large; names annotation and field.
Result<Wanted> parse_wanted(std::string_view json);
Result<Report> parse_report(std::string_view json);

// On one line.
std::string wanted_json(const Wanted& wanted);

// On one line, of kMaxReportBytes at most: texts are cut, and of what is still too much the oldest outcomes
// go first, then the last problems, then the last shards. What it gives is read back as it is.
std::string report_json(const Report& report);

}  // namespace keyway::platform::kubernetes
