// keyway backup prune and key, and what the sub-commands share
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "backup/catalog.h"
#include "backup/prune.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/backup_actions.h"
#include "cli/cluster/interruption.h"
#include "platform/local/files.h"

namespace keyway::cli {

namespace {

void print_json(const std::vector<backup::Pruned>& pruned, bool dry_run, Output& output) {
  JsonText json;
  json.open_object();
  json.boolean("dry_run", dry_run);
  json.open_array("backups");
  for (const backup::Pruned& each : pruned) {
    json.open_object();
    json.text("cluster", each.cluster);
    json.text("id", each.id);
    json.text("state", each.keep ? "kept" : dry_run ? "would be deleted" : "deleted");
    json.text("why", each.why);
    json.number("stored_size_bytes", each.size_bytes);
    json.close();
  }
  json.close();
  json.close();
  output.print(json.take());
}

}  // namespace

Outcome run_backup(const BackupPrune& prune, const BackupCommand& command, Context& context) {
  Result<std::unique_ptr<backup::Store>> store = open_place(command);
  if (!store) return fail(store.error());
  Result<std::vector<backup::Pruned>> pruned =
      backup::prune(**store, command.cluster, prune.retention, prune.dry_run, wall_ms());
  if (!pruned) return fail(pruned.error());
  if (context.output.json()) {
    print_json(*pruned, prune.dry_run, context.output);
    return kExitDone;
  }
  int64_t freed_bytes = 0;
  int64_t count = 0;
  for (const backup::Pruned& each : *pruned) {
    std::string_view what = each.keep ? "keep" : prune.dry_run ? "would delete" : "deleted";
    context.output.print(
        fmt::format("{} {}/{}{}{}\n", what, each.cluster, each.id, each.why.empty() ? "" : ": ", each.why));
    freed_bytes += each.keep ? 0 : each.size_bytes;
    count += each.keep ? 0 : 1;
  }
  context.output.print(fmt::format("{} {}, {}.\n", prune.dry_run ? "Would delete" : "Deleted",
                                   count_of(count, "backup"), human_bytes(freed_bytes)));
  return kExitDone;
}

Outcome run_backup(const BackupKey& key, const BackupCommand&, Context& context) {
  platform::local::Fd fd(::open(key.file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd && errno == EEXIST) {
    return fail(
        ErrorCode::kAlreadyExists,
        fmt::format("{} exists; backups that were made with the key in it would be lost with it", key.file));
  }
  std::string text = backup::EncryptionKey::random().to_text();
  bool written = fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                 ::fsync(fd.get()) == 0;
  if (!written) return fail(platform::local::file_error(errno, "write " + key.file));
  context.output.note(fmt::format(
      "made a key in {}; keep a copy in another place: without it, what is encrypted with it is lost",
      key.file));
  return kExitDone;
}

Result<std::unique_ptr<backup::Store>> open_place(const BackupCommand& command) {
  return backup::open_store(command.url, {.s3 = command.s3, .interrupted = Interruption::seen});
}

Result<std::optional<backup::EncryptionKey>> key_of(const BackupCommand& command) {
  if (command.key_file.empty()) return std::nullopt;
  Result<backup::EncryptionKey> key = backup::read_key_file(command.key_file);
  if (!key) return fail(key.error());
  return *key;
}

Outcome run(const BackupCommand& command, Context& context) {
  return std::visit([&](const auto& request) { return run_backup(request, command, context); },
                    command.request);
}

}  // namespace keyway::cli
