// keyway backup verify
#include <csignal>

#include "backup/verify.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/backup_actions.h"
#include "cli/cluster/interruption.h"
#include "cli/cluster/reporter.h"
#include "cli/spec_source.h"
#include "cli/table.h"

namespace keyway::cli {

namespace {

namespace local = platform::local;

// The program that the cluster ran, if it is here; else what is installed of its kind.
Result<local::EngineProgram> find_engine_for(const BackupVerify& verify, const backup::Manifest& manifest,
                                             cluster::EngineKind kind) {
  cluster::EngineSpec wanted;
  wanted.kind = kind;
  if (!verify.engine.empty()) return local::find_engine(engine_named(verify.engine, wanted));
  if (!manifest.spec.empty()) {
    Result<cluster::Spec> spec = cluster::parse_spec(manifest.spec, "the spec of the backup");
    if (spec && spec->engine.kind == kind && !spec->engine.path.empty()) {
      Result<local::EngineProgram> own = local::find_engine(spec->engine);
      if (own) return own;
    }
  }
  Result<local::EngineProgram> found = local::find_engine(wanted);
  if (found || found.error().code != ErrorCode::kNotFound) return found;
  return fail(
      ErrorCode::kNotFound,
      fmt::format("there is no {}-server on this machine to try it with ($PATH); name one with --engine",
                  to_string(kind)));
}

void print_json(const backup::Manifest& manifest, const backup::VerifyResult& result, Output& output) {
  JsonText json;
  json.open_object();
  json.text("cluster", manifest.cluster);
  json.text("id", manifest.id);
  json.boolean("good", result.verification.good);
  json.text("text", result.verification.text);
  json.open_array("shards");
  for (const backup::VerifiedShard& shard : result.shards) {
    json.open_object();
    json.text("name", shard.name);
    json.boolean("good", shard.problem.empty());
    if (!shard.problem.empty()) json.text("problem", shard.problem);
    json.text("engine", shard.engine);
    json.number("keys", shard.keys);
    json.number("expired", shard.expired);
    json.number("functions", shard.functions);
    json.number("values_compared", shard.compared);
    json.number("raw_size_bytes", shard.raw_bytes);
    json.open_object("by_type");
    for (const auto& [type, count] : shard.by_type) json.number(type, count);
    json.close();
    json.number("elapsed_ms", shard.elapsed_ms);
    json.close();
  }
  json.close();
  json.close();
  output.print(json.take());
}

Table table_of(const backup::VerifyResult& result) {
  Table table({{"SHARD"},
               {"STATE"},
               {"KEYS", true},
               {"EXPIRED", true, 2},
               {"LIBRARIES", true, 4},
               {"VALUES COMPARED", true, 3},
               {"SIZE", true, 1},
               {"TIME", true, 1},
               {"SERVER", false, 2}});
  for (const backup::VerifiedShard& shard : result.shards) {
    table.add({{shard.name},
               shard.problem.empty() ? Cell{"good", Style::kGood} : Cell{"bad", Style::kBad},
               {std::to_string(shard.keys)},
               {std::to_string(shard.expired)},
               {std::to_string(shard.functions)},
               {std::to_string(shard.compared)},
               {human_bytes(shard.raw_bytes)},
               {human_duration(shard.elapsed_ms)},
               {shard.engine}});
  }
  return table;
}

}  // namespace

Outcome verify_backup(const BackupVerify& verify, const BackupCommand& command,
                      const backup::Manifest& manifest, bool report_json, Context& context) {
  Result<std::optional<backup::EncryptionKey>> key = key_of(command);
  if (!key) return fail(key.error());
  Result<std::unique_ptr<backup::Store>> store = open_place(command);
  if (!store) return fail(store.error());
  std::string name = backup::folder_of(manifest.cluster, manifest.id);
  ToolReporter reporter(context.output, Spelling::kOwn, /*yes=*/false);
  backup::VerifyOptions options{
      .key = *key,
      .scratch = verify.scratch,
      .tool_version = KEYWAY_VERSION,
      .find_engine = [&](cluster::EngineKind kind) { return find_engine_for(verify, manifest, kind); },
      .interrupted = Interruption::seen};
  Result<backup::VerifyResult> result = backup::verify(**store, manifest, options, reporter);
  if (!result && Interruption::seen()) {
    return tl::unexpected(Failure(
        {result.error().code, fmt::format("interrupted: nothing is known of {}", name)}, kExitInterrupted));
  }
  if (!result) {
    return fail(result.error().code,
                fmt::format("{} could not be verified: {}", name, result.error().message));
  }
  bool good = result->verification.good;
  Status kept = backup::keep_verification(**store, manifest, result->verification);
  reporter.say(table_of(*result).render(context.output.out()));
  if (!kept) {
    return fail(kept.error().code, fmt::format("{} is {}, but that cannot be kept beside it: {}", name,
                                               good ? "good" : "bad", kept.error().message));
  }
  if (good) reporter.say({fmt::format("{} is good: {}.", name, result->verification.text)});
  if (context.output.json() && report_json) {
    print_json(manifest, *result, context.output);
    return good ? kExitDone : kExitFailed;
  }
  if (good) return kExitDone;
  return fail(ErrorCode::kCorrupt, fmt::format("{} is bad: {}", name, result->verification.text));
}

Outcome run_backup(const BackupVerify& verify, const BackupCommand& command, Context& context) {
  std::signal(SIGPIPE, SIG_IGN);  // a terminal that goes away must not leave a server behind
  Interruption interruption;
  Result<std::unique_ptr<backup::Store>> store = open_place(command);
  if (!store) return fail(store.error());
  Result<backup::StoredBackup> found = backup::find_backup(**store, command.cluster, verify.id);
  if (!found) return fail(found.error());
  Result<backup::Manifest> manifest = backup::load_manifest(**store, found->cluster, found->id);
  if (!manifest) return fail(manifest.error());
  return verify_backup(verify, command, *manifest, /*report_json=*/true, context);
}

}  // namespace keyway::cli
