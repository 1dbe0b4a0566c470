// The same as views.h in the lines of `redis-cli --cluster` (7.0) and redis-trib, for scripts that look for
// them. Pure; any thread.
#pragma once

#include "cli/cluster/summary.h"
#include "cli/cluster/views.h"

namespace keyway::cli {

// ">>> text", "[OK] text", "[WARNING] text", "[ERR] text" in their colours.
std::string classic_title(std::string_view text, const Terminal& terminal);
std::string classic_ok(std::string_view text, const Terminal& terminal);
std::string classic_warning(std::string_view text, const Terminal& terminal);
std::string classic_error(std::string_view text, const Terminal& terminal);

// "M: ID host:port", "   slots:[0-5460] (5461 slots) master", …
Lines classic_node_lines(const NodeSummary& node);

// "host:port (id...) -> N keys | N slots | N slaves." and the sums.
Lines classic_totals_lines(const std::vector<NodeSummary>& nodes, const Terminal& terminal);

// All of what `--cluster check` prints after that.
Lines classic_check_lines(const admin::CheckResult& result, const std::string& seed,
                          const Terminal& terminal);

Lines classic_info_lines(const admin::ClusterInfo& info, const Terminal& terminal);
Lines classic_placement_lines(const admin::CreateOptions& options, const cluster::Placement& placement,
                              const Terminal& terminal);

// "Ready to move N slots.", sources, destination and the moves.
Lines classic_reshard_lines(const admin::MovePlan& plan, const std::vector<NodeSummary>& nodes,
                            const Terminal& terminal);
// "Moving N slots from A to B".
Lines classic_rebalance_lines(const admin::MovePlan& plan, const Terminal& terminal);

Lines classic_reply_lines(const std::vector<admin::NodeReply>& replies);
Lines classic_set_timeout_lines(const std::vector<admin::NodeReply>& replies, const Terminal& terminal);

}  // namespace keyway::cli
