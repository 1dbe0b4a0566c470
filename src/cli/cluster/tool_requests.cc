// What each command of the cluster tool does with its result.
#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "cli/cluster/classic_views.h"
#include "cli/cluster/json_views.h"
#include "cli/cluster/reshard_questions.h"
#include "cli/cluster/tool_run.h"
#include "cli/cluster/views.h"

namespace keyway::cli {

Result<admin::CheckResult> ToolRun::classic_check() {
  Result<admin::CheckResult> result = admin::check(session_, seed(), {});
  if (result) reporter_.say(classic_check_lines(*result, to_string(seed()), terminal()));
  return result;
}

int ToolRun::finish_move(const admin::MoveResult& result) {
  write_move(json_, result);
  if (!reporter_.refused()) reporter_.say(move_lines(result, terminal()));
  return result.interrupted ? kExitInterrupted : kExitDone;
}

Result<int> ToolRun::run_request(admin::CreateOptions options) {
  options.show_plan = [&](const cluster::Placement& placement) {
    reporter_.show(classic() ? classic_placement_lines(options, placement, terminal())
                             : placement_lines(placement, terminal()));
  };
  if (classic()) reporter_.phrase("Can I set the above configuration? (type 'yes' to accept): ");
  Result<admin::CreateResult> result = admin::create(session_, options);
  if (!result) return fail(result.error());
  write_create(json_, *result);
  if (classic() && result->carried_out && !result->interrupted) {
    Result<admin::CheckResult> check = admin::check(session_, options.nodes.front(), {});
    if (!check) return fail(check.error());
    reporter_.say(classic_check_lines(*check, to_string(options.nodes.front()), terminal()));
    return check->findings.empty() ? kExitDone : kExitFailed;
  }
  if (!reporter_.refused()) reporter_.say(create_lines(*result));
  return result->interrupted ? kExitInterrupted : kExitDone;
}

Result<int> ToolRun::run_request(const admin::CheckOptions& options) {
  Result<admin::CheckResult> result = admin::check(session_, seed(), options);
  if (!result) return fail(result.error());
  write_check(json_, *result);
  if (classic()) {
    reporter_.say(classic_totals_lines(summarize(result->observed), terminal()));
    reporter_.say(classic_check_lines(*result, to_string(seed()), terminal()));
  } else {
    reporter_.say(check_lines(*result, seed_text(), terminal()));
  }
  return result->findings.empty() ? kExitDone : kExitFailed;
}

Result<int> ToolRun::run_request(const admin::FixOptions& options) {
  Result<admin::FixResult> result = admin::fix(session_, seed(), options);
  if (!result) return fail(result.error());
  write_fix(json_, *result);
  if (classic() && !options.dry_run) {
    reporter_.say(classic_check_lines(result->after, to_string(seed()), terminal()));
  } else {
    reporter_.say(fix_lines(*result, options.dry_run, terminal()));
  }
  if (result->interrupted) return kExitInterrupted;
  return options.dry_run || result->after.findings.empty() ? kExitDone : kExitFailed;
}

Result<int> ToolRun::run_request(const InfoRequest&) {
  Result<admin::ClusterInfo> result = admin::info(session_, seed());
  if (!result) return fail(result.error());
  write_info(json_, *result);
  reporter_.say(classic() ? classic_info_lines(*result, terminal()) : info_lines(*result, terminal()));
  return kExitDone;
}

Result<int> ToolRun::run_request(ReshardRequest request) {
  std::vector<NodeSummary> nodes;
  if (classic()) {
    Result<admin::CheckResult> check = classic_check();
    if (!check) return fail(check.error());
    nodes = summarize(check->observed);
    Status complete = ask_for_missing(
        request, check->observed, [this](std::string_view question) { return reporter_.ask(question); },
        [this](const std::string& line) { reporter_.show({line}); });
    if (!complete) return fail(complete.error());
  }
  request.options.change.show_plan = [&](const admin::MovePlan& plan) {
    reporter_.show(classic() ? classic_reshard_lines(plan, nodes, terminal()) : plan_lines(plan, terminal()));
  };
  if (classic()) reporter_.phrase("Do you want to proceed with the proposed reshard plan (yes/no)? ");
  Result<admin::MoveResult> result = admin::reshard(session_, seed(), request.options);
  if (!result) return fail(result.error());
  return finish_move(*result);
}

Result<int> ToolRun::run_request(admin::RebalanceOptions options) {
  if (classic()) {
    if (Result<admin::CheckResult> check = classic_check(); !check) return fail(check.error());
  }
  options.change.show_plan = [&](const admin::MovePlan& plan) {
    if (plan.moves.empty()) return;
    reporter_.show(classic() ? classic_rebalance_lines(plan, terminal()) : plan_lines(plan, terminal()));
  };
  Result<admin::MoveResult> result = admin::rebalance(session_, seed(), options);
  if (!result) return fail(result.error());
  if (classic() && result->plan.moves.empty() && result->slots == 0) {
    reporter_.say({fmt::format("*** No rebalancing needed! All nodes are within the {:.2f}% threshold.",
                               options.threshold_percent)});
  }
  return finish_move(*result);
}

Result<int> ToolRun::run_request(const admin::AddNodeOptions& options) {
  if (classic()) {
    reporter_.say({classic_title(
        fmt::format("Adding node {} to cluster {}", to_string(options.node), to_string(seed())),
        terminal())});
  }
  Result<admin::AddNodeResult> result = admin::add_node(session_, seed(), options);
  if (!result) return fail(result.error());
  write_add_node(json_, *result);
  reporter_.say(classic() && !result->interrupted ? Lines{classic_ok("New node added correctly.", terminal())}
                                                  : add_node_lines(options, *result));
  return result->interrupted ? kExitInterrupted : kExitDone;
}

Result<int> ToolRun::run_request(const admin::DelNodeOptions& options) {
  if (classic()) {
    reporter_.say({classic_title(
        fmt::format("Removing node {} from cluster {}", options.node, to_string(seed())), terminal())});
  }
  Result<admin::DelNodeResult> result = admin::del_node(session_, seed(), options);
  if (!result) return fail(result.error());
  write_del_node(json_, *result);
  Lines lines = del_node_lines(*result);
  if (!reporter_.refused())
    reporter_.say(classic() && result->carried_out ? Lines{classic_ok(lines.front(), terminal())} : lines);
  return result->interrupted ? kExitInterrupted : kExitDone;
}

Result<int> ToolRun::run_request(const CallRequest& request) {
  if (classic())
    reporter_.say({classic_title(fmt::format("Calling {}", join(request.command, " ")), terminal())});
  Result<std::vector<admin::NodeReply>> replies =
      admin::call(session_, seed(), request.command, request.which);
  if (!replies) return fail(replies.error());
  write_replies(json_, *replies);
  reporter_.say(classic() ? classic_reply_lines(*replies) : reply_lines(*replies, terminal()));
  return std::ranges::any_of(*replies, failed) ? kExitFailed : kExitDone;
}

Result<int> ToolRun::run_request(const SetTimeoutRequest& request) {
  Result<std::vector<admin::NodeReply>> replies = admin::set_timeout(session_, seed(), request.timeout_ms);
  if (!replies) return fail(replies.error());
  write_replies(json_, *replies);
  reporter_.say(classic() ? classic_set_timeout_lines(*replies, terminal())
                          : set_timeout_lines(*replies, request.timeout_ms, terminal()));
  return std::ranges::any_of(*replies, failed) ? kExitFailed : kExitDone;
}

Result<int> ToolRun::run_request(const ImportRequest& request) {
  engine::TlsOptions tls = tool_.access.tls;
  tls.enabled = request.tls;
  Login login = request.login;
  // What the environment holds is the cluster's password; the source has its own, or none.
  bool given = login.ask || login.password || !login.password_file.empty() || !request.source.cluster.empty();
  if (!given) login.password = "";
  Result<Reached> source = reach(request.source, login, tls, tool_.access.timeout_ms, context_.home);
  if (!source) return fail(source.error());
  source->fleet.max_reply_bytes = admin::kMaxValueBytes;
  std::unique_ptr<engine::Servers> source_servers = make_servers(*source);
  admin::ImportOptions options = request.options;
  options.from = source->address;
  options.from_servers = source_servers.get();
  if (classic()) {
    reporter_.say({classic_title(
        fmt::format("Importing data from {} to cluster {}", to_string(options.from), to_string(seed())),
        terminal())});
  }
  Result<admin::ImportResult> result = admin::import(session_, seed(), options);
  if (!result) return fail(result.error());
  write_import(json_, *result);
  reporter_.say(import_lines(*result, terminal()));
  if (result->interrupted) return kExitInterrupted;
  return result->different_count > 0 ? kExitFailed : kExitDone;
}

Result<int> ToolRun::run_request(const admin::BackupOptions& request) {
  admin::BackupOptions options = request;
  options.account = reached_.account;
  options.fleet = reached_.fleet;
  Result<admin::BackupResult> result = admin::backup(session_, seed(), options);
  if (!result) return fail(result.error());
  write_backup(json_, *result);
  reporter_.say(backup_lines(*result, options.folder, terminal()));
  if (result->interrupted) return kExitInterrupted;
  if (classic())
    reporter_.say({classic_ok(fmt::format("Backup created into: {}", options.folder), terminal())});
  return kExitDone;
}

}  // namespace keyway::cli
