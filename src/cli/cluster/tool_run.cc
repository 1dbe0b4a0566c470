#include "cli/cluster/tool_run.h"

#include <csignal>

#include "base/format.h"
#include "cli/cluster/classic_views.h"
#include "cli/cluster/interruption.h"
#include "cli/cluster/json_views.h"
#include "platform/local/paths.h"

namespace keyway::cli {

namespace {

constexpr std::string_view kVisiblePassword =
    "a password on the command line can be seen by every user of this machine; put it into KEYWAY_PASSWORD "
    "or a "
    "file (--password-file), or be asked for it (--askpass)";

// Beside the local clusters, for commands that move slots. Where no folder can be made, none is kept.
std::string journal_folder(const ToolRequest& request) {
  const auto* reshard = std::get_if<ReshardRequest>(&request);
  const auto* rebalance = std::get_if<admin::RebalanceOptions>(&request);
  const auto* del_node = std::get_if<admin::DelNodeOptions>(&request);
  bool moves = (reshard != nullptr && !reshard->options.change.dry_run) ||
               (rebalance != nullptr && !rebalance->change.dry_run) ||
               (del_node != nullptr && del_node->drain);
  if (!moves) return "";
  Result<std::string> home = platform::local::find_home();
  if (!home) return "";
  std::string folder = *home + "/moves";
  return platform::local::make_private_folder(folder) ? folder : "";
}

// Whether the command changes what a supervisor keeps as it is.
bool changes_cluster(const ToolRequest& request) {
  return std::holds_alternative<ReshardRequest>(request) ||
         std::holds_alternative<admin::RebalanceOptions>(request) ||
         std::holds_alternative<admin::AddNodeOptions>(request) ||
         std::holds_alternative<admin::DelNodeOptions>(request);
}

bool password_is_visible(const ToolInvocation& tool) {
  const auto* import = std::get_if<ImportRequest>(&tool.request);
  return tool.access.warn_of_password &&
         (tool.access.login.password || (import != nullptr && import->login.password));
}

}  // namespace

ToolRun::ToolRun(const ToolInvocation& tool, Context& context, const Reached& reached, ToolReporter& reporter)
    : tool_(tool),
      context_(context),
      reached_(reached),
      reporter_(reporter),
      servers_(make_servers(reached)),
      session_{.servers = *servers_,
               .connect = [&reached] { return make_servers(reached); },
               .reporter = reporter,
               .interrupted = Interruption::seen,
               .user = reached.account.user,
               .password = reached.account.password,
               .reach = tool.access.reach,
               .timeout_ms = tool.access.timeout_ms,
               .journal_folder = journal_folder(tool.request)} {}

const Terminal& ToolRun::terminal() const { return context_.output.out(); }

std::string ToolRun::seed_text() const {
  return tool_.seed.cluster.empty() ? to_string(reached_.address) : tool_.seed.cluster;
}

void ToolRun::print_json() {
  write_texts(json_, "notes", reporter_.notes());
  write_texts(json_, "warnings", reporter_.warnings());
  json_.close();
  context_.output.print(json_.take());
}

// redis-cli tells on standard output what went wrong.
Outcome ToolRun::failure(const Error& error) {
  Failure failure = Interruption::seen() ? Failure(error, kExitInterrupted) : Failure(error);
  if (!classic() || context_.output.json()) return tl::unexpected(failure);
  reporter_.say({classic_error(printable(error.message), terminal())});
  return failure.exit_code;
}

Outcome ToolRun::run() {
  if (reached_.supervisor_pid != 0 && changes_cluster(tool_.request)) {
    reporter_.warn(
        fmt::format("the supervisor of \"{}\" keeps it as its spec says, and will undo what differs; "
                    "`keyway scale` changes both",
                    tool_.seed.cluster));
  }
  json_.open_object();
  Result<int> code = std::visit([this](const auto& request) { return run_request(request); }, tool_.request);
  if (!code) return failure(code.error());
  if (context_.output.json()) print_json();
  if (Interruption::seen()) return kExitInterrupted;
  // What a refused question leaves to be mended is a finding, and told as one.
  if (!reporter_.refused() || *code != kExitDone) return *code;
  context_.output.note("nothing was changed");
  return kExitFailed;
}

Outcome run(const ToolInvocation& tool, Context& context) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away must not stop a move halfway
  for (const std::string& remark : tool.remarks) context.output.note(remark);
  if (password_is_visible(tool)) context.output.note(kVisiblePassword);
  Interruption interruption;
  Result<Reached> reached =
      reach(tool.seed, tool.access.login, tool.access.tls, tool.access.timeout_ms, context.home);
  if (!reached && Interruption::seen()) return kExitInterrupted;
  if (!reached) return fail(reached.error());
  bool fix = std::holds_alternative<admin::FixOptions>(tool.request);
  ToolReporter reporter(context.output, tool.spelling, tool.yes, fix ? "--yes, or --prefer NODE," : "--yes");
  return ToolRun(tool, context, *reached, reporter).run();
}

}  // namespace keyway::cli
