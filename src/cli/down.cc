// down: stops a cluster, and with --purge deletes it.
#include <unistd.h>

#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/change.h"
#include "cli/interrupt.h"
#include "cli/observer.h"
#include "cli/progress.h"
#include "platform/local/adopt.h"
#include "platform/local/lock.h"
#include "supervisor/supervisor.h"

namespace keyway::cli {

namespace local = platform::local;

namespace {

constexpr int64_t kPollMs = 100;

// Deleting data wants a yes: of a person, or written down.
Status confirm_purge(const local::ClusterEntry& cluster) {
  std::string what =
      fmt::format("\"{}\" with all its data, passwords and logs ({})", cluster.name, cluster.paths.folder);
  if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--purge deletes {}; add --yes if that is meant", what));
  }
  std::string question = fmt::format("Delete {}? [y/N] ", what);
  std::string answer(64, '\0');
  ssize_t size = write(STDERR_FILENO, question.data(), question.size());
  if (size >= 0) size = read(STDIN_FILENO, answer.data(), answer.size());
  answer.resize(static_cast<size_t>(std::max<ssize_t>(0, size)));
  std::string word = to_lower(trim(answer));
  if (word == "y" || word == "yes") return {};
  return fail(ErrorCode::kConflict, "nothing was stopped or deleted");
}

// Follows the supervisor until it has ended. False: interrupted.
Result<bool> follow_down(supervisor::Client& client, const local::ClusterEntry& cluster,
                         const DownCommand& command, Output& output) {
  Interrupts interrupts;
  Progress view(output);
  int64_t begin_ms = steady_ms();
  uint64_t since = 0;
  if (Result<supervisor::Progress> now = client.progress(0); now && !now->events.empty())
    since = now->events.back().sequence;
  if (Status taken = client.down(); !taken) return fail(taken.error());
  bool connected = true;
  while (connected || local::FileLock::holder(cluster.paths.lock_file()) != 0) {
    Result<supervisor::Progress> progress = connected ? client.progress(since) : supervisor::Progress{};
    connected = connected && progress.has_value();
    if (progress) {
      for (const supervisor::Event& event : progress->events) {
        since = event.sequence;
        view.event(event);
      }
      view.working(progress->doing.empty() ? "stopping" : progress->doing.front());
    }
    if (interrupts.wait(kPollMs)) return false;
    if (command.timeout_ms && steady_ms() - begin_ms > *command.timeout_ms) {
      return fail(ErrorCode::kTimeout,
                  fmt::format("not stopped after {}; the supervisor goes on with it (`keyway logs {}`)",
                              human_duration(*command.timeout_ms), cluster.name));
    }
  }
  return true;
}

Result<bool> any_runs(const local::ClusterEntry& cluster, const std::string& home) {
  auto platform = local::LocalPlatform::open_read_only(home, cluster.name);
  if (!platform) return fail(platform.error());
  for (const cluster::NodeFacts& node : (*platform)->look().nodes) {
    if (node.running()) return true;
  }
  return local::find_proxy(cluster.paths).has_value();
}

enum class Stopped { kDone, kWasNotRunning, kInterrupted };

Result<Stopped> stop(const local::ClusterEntry& cluster, const DownCommand& command, Context& context) {
  if (cluster.supervisor_pid != 0) {
    Result<supervisor::Client> client = supervisor::Client::connect(cluster.paths.socket());
    if (!client) return fail(client.error());
    Result<bool> done = follow_down(*client, cluster, command, context.output);
    if (!done) return fail(done.error());
    if (!*done) return Stopped::kInterrupted;
  }
  // A supervisor may have left a server running that it could not stop; then it is told again here.
  Result<bool> runs = any_runs(cluster, context.home);
  // Of a record that cannot be read, deleting it looks for servers in its own way.
  if (!runs && !command.purge) return fail(runs.error());
  if (!runs.value_or(false)) return cluster.supervisor_pid != 0 ? Stopped::kDone : Stopped::kWasNotRunning;
  Progress view(context.output);
  view.working("stopping the servers");
  Status stopped =
      supervisor::stop_cluster(cluster.name, [&](LogLevel, const std::string& text) { view.line(text); });
  if (!stopped) return fail(stopped.error());
  return Stopped::kDone;
}

void tell(const local::ClusterEntry& cluster, Stopped stopped, bool purged, Output& output) {
  if (output.json()) {
    JsonText json;
    json.open_object();
    json.text("name", cluster.name);
    json.boolean("was_running", stopped == Stopped::kDone);
    json.boolean("purged", purged);
    json.close();
    output.print(json.take());
    return;
  }
  std::string_view was = stopped == Stopped::kDone ? "stopped" : "was not running";
  if (purged) {
    output.print(fmt::format("Cluster \"{}\" {}, and is deleted.\n", cluster.name, was));
  } else {
    output.print(fmt::format("Cluster \"{}\" {}; its data is kept in {}.\nStart it again: keyway up {}\n",
                             cluster.name, was, cluster.paths.folder, cluster.name));
  }
}

}  // namespace

Outcome run(const DownCommand& command, Context& context) {
  Result<local::ClusterEntry> cluster = find_cluster(context.home, command.cluster);
  if (!cluster) return fail(cluster.error());
  if (command.purge && !command.yes) {
    if (Status confirmed = confirm_purge(*cluster); !confirmed) return fail(confirmed.error());
  }
  Result<Stopped> stopped = stop(*cluster, command, context);
  if (!stopped) return fail(stopped.error());
  if (*stopped == Stopped::kInterrupted) {
    context.output.note("interrupted; the supervisor goes on stopping the servers, nothing was deleted");
    return kExitInterrupted;
  }
  if (command.purge) {
    if (Status deleted = local::delete_cluster(context.home, cluster->name); !deleted)
      return fail(deleted.error());
  }
  tell(*cluster, *stopped, command.purge, context.output);
  return kExitDone;
}

}  // namespace keyway::cli
