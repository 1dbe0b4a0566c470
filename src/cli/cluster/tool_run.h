// One command of the cluster tool, carried out: calls the admin function and shows what came of it. Lives as
// long as the command. Main thread.
#pragma once

#include <string>

#include "admin/session.h"
#include "base/json_text.h"
#include "cli/cluster/access.h"
#include "cli/cluster/reporter.h"
#include "cli/cluster/request.h"
#include "cli/commands.h"

namespace keyway::cli {

class ToolRun {
 public:
  // What is given outlives it.
  ToolRun(const ToolInvocation& tool, Context& context, const Reached& reached, ToolReporter& reporter);

  Outcome run();

 private:
  // Each shows its result, as lines or into json_, and gives the exit code.
  Result<int> run_request(admin::CreateOptions options);
  Result<int> run_request(const admin::CheckOptions& options);
  Result<int> run_request(const admin::FixOptions& options);
  Result<int> run_request(const InfoRequest& request);
  Result<int> run_request(ReshardRequest request);
  Result<int> run_request(admin::RebalanceOptions options);
  Result<int> run_request(const admin::AddNodeOptions& options);
  Result<int> run_request(const admin::DelNodeOptions& options);
  Result<int> run_request(const CallRequest& request);
  Result<int> run_request(const SetTimeoutRequest& request);
  Result<int> run_request(const ImportRequest& request);
  Result<int> run_request(const admin::BackupOptions& options);

  bool classic() const { return tool_.spelling != Spelling::kOwn; }
  const Terminal& terminal() const;
  const Address& seed() const { return reached_.address; }
  // The seed as the user named it.
  std::string seed_text() const;
  // The check that redis-cli makes and shows before and after whatever it does.
  Result<admin::CheckResult> classic_check();
  int finish_move(const admin::MoveResult& result);
  Outcome failure(const Error& error);
  void print_json();

  const ToolInvocation& tool_;
  Context& context_;
  const Reached& reached_;
  ToolReporter& reporter_;
  std::unique_ptr<engine::Servers> servers_;
  admin::Session session_;
  JsonText json_;
};

}  // namespace keyway::cli
