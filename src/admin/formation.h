// Makes running servers one cluster as a placement says. It works from what it observes: each round looks at
// all servers and tells each what it still lacks, so that a formation that was cut off is finished by
// another. One thread; as long as one `create`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "admin/introduce.h"
#include "admin/session.h"
#include "cluster/placement.h"

namespace keyway::admin {

class Formation {
 public:
  // `observed` has exactly the nodes of the placement, which names them by NodeFacts::name, just looked at.
  Formation(Session& session, cluster::Observed observed, const cluster::Placement& placement);

  // What speaks against it: nodes that are something else already than the placement wants. Empty: nothing.
  std::vector<Error> contradictions() const;

  // Until every node agrees, every replica is in sync and every shard has taken a write. Errors: those that
  // waiting does not heal; kTimeout with what is missing, by node. Returns without an error also when the
  // session was interrupted.
  Status run(int64_t timeout_ms);

 private:
  // What one node shall be.
  struct Part {
    size_t node = 0;     // index into observed_
    size_t primary = 0;  // of a replica: likewise; itself: it is a primary
    cluster::SlotRanges slots;
    int number = 0;  // its first config epoch
  };

  const cluster::NodeFacts& node(const Part& part) const { return observed_.nodes[part.node]; }
  const std::string& primary_id(const Part& part) const;
  bool is_replica(const Part& part) const { return part.primary != part.node; }

  Status form(int64_t timeout_ms);
  void look();
  Status round();
  Status tell();
  std::vector<resp::Command> lacking(const Part& part) const;
  void list_missing();
  std::string lack_of(const Part& part) const;
  bool probe();
  Error too_late(int64_t timeout_ms) const;

  Session& session_;
  cluster::Observed observed_;
  std::vector<Part> parts_;
  Introducer introducer_;
  std::vector<ViewGap> gaps_;               // as of the last look
  std::vector<std::string> missing_;        // as of the last look, the most telling first
  std::map<Address, std::string> trouble_;  // what a node last refused
};

}  // namespace keyway::admin
