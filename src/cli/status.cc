// status and ls: what runs, and how it is.
#include <unistd.h>

#include <algorithm>

#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/backup_actions.h"
#include "cli/clusters.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/live.h"
#include "cli/observer.h"
#include "cli/progress.h"
#include "cli/status_view.h"
#include "cli/table.h"

namespace keyway::cli {

namespace {

constexpr int64_t kWatchMs = 1000;

void print_status(const Seen& seen, Output& output) {
  if (output.json()) {
    output.print(reconcile::to_json(seen.status) + "\n");
  } else {
    output.print_lines(status_lines(seen.status, output.out()));
  }
}

Outcome watch(Observer& observer, Output& output) {
  Interrupts interrupts;
  LiveView view(STDOUT_FILENO, output.out(), !output.json());
  bool in_place = output.out().interactive && !output.json();
  while (true) {
    int64_t begin_ms = steady_ms();
    Result<Seen> seen = observer.look();
    if (!seen) return fail(seen.error());
    if (in_place) {
      view.show(status_lines(seen->status, view.terminal(), view.room()));
    } else {
      print_status(*seen, output);
      if (!output.json()) output.print("\n");
    }
    // A resized window ends a wait too; it is drawn anew at once.
    if (interrupts.wait(std::max<int64_t>(1, kWatchMs - (steady_ms() - begin_ms)))) return kExitInterrupted;
  }
}

// One line of `ls`.
struct Listed {
  std::string name;
  std::string mode;
  std::string state;
  int64_t shards = 0;
  int64_t nodes = 0;
  std::string address;  // of the first node
  std::string engine;
  int supervisor_pid = 0;
  std::string error;
};

Listed list_one(const platform::local::ClusterEntry& entry, const std::string& home) {
  Listed listed;
  listed.name = entry.name;
  listed.state = "unreadable";
  listed.supervisor_pid = entry.supervisor_pid;
  if (entry.error) listed.error = entry.error->message;
  if (!entry.state) return listed;
  const cluster::Spec& spec = entry.state->spec;
  listed.mode = cluster::to_string(spec.mode);
  listed.shards = static_cast<int64_t>(spec.partitions.size());
  listed.nodes = static_cast<int64_t>(entry.state->nodes.size());
  if (!entry.state->nodes.empty())
    listed.address = to_string(Address{spec.host, entry.state->nodes.front().port});
  listed.engine = fmt::format("{} {}", cluster::to_string(spec.engine.kind), entry.state->engine_version);
  Result<Observer> observer = Observer::open(home, entry.name);
  Result<Seen> seen = observer ? observer->look() : fail(observer.error());
  if (seen) {
    listed.state = seen->status.state;
  } else {
    listed.error = seen.error().message;
  }
  return listed;
}

void print_list(const std::vector<Listed>& clusters, Output& output) {
  Table table({{"NAME"},
               {"STATE"},
               {"MODE", false, 2},
               {"SHARDS", true, 1},
               {"NODES", true, 1},
               {"FIRST ADDRESS", false, 3},
               {"ENGINE", false, 4},
               {"SUPERVISOR", true, 5}});
  for (const Listed& one : clusters) {
    table.add({{one.name, Style::kStrong},
               {one.state, style_of(one.state)},
               {one.mode},
               {one.mode == "sharded" ? std::to_string(one.shards) : ""},
               {one.nodes == 0 ? "" : std::to_string(one.nodes)},
               {one.address},
               {one.engine},
               {one.supervisor_pid == 0 ? "-" : std::to_string(one.supervisor_pid)}});
  }
  output.print_lines(table.render(output.out()));
  for (const Listed& one : clusters) {
    if (!one.error.empty()) output.note(fmt::format("{}: {}", one.name, one.error));
  }
}

std::string list_json(const std::vector<Listed>& clusters) {
  JsonText json;
  json.open_object();
  json.open_array("clusters");
  for (const Listed& one : clusters) {
    json.open_object();
    json.text("name", one.name);
    json.text("state", one.state);
    json.text("mode", one.mode);
    json.number("shards", one.shards);
    json.number("nodes", one.nodes);
    json.text("address", one.address);
    json.text("engine", one.engine);
    json.number("supervisor_pid", one.supervisor_pid);
    if (!one.error.empty()) json.text("error", one.error);
    json.close();
  }
  json.close();
  json.close();
  return json.take();
}

}  // namespace

Outcome run(const StatusCommand& command, Context& context) {
  Result<Chosen> cluster = choose_cluster(context.home, command.cluster);
  if (!cluster) return fail(cluster.error());
  Result<Observer> observer = Observer::open(context.home, cluster->name);
  if (!observer) return fail(observer.error());
  if (command.watch) return watch(*observer, context.output);
  Result<Seen> seen = observer->look();
  if (!seen) return fail(seen.error());
  print_status(*seen, context.output);
  if (!context.output.json())
    context.output.print_lines(schedule_lines(cluster->paths.schedules(), context.output.out()));
  return kExitDone;
}

Outcome run(const ListCommand&, Context& context) {
  Result<std::vector<platform::local::ClusterEntry>> entries = platform::local::list_clusters(context.home);
  if (!entries) return fail(entries.error());
  std::vector<Listed> clusters;
  for (const platform::local::ClusterEntry& entry : *entries)
    clusters.push_back(list_one(entry, context.home));
  if (context.output.json()) {
    context.output.print(list_json(clusters));
  } else if (clusters.empty()) {
    context.output.note(fmt::format("there is no cluster in {} yet; `keyway up` makes one", context.home));
  } else {
    print_list(clusters, context.output);
  }
  return kExitDone;
}

}  // namespace keyway::cli
