// What commands of the cluster tool found, planned and did, as lines for people in Keyway's own style. Pure;
// any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/cluster/request.h"
#include "cli/terminal.h"

namespace keyway::cli {

using Lines = std::vector<std::string>;

// The table of moves, their sum and the estimated time, and keys that are too big for the budget.
Lines plan_lines(const admin::MovePlan& plan, const Terminal& terminal);

// How a move ended.
Lines move_lines(const admin::MoveResult& result, const Terminal& terminal);

// Which node becomes what.
Lines placement_lines(const cluster::Placement& placement, const Terminal& terminal);
Lines create_lines(const admin::CreateResult& result);

// All nodes, then the findings with their remedies. `seed` as the user named it.
Lines check_lines(const admin::CheckResult& result, std::string_view seed, const Terminal& terminal);
Lines finding_lines(const std::vector<cluster::Finding>& findings, const Terminal& terminal);
// What was done was told when it was done.
Lines fix_lines(const admin::FixResult& result, bool dry_run, const Terminal& terminal);

Lines info_lines(const admin::ClusterInfo& info, const Terminal& terminal);

Lines add_node_lines(const admin::AddNodeOptions& options, const admin::AddNodeResult& result);
Lines del_node_lines(const admin::DelNodeResult& result);

// "ADDRESS: reply"; a reply of several lines stands indented below its address.
Lines reply_lines(const std::vector<admin::NodeReply>& replies, const Terminal& terminal);
Lines set_timeout_lines(const std::vector<admin::NodeReply>& replies, int64_t timeout_ms,
                        const Terminal& terminal);

Lines import_lines(const admin::ImportResult& result, const Terminal& terminal);
Lines backup_lines(const admin::BackupResult& result, const std::string& folder, const Terminal& terminal);

// Whether the node did not answer, or answered with an error.
bool failed(const admin::NodeReply& reply);

// A reply as redis-cli shows it when its output is no terminal: elements a line each. Control characters
// stay.
std::string plain_reply(const resp::Reply& reply);

// "1.2 MiB", or "?" if it is not known (-1).
std::string bytes_or_unknown(int64_t size_bytes);

}  // namespace keyway::cli
