// up: makes a cluster, or brings back what is on record, in the foreground or behind a supervisor that stays.
#include <unistd.h>

#include <csignal>

#include "base/format.h"
#include "base/strings.h"
#include "cli/change.h"
#include "cli/follow.h"
#include "cli/foreground.h"
#include "cli/observer.h"
#include "cli/progress.h"
#include "cli/spec_source.h"
#include "cli/status_view.h"
#include "supervisor/supervisor.h"

namespace keyway::cli {

namespace local = platform::local;

namespace {

constexpr int64_t kStartTimeoutMs = 60'000;
constexpr int64_t kStartTimeoutPerNodeMs = 2000;

void tell_warnings(const std::vector<std::string>& warnings, Output& output) {
  for (const std::string& warning : warnings) output.note(fmt::format("warning: {}", warning));
}

// An engine that is not installed is no missing cluster.
Failure not_made(Error error) {
  int code = error.code == ErrorCode::kNotFound ? kExitFailed : Failure(error).exit_code;
  return Failure(std::move(error), code);
}

Outcome make_cluster(const std::string& name, const std::optional<cluster::Spec>& document,
                     const SpecFlags& flags, Context& context) {
  Result<cluster::Spec> spec = new_spec(name, document, flags);
  if (!spec) return fail(spec.error());
  Result<local::Created> created = local::create_cluster(context.home, *spec);
  if (created) {
    tell_warnings(created->warnings, context.output);
    return kExitDone;
  }
  // Another `keyway up` of the same name was faster; then it is there, which is what was asked for.
  if (created.error().code == ErrorCode::kAlreadyExists) return kExitDone;
  return tl::unexpected(not_made(created.error()));
}

std::string user_to_show(const cluster::Spec& spec) {
  return spec.users.empty() ? "default" : spec.users.front().name;
}

int64_t start_timeout_ms(const Chosen& cluster, const UpCommand& command) {
  auto nodes = static_cast<int64_t>(cluster.state.nodes.size());
  return command.timeout_ms.value_or(kStartTimeoutMs + kStartTimeoutPerNodeMs * nodes);
}

// A cluster that runs is made what is wanted; one that is so already is waited for until it is whole.
Outcome meet_running(const Chosen& cluster, const cluster::Spec& wanted, const UpCommand& command,
                     Context& context) {
  Waiting waiting{command.timeout_ms, true};
  if (wanted != cluster.state.spec) {
    return give_order(cluster, waiting, context,
                      [&](supervisor::Client& client) { return client.apply(cluster::to_yaml(wanted)); });
  }
  waiting.timeout_ms = start_timeout_ms(cluster, command);
  if (!context.output.json())
    context.output.note(fmt::format("cluster \"{}\" is already running", cluster.name));
  return wait_until_whole(cluster, waiting, context);
}

Outcome show_started(const Chosen& cluster, int64_t took_ms, Context& context) {
  Output& output = context.output;
  if (output.json()) return print_cluster(cluster, context);
  output.print(fmt::format("Up in {}.\n\n", human_duration(took_ms)));
  Result<Observer> observer = Observer::open(context.home, cluster.name);
  if (!observer) return fail(observer.error());
  Result<Seen> seen = observer->look();
  if (!seen) return fail(seen.error());
  output.print_lines(status_lines(seen->status, output.out()));
  output.print("\n");
  output.print_lines(hint_lines(seen->status, user_to_show(cluster.state.spec), output.out()));
  return kExitDone;
}

Outcome start_detached(const Chosen& cluster, const UpCommand& command, Context& context) {
  int64_t begin_ms = steady_ms();
  Status spawned = supervisor::spawn_supervisor(cluster.name);
  // A conflict is another `keyway up` that was faster; its supervisor is as good.
  if (!spawned && spawned.error().code != ErrorCode::kConflict)
    return tl::unexpected(not_made(spawned.error()));
  Result<supervisor::Client> client = connect_supervisor(cluster);
  if (!client) return fail(client.error());
  FollowOrder order;
  order.cluster = cluster.name;
  order.timeout_ms = start_timeout_ms(cluster, command);
  Result<Followed> followed = follow(*client, order, context.output);
  if (!followed) return fail(followed.error());
  if (followed->interrupted) {
    context.output.note(
        fmt::format("interrupted; the supervisor goes on (`keyway status {} --watch`, `keyway down {}`)",
                    cluster.name, cluster.name));
    return kExitInterrupted;
  }
  return command.show ? show_started(cluster, steady_ms() - begin_ms, context) : Outcome(kExitDone);
}

// Brings the record of a cluster without a supervisor to what is wanted.
Outcome change_record(const Chosen& cluster, const cluster::Spec& wanted, Context& context) {
  if (wanted == cluster.state.spec) return kExitDone;
  Result<std::vector<std::string>> warnings = apply_offline(context.home, cluster.name, wanted);
  if (!warnings) return tl::unexpected(not_made(warnings.error()));
  tell_warnings(*warnings, context.output);
  return kExitDone;
}

}  // namespace

Outcome run(const UpCommand& command, Context& context) {
  Result<std::optional<cluster::Spec>> document = read_spec_file(command.file);
  if (!document) return fail(document.error());
  std::string name = command.cluster;
  if (name.empty()) name = *document ? (*document)->name : "default";
  Result<local::ClusterEntry> entry = find_cluster(context.home, name);
  if (!entry && entry.error().code != ErrorCode::kNotFound) return fail(entry.error());
  bool made = !entry;
  if (made) {
    Outcome outcome = make_cluster(name, *document, command.flags, context);
    if (!outcome) return outcome;
  }
  Result<Chosen> cluster = choose_cluster(context.home, name);
  if (!cluster) return fail(cluster.error());
  Result<cluster::Spec> wanted =
      made ? cluster->state.spec : changed_spec(cluster->state.spec, *document, command.flags);
  if (!wanted) return fail(wanted.error());
  if (cluster->supervisor_pid != 0) return meet_running(*cluster, *wanted, command, context);
  Outcome changed = change_record(*cluster, *wanted, context);
  if (!changed) return changed;
  if (command.detach) return start_detached(*cluster, command, context);
  return run_in_foreground(cluster->name, user_to_show(*wanted), context.output);
}

Outcome run(const SuperviseCommand& command, Context&) {
  std::signal(SIGPIPE, SIG_IGN);
  supervisor::SupervisorOptions options;
  options.cluster = command.cluster;
  Status status = supervisor::run_supervisor(options);
  if (!status) return fail(status.error());
  return kExitDone;
}

}  // namespace keyway::cli
