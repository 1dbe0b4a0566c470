// Mends the file in which a server of a sharded cluster keeps its node table (nodes.conf), before the server
// is started: pods come back with other addresses, and a write that was cut short leaves a torn last line,
// with which a server refuses to start. Nodes are told apart by id, never by address. Pure; any thread.
// Format: see engine/node_table.h and engine/cluster_nodes.cc.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/error.h"

namespace keyway::agent {

struct TableRepair {
  std::string text;        // what the file shall hold; empty: there is nothing to keep, let the file go
  std::string id;          // the server's own; empty: it has none yet
  bool primary = false;    // what the server will wake up as
  bool has_slots = false;  // and whether it owns slots then
  std::string primary_id;  // of a replica
  int readdressed = 0;     // lines that got another address
  bool torn = false;       // a line that was cut short was dropped
  bool changed = false;    // `text` differs from what was there
};

// `addresses` are the present ones by id; `own` is the server's own, whatever its id. kCorrupt: no line of it
// is the server's own, or a line before the last cannot be read; such a file tells nothing to rely on.
Result<TableRepair> repair_table(std::string_view text, const Address& own,
                                 const std::map<std::string, Address>& addresses);

}  // namespace keyway::agent
