// apply, scale, failover, recover and restart: the supervisor does it, this shows it.
#include "cli/change.h"

#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/follow.h"
#include "cli/observer.h"
#include "cli/progress.h"
#include "cli/spec_source.h"
#include "cli/status_view.h"

namespace keyway::cli {

namespace {

std::string order_json(const Chosen& cluster, uint64_t generation, bool done,
                       const std::vector<supervisor::Event>& events) {
  JsonText json;
  json.open_object();
  json.text("name", cluster.name);
  json.number("generation", static_cast<int64_t>(generation));
  json.boolean("done", done);
  json.open_array("events");
  for (const supervisor::Event& event : events) {
    json.open_object();
    json.number("time_ms", event.wall_ms);
    json.text("level", event.level);
    json.text("shard", event.shard);
    json.text("text", event.text);
    json.close();
  }
  json.close();
  json.close();
  return json.take();
}

// Where the journal stands, so that only what follows is shown.
Result<uint64_t> last_event(supervisor::Client& client) {
  Result<supervisor::Progress> progress = client.progress(0);
  if (!progress) return fail(progress.error());
  return progress->events.empty() ? 0 : progress->events.back().sequence;
}

Status check_shard(const Chosen& cluster, const std::string& shard) {
  std::vector<std::string> names;
  for (const cluster::PartitionSpec& partition : cluster.state.spec.partitions) {
    if (partition.name == shard) return {};
    names.push_back(partition.name);
  }
  return fail(ErrorCode::kNotFound, fmt::format("cluster \"{}\" has no shard \"{}\"; its shards are {}",
                                                cluster.name, shard, join(names, ", ")));
}

Outcome apply_spec(const Chosen& cluster, const Result<cluster::Spec>& spec, const Waiting& waiting,
                   Context& context) {
  if (!spec) return fail(spec.error());
  return give_order(cluster, waiting, context,
                    [&](supervisor::Client& client) { return client.apply(cluster::to_yaml(*spec)); });
}

}  // namespace

Result<supervisor::Client> connect_supervisor(const Chosen& cluster) {
  Result<supervisor::Client> client = supervisor::Client::connect(cluster.paths.socket());
  if (client || client.error().code != ErrorCode::kNotFound) return client;
  return fail(ErrorCode::kNotFound,
              fmt::format("no supervisor runs for cluster \"{}\"; `keyway up {} --detach` brings it back and "
                          "takes over the servers as they are",
                          cluster.name, cluster.name));
}

Outcome print_cluster(const Chosen& cluster, Context& context) {
  Result<Observer> observer = Observer::open(context.home, cluster.name);
  if (!observer) return fail(observer.error());
  Result<Seen> seen = observer->look();
  if (!seen) return fail(seen.error());
  if (context.output.json()) {
    context.output.print(reconcile::to_json(seen->status) + "\n");
  } else {
    context.output.print_lines(status_lines(seen->status, context.output.out()));
  }
  return kExitDone;
}

Outcome give_order(const Chosen& cluster, const Waiting& waiting, Context& context,
                   const std::function<Result<uint64_t>(supervisor::Client&)>& give) {
  Result<supervisor::Client> client = connect_supervisor(cluster);
  if (!client) return fail(client.error());
  Result<uint64_t> since = last_event(*client);
  if (!since) return fail(since.error());
  int64_t begin_ms = steady_ms();
  Result<uint64_t> generation = give(*client);
  if (!generation) return fail(generation.error());
  Output& output = context.output;
  if (!waiting.wait) {
    if (output.json()) output.print(order_json(cluster, *generation, false, {}));
    if (!output.json())
      output.print(fmt::format("Ordered. `keyway status {} --watch` shows how it goes.\n", cluster.name));
    return kExitDone;
  }
  FollowOrder order{cluster.name, *generation, *since, waiting.timeout_ms,
                    patience_ms(cluster.state.nodes.size())};
  Result<Followed> followed = follow(*client, order, output);
  if (!followed) return fail(followed.error());
  if (output.json()) output.print(order_json(cluster, *generation, !followed->interrupted, followed->events));
  if (followed->interrupted) {
    output.note(fmt::format("interrupted; the supervisor goes on with it (`keyway status {} --watch`)",
                            cluster.name));
    return kExitInterrupted;
  }
  if (output.json()) return kExitDone;
  output.print(fmt::format("Done in {}.\n\n", human_duration(steady_ms() - begin_ms)));
  return print_cluster(cluster, context);
}

Outcome wait_until_whole(const Chosen& cluster, const Waiting& waiting, Context& context) {
  Result<supervisor::Client> client = connect_supervisor(cluster);
  if (!client) return fail(client.error());
  Result<uint64_t> since = last_event(*client);
  if (!since) return fail(since.error());
  FollowOrder order{cluster.name, 0, *since, waiting.timeout_ms, patience_ms(cluster.state.nodes.size())};
  Result<Followed> followed = follow(*client, order, context.output);
  if (!followed) return fail(followed.error());
  if (followed->interrupted) return kExitInterrupted;
  return print_cluster(cluster, context);
}

Outcome run(const ApplyCommand& command, Context& context) {
  Result<std::optional<cluster::Spec>> document = read_spec_file(command.file);
  if (!document) return fail(document.error());
  std::string name = command.cluster.empty() ? (*document)->name : command.cluster;
  Result<Chosen> cluster = choose_cluster(context.home, name);
  if (!cluster) return fail(cluster.error());
  return apply_spec(*cluster, changed_spec(cluster->state.spec, *document, {}), command.waiting, context);
}

Outcome run(const ScaleCommand& command, Context& context) {
  Result<Chosen> cluster = choose_cluster(context.home, command.cluster);
  if (!cluster) return fail(cluster.error());
  return apply_spec(*cluster, changed_spec(cluster->state.spec, std::nullopt, command.flags), command.waiting,
                    context);
}

Outcome run(const FailoverCommand& command, Context& context) {
  Result<Chosen> cluster = choose_cluster(context.home, command.cluster);
  if (!cluster) return fail(cluster.error());
  if (Status known = check_shard(*cluster, command.shard); !known) return fail(known.error());
  if (!command.to_node.empty()) {
    if (Status known = check_node(*cluster, command.to_node); !known) return fail(known.error());
  }
  return give_order(*cluster, command.waiting, context, [&](supervisor::Client& client) {
    return client.failover(command.shard, command.to_node);
  });
}

Outcome run(const RecoverCommand& command, Context& context) {
  Result<Chosen> cluster = choose_cluster(context.home, command.cluster);
  if (!cluster) return fail(cluster.error());
  if (Status known = check_shard(*cluster, command.shard); !known) return fail(known.error());
  return give_order(*cluster, command.waiting, context,
                    [&](supervisor::Client& client) { return client.recover(command.shard); });
}

Outcome run(const RestartCommand& command, Context& context) {
  Result<Chosen> cluster = choose_cluster(context.home, command.cluster);
  if (!cluster) return fail(cluster.error());
  std::vector<std::string> nodes;
  for (const platform::local::NodeState& node : cluster->state.nodes) {
    if (command.node.empty() && !node.removing) nodes.push_back(node.name);
  }
  if (!command.node.empty()) {
    if (Status known = check_node(*cluster, command.node); !known) return fail(known.error());
    nodes = {command.node};
  }
  return give_order(*cluster, command.waiting, context,
                    [&](supervisor::Client& client) { return client.restart(nodes); });
}

}  // namespace keyway::cli
