// keyway backup ls and show
#include <algorithm>

#include "backup/catalog.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/backup_actions.h"
#include "cli/table.h"
#include "platform/kubernetes/time_text.h"

namespace keyway::cli {

namespace {

// A backup with what it says of itself, or why that cannot be read.
struct Listed {
  backup::StoredBackup stored;
  Result<backup::Manifest> manifest;
  std::optional<backup::Verification> verification;  // of the last try to restore it
};

// What cannot be read of a verification counts as none.
Listed load(backup::Store& store, backup::StoredBackup stored) {
  auto manifest = backup::load_manifest(store, stored.cluster, stored.id);
  std::optional<backup::Verification> verification;
  bool tried = std::ranges::any_of(stored.objects, [](const backup::ObjectInfo& object) {
    return object.name.ends_with("/" + std::string(backup::kVerifiedName));
  });
  if (tried) {
    auto loaded = backup::load_verification(store, stored.cluster, stored.id);
    if (loaded) verification = std::move(*loaded);
  }
  return {std::move(stored), std::move(manifest), std::move(verification)};
}

Cell verification_cell(const Listed& listed) {
  if (!listed.verification) return {};
  std::string at = platform::kubernetes::time_text_s(listed.verification->at_ms / 1000);
  return listed.verification->good ? Cell{at, Style::kGood} : Cell{"failed " + at, Style::kBad};
}

struct Totals {
  int64_t keys = 0;  // -1: not known of each shard
  int64_t raw_bytes = 0;
  int64_t stored_bytes = 0;
};

Totals totals_of(const backup::Manifest& manifest) {
  Totals totals;
  for (const backup::BackedUpShard& shard : manifest.shards) {
    totals.keys = shard.keys < 0 || totals.keys < 0 ? -1 : totals.keys + shard.keys;
    totals.raw_bytes += shard.sums.raw_bytes;
    totals.stored_bytes += shard.sums.stored_bytes;
  }
  return totals;
}

std::string count_text(int64_t count) { return count < 0 ? "?" : std::to_string(count); }

void add_row(Table& table, const Listed& listed) {
  const backup::StoredBackup& stored = listed.stored;
  if (!listed.manifest) {
    Cell state = stored.complete ? Cell{"damaged", Style::kBad} : Cell{"unfinished", Style::kFaint};
    table.add({{stored.cluster}, {stored.id}, state, {}, {}, {}, {human_bytes(stored.size_bytes)}});
    return;
  }
  const backup::Manifest& manifest = *listed.manifest;
  Totals totals = totals_of(manifest);
  table.add({{stored.cluster},
             {stored.id},
             {"complete", Style::kGood},
             {std::to_string(manifest.shards.size())},
             {count_text(totals.keys)},
             {human_bytes(totals.raw_bytes)},
             {human_bytes(totals.stored_bytes)},
             {manifest.encrypted ? "yes" : ""},
             verification_cell(listed)});
}

void write_listed(JsonText& json, const Listed& listed) {
  json.open_object();
  json.text("cluster", listed.stored.cluster);
  json.text("id", listed.stored.id);
  json.text("state", listed.manifest ? "complete" : listed.stored.complete ? "damaged" : "unfinished");
  json.number("stored_size_bytes", listed.stored.size_bytes);
  if (listed.manifest) {
    Totals totals = totals_of(*listed.manifest);
    json.number("shards", static_cast<int64_t>(listed.manifest->shards.size()));
    json.number("keys", totals.keys);
    json.number("raw_size_bytes", totals.raw_bytes);
    json.boolean("encrypted", listed.manifest->encrypted);
  } else if (listed.stored.complete) {
    json.text("error", listed.manifest.error().message);
  }
  if (listed.verification) {
    json.open_object("verification");
    json.boolean("good", listed.verification->good);
    json.text("at", platform::kubernetes::time_text_s(listed.verification->at_ms / 1000));
    json.text("text", listed.verification->text);
    json.close();
  }
  json.close();
}

void show_shards(const backup::Manifest& manifest, Output& output) {
  Table table({{"SHARD"},
               {"SLOTS", false, 3},
               {"KEYS", true},
               {"SIZE", true},
               {"STORED", true},
               {"FROM", false, 2},
               {"ROLE", false, 2},
               {"VERSION", false, 1},
               {"OFFSET", true, 4}});
  for (const backup::BackedUpShard& shard : manifest.shards) {
    table.add({{shard.name},
               {cluster::to_string(shard.slots)},
               {count_text(shard.keys)},
               {human_bytes(shard.sums.raw_bytes)},
               {human_bytes(shard.sums.stored_bytes)},
               {shard.node},
               {shard.from_replica ? "replica" : "primary"},
               {fmt::format("{} {}", to_string(shard.engine), shard.server_version)},
               {count_text(shard.offset)}});
  }
  output.print_lines(table.render(output.out()));
}

}  // namespace

Outcome run_backup(const BackupList&, const BackupCommand& command, Context& context) {
  Result<std::unique_ptr<backup::Store>> store = open_place(command);
  if (!store) return fail(store.error());
  Result<std::vector<backup::StoredBackup>> backups = backup::list_backups(**store, command.cluster);
  if (!backups) return fail(backups.error());
  JsonText json;
  json.open_object();
  json.open_array("backups");
  Table table({{"CLUSTER"},
               {"ID"},
               {"STATE"},
               {"SHARDS", true, 3},
               {"KEYS", true, 2},
               {"SIZE", true, 2},
               {"STORED", true, 1},
               {"ENCRYPTED", false, 4},
               {"VERIFIED", false, 3}});
  for (backup::StoredBackup& stored : *backups) {
    Listed listed = load(**store, std::move(stored));
    add_row(table, listed);
    write_listed(json, listed);
  }
  json.close();
  json.close();
  if (context.output.json()) {
    context.output.print(json.take());
  } else if (backups->empty()) {
    context.output.note(fmt::format("there are no backups at {}", (*store)->url()));
  } else {
    context.output.print_lines(table.render(context.output.out()));
  }
  return kExitDone;
}

Outcome run_backup(const BackupShow& show, const BackupCommand& command, Context& context) {
  Result<std::unique_ptr<backup::Store>> store = open_place(command);
  if (!store) return fail(store.error());
  Result<backup::StoredBackup> found = backup::find_backup(**store, command.cluster, show.id);
  if (!found) return fail(found.error());
  Listed listed = load(**store, std::move(*found));
  if (!listed.manifest) return fail(listed.manifest.error());
  const backup::Manifest& manifest = *listed.manifest;
  if (context.output.json()) {
    context.output.print(to_json(manifest));
    return kExitDone;
  }
  std::string verified = "never verified";
  if (listed.verification) {
    verified = fmt::format("{} {}: {}", listed.verification->good ? "verified" : "verify failed",
                           platform::kubernetes::time_text_s(listed.verification->at_ms / 1000),
                           listed.verification->text);
  }
  context.output.print(fmt::format(
      "{} of {}, {}{}\ntaken {} to {} by Keyway {}\n{}\n\n", manifest.id, manifest.cluster,
      to_string(manifest.mode), manifest.encrypted ? ", encrypted" : "",
      platform::kubernetes::time_text_s(manifest.begun_ms / 1000),
      platform::kubernetes::time_text_s(manifest.ended_ms / 1000), manifest.tool_version, verified));
  show_shards(manifest, context.output);
  return kExitDone;
}

}  // namespace keyway::cli
