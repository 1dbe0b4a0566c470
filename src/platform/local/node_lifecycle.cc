// Starting, ending and looking at the servers of a local cluster.
#include <signal.h>

#include <algorithm>

#include "base/format.h"
#include "base/log.h"
#include "engine/node_table.h"
#include "platform/local/adopt.h"
#include "platform/local/local_platform_impl.h"
#include "platform/local/node_files.h"
#include "platform/local/ports.h"
#include "platform/local/server_config.h"
#include "platform/local/server_log.h"

namespace keyway::platform::local {

namespace {

constexpr size_t kMaxLogReadBytes = 256 * 1024;
constexpr int64_t kLongRunMs = 10'000;
constexpr int64_t kPortFindingMs = 1000;
constexpr int64_t kLogCheckMs = 60'000;

// How a server ended, for people: what the kernel and what its log say.
std::string end_note(std::optional<int> wait_status, const std::string& reason, bool told_to_end) {
  if (told_to_end) return "was stopped";
  std::string note = wait_status ? describe_exit(*wait_status) : std::string("ended");
  return reason.empty() ? note : note + ": " + reason;
}

}  // namespace

Status LocalPlatform::Impl::adopt_all() {
  std::map<std::string, ProcessIdentity> servers = find_servers(paths);
  bool changed = false;
  for (NodeState& each : state.nodes) {
    if (!is_alive(each.run.process)) {
      auto found = servers.find(each.name);
      if (found == servers.end()) continue;
      adopt(each, found->second);
      changed = true;
    }
    if (read_only) continue;
    Status watched = watcher->watch(each.run.process);
    if (!watched && watched.error().code != ErrorCode::kNotFound) return watched;
    log_info("server adopted", {{"node", each.name}, {"pid", std::to_string(each.run.process.pid)}});
  }
  return changed && !read_only ? save_run() : Status{};
}

// Takes a running server onto the record that is not on it.
void LocalPlatform::Impl::adopt(NodeState& node, const ProcessIdentity& process) {
  node.run.process = process;
  node.run.started_ms = started_wall_ms(process, wall_clock_ms());
  node.run.unloadable = false;
  node.run.note.clear();
  NodePaths files = node_paths(node);
  if (Result<std::string> config = read_file(files.config_file())) {
    node.run.applied_config = read_server_config(*config);
  }
  // It may have been started with other users; given anew, they do no harm.
  node.run.applied_users.clear();
}

void LocalPlatform::Impl::note_adopted(const NodeState& node) {
  log_info("server adopted", {{"node", node.name}, {"pid", std::to_string(node.run.process.pid)}});
  if (Status saved = save_run(); !saved) {
    log_warning("cannot note an adopted server", {{"error", saved.error().message}});
  }
}

bool LocalPlatform::Impl::running(const NodeState& node) const {
  if (node.run.process.empty()) return false;
  return watcher ? watcher->running(node.run.process.pid) : is_alive(node.run.process);
}

// Takes note if the process on record is gone.
void LocalPlatform::Impl::refresh(NodeState& node) {
  if (node.run.process.empty() || running(node)) return;
  note_end(node);
}

void LocalPlatform::Impl::note_end(NodeState& node) {
  int pid = node.run.process.pid;
  std::optional<int> wait_status = watcher ? watcher->forget(pid) : std::nullopt;
  LogVerdict verdict =
      read_verdict(read_tail(node_paths(node).log_file(), node.run.log_offset_bytes, kMaxLogReadBytes));
  bool told_to_end = ending.erase(node.name) > 0;
  node.run.process = {};
  node.run.unloadable = verdict.unloadable;
  // The log of a long run may have been turned since, or be too long to be read from its beginning.
  bool ran_long = !verdict.unloadable && wall_clock_ms() - node.run.started_ms > kLongRunMs;
  if (verdict.answered || ran_long)
    node.run.failed_starts = 0;
  else if (!told_to_end)
    ++node.run.failed_starts;
  node.run.note = end_note(wait_status, verdict.reason, told_to_end);
  if (read_only) return;
  log_info("server ended", {{"node", node.name}, {"pid", std::to_string(pid)}, {"note", node.run.note}});
  if (Status saved = save_run(); !saved)
    log_warning("cannot note the end of a server", {{"error", saved.error().message}});
}

// Who keeps the node's server from listening; empty: no one. Adopts the node's own server if it is that.
std::string LocalPlatform::Impl::who_is_in_the_way(NodeState& node) {
  PortFinding& finding = ports[node.name];
  for (int distance : {0, int{kBusPortDistance}}) {
    if (distance != 0 && state.spec.mode == cluster::Mode::kReplicated) break;
    auto port = static_cast<uint16_t>(node.port + distance);
    if (test_port(state.spec.host, port)) continue;
    if (monotonic_clock_ms() < finding.valid_until_ms) return finding.note;
    std::optional<PortHolder> holder = find_port_holder(state.spec.host, port);
    std::optional<ProcessIdentity> process = holder ? identify(holder->pid) : std::nullopt;
    if (process && is_server_of(holder->pid, node_paths(node)) && (!watcher || watcher->watch(*process))) {
      adopt(node, *process);
      if (!read_only) note_adopted(node);
      return "";
    }
    finding.note =
        fmt::format("port {} is held by {}; stop it", port, holder ? to_string(*holder) : "another process");
    finding.valid_until_ms = monotonic_clock_ms() + kPortFindingMs;
    return finding.note;
  }
  finding = {};
  return "";
}

cluster::NodeFacts LocalPlatform::Impl::facts_of(NodeState& node) {
  refresh(node);
  NodePaths files = node_paths(node);
  std::string in_the_way = running(node) ? "" : who_is_in_the_way(node);
  cluster::NodeFacts facts;
  facts.name = node.name;
  facts.shard = node.shard;
  facts.address = address_of(node);
  facts.id = node.id;
  facts.started_ms = node.run.started_ms;
  facts.failed_starts = node.run.failed_starts;
  facts.unloadable = node.run.unloadable;
  facts.applied_config = node.run.applied_config;
  facts.applied_users = node.run.applied_users;
  facts.follow_on_disk = held.contains(node.name) ? std::string(cluster::kHeld) : node.follow;
  facts.note = node.run.note;
  facts.has_node_table = state.spec.mode == cluster::Mode::kSharded && file_exists(files.node_table());
  if (running(node)) {
    facts.process = cluster::Process::kRunning;
    facts.pid = node.run.process.pid;
    facts.data = node.run.began_empty ? cluster::DataOnDisk::kNone : cluster::DataOnDisk::kPresent;
    return facts;
  }
  bool was_started = node.run.started_ms != 0 || file_exists(files.config_file());
  facts.process = was_started ? cluster::Process::kStopped : cluster::Process::kNeverStarted;
  if (!in_the_way.empty()) {
    facts.process = cluster::Process::kForeign;
    facts.note = in_the_way;
  }
  cluster::ServerConfig next;
  for (const cluster::DesiredShard& shard : wanted().shards) {
    if (shard.name == node.shard) next = shard.config;
  }
  facts.data = data_on_disk(files, appendonly_in(config_that_loads(files, next)));
  return facts;
}

Status LocalPlatform::Impl::write_config(const NodeState& node, const cluster::ServerConfig& config,
                                         bool hold, Durability durability) const {
  ServerPlace place;
  place.mode = state.spec.mode;
  place.paths = node_paths(node);
  place.address = address_of(node);
  place.admin_user = std::string(kAdminUser);
  Result<std::string> password = users.password(kAdminUser);
  if (!password) return fail(password.error());
  place.admin_password = *password;
  const NodeState* followed = node.follow.empty() ? nullptr : state.find(node.follow);
  if (hold) {
    place.role = StartRole::kHold;
  } else if (followed != nullptr) {
    place.role = StartRole::kReplica;
    place.follow = address_of(*followed);
  }
  return replace_file(place.paths.config_file(), render_server_config(place, config), durability);
}

Status LocalPlatform::Impl::write_files(NodeState& node, const cluster::StartNode& step,
                                        const cluster::ServerConfig& config) const {
  NodePaths files = node_paths(node);
  Status written = write_config(node, config, step.hold, Durability::kVolatile);
  if (written) written = replace_file(files.users_file(), users.to_acl_file(), Durability::kVolatile);
  if (!written || step.table.empty()) return written;
  std::string table = engine::render_node_table(step.table, step.current_epoch, engine->has_shard_ids());
  return replace_file(files.node_table(), table, Durability::kVolatile);
}

Status LocalPlatform::Impl::launch_server(NodeState& node, const cluster::ServerConfig& config) {
  NodePaths files = node_paths(node);
  turn_log(files);
  node.run.process = {};
  node.run.started_ms = wall_clock_ms();
  node.run.log_offset_bytes = file_size(files.log_file());
  node.run.unloadable = false;
  node.run.began_empty = data_on_disk(files, appendonly_in(config)) == cluster::DataOnDisk::kNone;
  node.run.applied_config = config;
  node.run.applied_users = users.fingerprint();
  node.run.note.clear();
  Result<ProcessIdentity> process =
      launch(Launch{engine->server, {files.config_file()}, files.folder, files.log_file()});
  if (!process) {
    ++node.run.failed_starts;
    node.run.note = process.error().message;
    engine.reset();
    return fail(process.error());
  }
  node.run.process = *process;
  if (Status watched = watcher->watch(*process); !watched) return watched;
  // A supervisor that is killed before this is written finds the server by its folder (adopt_all).
  return save_run();
}

void LocalPlatform::Impl::turn_logs() {
  if (read_only || monotonic_clock_ms() < next_log_check_ms) return;
  next_log_check_ms = monotonic_clock_ms() + kLogCheckMs;
  for (NodeState& each : state.nodes) {
    if (!turn_log(node_paths(each))) continue;
    each.run.log_offset_bytes = 0;
    if (Status saved = save_run(); !saved)
      log_warning("cannot note a turned log", {{"error", saved.error().message}});
  }
}

// Platform.

cluster::Observed LocalPlatform::look() {
  cluster::Observed observed;
  impl_->turn_logs();
  impl_->catch_up_run();
  for (NodeState& node : impl_->state.nodes) observed.nodes.push_back(impl_->facts_of(node));
  observed.shards = impl_->state.shards;
  observed.formed = impl_->state.formed;
  return observed;
}

Status LocalPlatform::start(const cluster::StartNode& step) {
  if (Status allowed = impl_->writable(); !allowed) return allowed;
  Result<NodeState*> node = impl_->node(step.node);
  if (!node) return fail(node.error());
  impl_->refresh(**node);
  if (impl_->running(**node)) return fail(ErrorCode::kConflict, fmt::format("{} runs already", step.node));
  if (Result<EngineProgram> engine = impl_->find_engine(); !engine) return fail(engine.error());
  // A request to restart it is met by this start, and not by one before.
  bool requested = impl_->state.restart_before_ms.contains(step.node);
  bool other_role = !step.hold && impl_->state.find(step.node)->follow != step.follow;
  if (requested || other_role) {
    Status changed = impl_->change([&](ClusterState& next) {
      next.restart_before_ms.erase(step.node);
      if (!step.hold) next.find(step.node)->follow = step.follow;
    });
    if (!changed) return changed;
  }
  NodeState& starting = *impl_->state.find(step.node);
  NodePaths files = impl_->node_paths(starting);
  if (Status made = make_private_folder(files.folder); !made) return made;
  cluster::ServerConfig config = config_that_loads(files, step.config);
  if (Status written = impl_->write_files(starting, step, config); !written) return written;
  if (step.hold) {
    impl_->held.insert(step.node);
  } else {
    impl_->held.erase(step.node);
  }
  return impl_->launch_server(starting, config);
}

Status LocalPlatform::stop(const std::string& name, bool graceful) {
  if (Status allowed = impl_->writable(); !allowed) return allowed;
  Result<NodeState*> node = impl_->node(name);
  if (!node) return fail(node.error());
  if (!impl_->running(**node)) return {};
  impl_->ending.insert(name);
  Status sent = send_signal((*node)->run.process, graceful ? SIGTERM : SIGKILL);
  bool gone = !sent && sent.error().code == ErrorCode::kNotFound;
  return gone ? Status{} : sent;
}

Status LocalPlatform::set_data_aside(const std::string& name, bool table) {
  if (Status allowed = impl_->writable(); !allowed) return allowed;
  Result<NodeState*> node = impl_->node(name);
  if (!node) return fail(node.error());
  if (impl_->running(**node)) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} runs; its data can be put aside only while it does not", name));
  }
  if (Status aside = set_aside(impl_->node_paths(**node), table, wall_clock_ms()); !aside) return aside;
  (*node)->run.failed_starts = 0;
  (*node)->run.unloadable = false;
  return impl_->save_run();
}

Status LocalPlatform::remove(const std::string& name) {
  if (Status allowed = impl_->writable(); !allowed) return allowed;
  Result<NodeState*> found = impl_->node(name);
  if (!found) return found.error().code == ErrorCode::kNotFound ? Status{} : fail(found.error());
  if (impl_->running(**found) || !(*found)->removing) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} {}; it is not removed", name,
                            (*found)->removing ? "still runs" : "belongs to the cluster"));
  }
  if (Status deleted = delete_folder(impl_->node_paths(**found).folder); !deleted) return deleted;
  Status changed = impl_->change([&name](ClusterState& next) {
    std::string shard = next.find(name)->shard;
    std::erase_if(next.nodes, [&name](const NodeState& node) { return node.name == name; });
    next.restart_before_ms.erase(name);
    bool shard_is_gone = std::none_of(next.nodes.begin(), next.nodes.end(),
                                      [&shard](const NodeState& node) { return node.shard == shard; });
    if (!shard_is_gone) return;
    next.shards.erase(shard);
    next.switchover.erase(shard);
  });
  if (!changed) return changed;
  impl_->ports.erase(name);
  return impl_->save_run();
}

}  // namespace keyway::platform::local
