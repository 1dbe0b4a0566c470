// check and fix.
#pragma once

#include "admin/session.h"
#include "cluster/diagnosis.h"

namespace keyway::admin {

struct CheckOptions {
  bool search_keys = false;  // count the keys of every slot on every primary, to find those nobody can see
  // Views that differ only because news is still on its way are no finding: so long it may take.
  int64_t settle_timeout_ms = 3000;
};

struct CheckResult {
  cluster::Observed observed;
  cluster::KeyCounts
      keys;  // of the slots that are not in order; with `search_keys`, of those that hold strays
  std::vector<cluster::Finding> findings;
  std::vector<std::string> uncounted;  // "127.0.0.1:7001 did not answer …": their keys are not in `keys`
};

// Looks again as long as what it sees may be news that is still on its way, and tells what it saw last.
Result<CheckResult> check(Session& session, const Address& seed, const CheckOptions& options);

struct FixOptions {
  CheckOptions check = {};
  bool dry_run = false;
  bool yes = false;
  // Give the slots of primaries that are gone and have no replica left to others: their keys are lost.
  bool with_unreachable_primaries = false;
  // Where two nodes hold a key with different values: the node whose value stays. Empty: ask.
  std::string prefer = {};
};

struct FixResult {
  CheckResult before;
  CheckResult after;
  std::vector<std::string> done;  // a sentence each
  int64_t keys_moved = 0;
  bool interrupted = false;
};

// Mends what `check` finds, the most dangerous first, looking again after each step, until nothing is left
// that it can mend. No key is lost without consent.
Result<FixResult> fix(Session& session, const Address& seed, const FixOptions& options);

}  // namespace keyway::admin
