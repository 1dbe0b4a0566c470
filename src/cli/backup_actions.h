// The sub-commands of `keyway backup`, and what they share. Main thread, but for open_place.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/catalog.h"
#include "cli/backup_command.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "platform/local/paths.h"

namespace keyway::cli {

Outcome run_backup(const BackupCreate& create, const BackupCommand& command, Context& context);
Outcome run_backup(const BackupList& list, const BackupCommand& command, Context& context);
Outcome run_backup(const BackupShow& show, const BackupCommand& command, Context& context);
Outcome run_backup(const BackupVerify& verify, const BackupCommand& command, Context& context);
Outcome run_backup(const BackupPrune& prune, const BackupCommand& command, Context& context);
Outcome run_backup(const BackupKey& key, const BackupCommand& command, Context& context);
Outcome run_backup(const BackupSchedules& schedules, const BackupCommand& command, Context& context);

// Tries the backup, keeps the outcome beside it and tells. While an Interruption lives. `report_json`: with
// --json the outcome is what is printed; else only the exit code tells.
Outcome verify_backup(const BackupVerify& verify, const BackupCommand& command,
                      const backup::Manifest& manifest, bool report_json, Context& context);

// The store that the command names. Any thread.
Result<std::unique_ptr<backup::Store>> open_place(const BackupCommand& command);

// The key that it names; none: nothing.
Result<std::optional<backup::EncryptionKey>> key_of(const BackupCommand& command);

// For a cluster's status: how its schedules of backups do, a line for each. Reads files only.
std::vector<std::string> schedule_lines(const platform::local::SchedulePaths& paths,
                                        const Terminal& terminal);

}  // namespace keyway::cli
