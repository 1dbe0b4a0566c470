// What a restore did, for people and as JSON. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "admin/restore.h"
#include "base/json_text.h"

namespace keyway::cli {

std::vector<std::string> restore_lines(const admin::RestoreResult& result, bool dry_run);
// Fields into the object that is open; docs/restore.md has them.
void write_restore(JsonText& json, const admin::RestoreResult& result, bool dry_run);

}  // namespace keyway::cli
