// The same as views.h as JSON; docs/cluster.md has the fields. Each writes fields into the object that is
// open. Pure; any thread.
#pragma once

#include "base/json_text.h"
#include "cli/cluster/request.h"

namespace keyway::cli {

void write_plan(JsonText& json, const admin::MovePlan& plan);
void write_move(JsonText& json, const admin::MoveResult& result);
void write_create(JsonText& json, const admin::CreateResult& result);
void write_check(JsonText& json, const admin::CheckResult& result);
void write_fix(JsonText& json, const admin::FixResult& result);
void write_info(JsonText& json, const admin::ClusterInfo& info);
void write_add_node(JsonText& json, const admin::AddNodeResult& result);
void write_del_node(JsonText& json, const admin::DelNodeResult& result);
void write_replies(JsonText& json, const std::vector<admin::NodeReply>& replies);
void write_import(JsonText& json, const admin::ImportResult& result);
void write_backup(JsonText& json, const admin::BackupResult& result);
void write_texts(JsonText& json, std::string_view name, const std::vector<std::string>& texts);

}  // namespace keyway::cli
