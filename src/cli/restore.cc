// keyway restore: finds what is to be restored, makes the cluster if there is none, and writes the keys.
#include "admin/restore.h"

#include <csignal>

#include "base/format.h"
#include "cli/cluster/access.h"
#include "cli/cluster/interruption.h"
#include "cli/cluster/json_views.h"
#include "cli/cluster/reporter.h"
#include "cli/clusters.h"
#include "cli/commands.h"
#include "cli/restore_source.h"
#include "cli/restore_view.h"
#include "cli/spec_source.h"

namespace keyway::cli {

namespace {

constexpr int64_t kAnswerTimeoutMs = 5000;

Result<cluster::Spec> spec_of(const RestoreSource& source, const std::string& name, const SpecFlags& flags) {
  if (!source.manifest || source.manifest->spec.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no cluster \"{}\", and {} does not say how to make it: `keyway up {} "
                            "--detach` first",
                            name, source.name, name));
  }
  Result<cluster::Spec> spec = cluster::parse_spec(source.manifest->spec, source.name);
  if (!spec) return fail(spec.error());
  spec->name = name;
  // Shards that the spec lists by name are those of the cluster that was; another number needs other ones.
  if (flags.shards) spec->partitions_named = false;
  return new_spec(name, *spec, flags);
}

// True: the cluster was made.
Result<bool> make_if_missing(const RestoreCommand& command, const RestoreSource& source, Context& context) {
  const std::string& name = command.target.cluster;
  if (name.empty()) return false;
  Result<platform::local::ClusterEntry> entry = find_cluster(context.home, name);
  if (entry) return false;
  if (entry.error().code != ErrorCode::kNotFound) return fail(entry.error());
  Result<cluster::Spec> spec = spec_of(source, name, command.flags);
  if (!spec) return fail(spec.error());
  if (command.dry_run)
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no cluster \"{}\" yet; without --dry-run it is made "
                            "by the spec of the backup",
                            name));
  Result<platform::local::Created> created = platform::local::create_cluster(context.home, *spec);
  if (!created && created.error().code != ErrorCode::kAlreadyExists) return fail(created.error());
  return true;
}

// The primary by now, from any thread: a record on disk and a question to each node.
std::function<Result<Address>()> primary_finder(const RestoreCommand& command, const std::string& home) {
  if (command.target.cluster.empty()) return nullptr;
  return [command, home]() -> Result<Address> {
    Result<Reached> reached = reach(command.target, command.login, command.tls, kAnswerTimeoutMs, home);
    if (!reached) return fail(reached.error());
    return reached->address;
  };
}

Outcome restore_into(const RestoreCommand& command, RestoreSource source, Context& context) {
  Interruption interruption;
  Result<Reached> reached = reach(command.target, command.login, command.tls, kAnswerTimeoutMs, context.home);
  if (!reached) return fail(reached.error());
  ToolReporter reporter(context.output, Spelling::kOwn, false);
  std::unique_ptr<engine::Servers> servers = make_servers(*reached);
  admin::Session session{.servers = *servers,
                         .connect = [&reached] { return make_servers(*reached); },
                         .reporter = reporter,
                         .interrupted = Interruption::seen,
                         .user = reached->account.user,
                         .password = reached->account.password,
                         .timeout_ms = kAnswerTimeoutMs};
  admin::RestoreOptions options{.files = std::move(source.files),
                                .source = source.name,
                                .pattern = command.pattern,
                                .database = command.database,
                                .existing = command.existing,
                                .look_first = source.can_read_twice,
                                .dry_run = command.dry_run,
                                .find_primary = primary_finder(command, context.home)};
  Result<admin::RestoreResult> result = admin::restore(session, reached->address, options);
  if (!result) {
    if (!Interruption::seen()) return fail(result.error());
    return tl::unexpected(Failure(result.error(), kExitInterrupted));
  }
  if (context.output.json()) {
    JsonText json;
    json.open_object();
    json.text("source", source.name);
    write_restore(json, *result, command.dry_run);
    write_texts(json, "warnings", reporter.warnings());
    json.close();
    context.output.print(json.take());
  }
  reporter.say(restore_lines(*result, command.dry_run));
  return result->interrupted ? kExitInterrupted : kExitDone;
}

}  // namespace

Outcome run(const RestoreCommand& command, Context& context) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away must not stop a restore halfway
  Result<RestoreSource> source = find_restore_source(command);
  if (!source) return fail(source.error());
  Result<bool> made = make_if_missing(command, *source, context);
  if (!made) return fail(made.error());
  if (*made) {
    UpCommand up;
    up.cluster = command.target.cluster;
    up.detach = true;
    up.show = false;
    Outcome started = run(up, context);
    if (!started || *started != kExitDone) return started;
  }
  return restore_into(command, std::move(*source), context);
}

}  // namespace keyway::cli
