#include "platform/local/local_platform.h"

#include <chrono>

#include "base/format.h"
#include "base/log.h"
#include "base/strings.h"
#include "platform/local/adopt.h"
#include "platform/local/local_platform_impl.h"
#include "platform/local/resources.h"
#include "platform/local/store.h"

namespace keyway::platform::local {

namespace {

Error no_such_cluster(const std::string& cluster) {
  return {ErrorCode::kNotFound,
          fmt::format("there is no cluster {}; `keyway ls` lists those there are", cluster)};
}

// The users file as it is; a new one if it is lost and no server holds the old passwords.
Result<Users> read_users(const ClusterPaths& paths) {
  Result<Users> users = load_users(paths.users_file());
  if (users || users.error().code != ErrorCode::kNotFound) return users;
  if (find_servers(paths).empty()) return Users{};
  return fail(ErrorCode::kCorrupt, fmt::format("{} is missing, and servers that know its passwords still "
                                               "run; put it back, or end them (their pids "
                                               "are in {}) so that new passwords can be made",
                                               paths.users_file(), paths.run_file()));
}

std::string known_nodes(const ClusterState& state) {
  std::vector<std::string> names;
  for (const NodeState& node : state.nodes) names.push_back(node.name);
  return join(names, ", ");
}

}  // namespace

int64_t wall_clock_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

int64_t monotonic_clock_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

Status LocalPlatform::Impl::writable() const {
  if (!read_only) return {};
  return fail(ErrorCode::kConflict, fmt::format("cluster {} was opened to look at it only", state.spec.name));
}

Result<NodeState*> LocalPlatform::Impl::node(const std::string& name) {
  if (NodeState* found = state.find(name)) return found;
  return fail(ErrorCode::kNotFound,
              fmt::format("there is no node {}; there are {}", name, known_nodes(state)));
}

const cluster::Desired& LocalPlatform::Impl::wanted() {
  if (!desired) {
    desired = cluster::make_desired(state.spec, users.fingerprint());
    desired->restart_before_ms = state.restart_before_ms;
    desired->switchover = state.switchover;
  }
  return *desired;
}

Result<EngineProgram> LocalPlatform::Impl::find_engine() {
  if (engine) return *engine;
  cluster::EngineSpec recorded = state.spec.engine;
  recorded.path = state.engine_path;
  Result<EngineProgram> found = local::find_engine(recorded);
  if (!found && found.error().code == ErrorCode::kNotFound) found = local::find_engine(state.spec.engine);
  if (!found) return found;
  engine = *found;
  if (!read_only && (state.engine_path != found->server || state.engine_version != found->version)) {
    Status saved = change([&found](ClusterState& next) {
      next.engine_path = found->server;
      next.engine_version = found->version;
    });
    if (!saved) return fail(saved.error());
  }
  return found;
}

Status LocalPlatform::Impl::change(const std::function<void(ClusterState&)>& edit) {
  ClusterState next = state;
  edit(next);
  if (Status saved = save_state(paths, next); !saved) return saved;
  state = std::move(next);
  desired.reset();
  return {};
}

Status LocalPlatform::Impl::record(const std::function<void(ClusterState&)>& edit) {
  Status allowed = writable();
  return allowed ? change(edit) : allowed;
}

Status LocalPlatform::Impl::save_run() {
  Status saved = local::save_run(paths, state);
  run_unsaved = !saved;
  return saved;
}

// What was not told at the time, on a full disk say, is told once it can be: others go by that file.
void LocalPlatform::Impl::catch_up_run() {
  if (!run_unsaved || read_only) return;
  if (save_run()) log_info("what runs is on record again", {});
}

LocalPlatform::LocalPlatform(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalPlatform::~LocalPlatform() = default;

Result<std::unique_ptr<LocalPlatform>> LocalPlatform::open(boost::asio::io_context& io,
                                                           const std::string& home,
                                                           const std::string& cluster,
                                                           std::function<void()> on_exit) {
  if (!cluster_exists(home, cluster)) return fail(no_such_cluster(cluster));
  auto impl = std::make_unique<Impl>();
  impl->home = home;
  impl->paths = cluster_paths(home, cluster);
  impl->read_only = false;
  Result<FileLock> lock = FileLock::take(impl->paths.lock_file());
  if (!lock) {
    return fail(lock.error().code,
                fmt::format("cluster {} has a supervisor already: {}", cluster, lock.error().message));
  }
  impl->lock = std::move(*lock);
  Result<ClusterState> state = load_state(impl->paths);
  if (!state) return fail(state.error());
  impl->state = std::move(*state);
  Result<Users> users = read_users(impl->paths);
  if (!users) return fail(users.error());
  // Completes what an apply that was cut short left undone.
  impl->users = Users::for_spec(impl->state.spec, *users);
  if (Status saved = save_users(impl->paths.users_file(), impl->users); !saved) return fail(saved.error());
  raise_descriptor_limit();
  impl->watcher = std::make_unique<Watcher>(io, std::move(on_exit));
  if (Status adopted = impl->adopt_all(); !adopted) return fail(adopted.error());
  if (Result<EngineProgram> engine = impl->find_engine(); !engine) {
    log_warning("the server program cannot be used", {{"error", engine.error().message}});
  }
  return std::unique_ptr<LocalPlatform>(new LocalPlatform(std::move(impl)));
}

Result<std::unique_ptr<LocalPlatform>> LocalPlatform::open_read_only(const std::string& home,
                                                                     const std::string& cluster) {
  if (!cluster_exists(home, cluster)) return fail(no_such_cluster(cluster));
  auto impl = std::make_unique<Impl>();
  impl->home = home;
  impl->paths = cluster_paths(home, cluster);
  Result<ClusterState> state = load_state(impl->paths);
  if (!state) return fail(state.error());
  impl->state = std::move(*state);
  Result<Users> users = load_users(impl->paths.users_file());
  if (!users) return fail(users.error());
  impl->users = std::move(*users);
  if (Status adopted = impl->adopt_all(); !adopted) return fail(adopted.error());
  return std::unique_ptr<LocalPlatform>(new LocalPlatform(std::move(impl)));
}

cluster::Desired LocalPlatform::desired() { return impl_->wanted(); }

Status LocalPlatform::persist_follow(const std::string& name, const std::string& follow) {
  if (Status allowed = impl_->writable(); !allowed) return allowed;
  Result<NodeState*> node = impl_->node(name);
  if (!node) return fail(node.error());
  if (!follow.empty()) {
    if (Result<NodeState*> followed = impl_->node(follow); !followed) return fail(followed.error());
  }
  if ((*node)->follow != follow) {
    Status saved = impl_->change([&](ClusterState& next) { next.find(name)->follow = follow; });
    if (!saved) return saved;
  }
  impl_->held.erase(name);
  const NodeState& changed = *impl_->state.find(name);
  if (!file_exists(impl_->node_paths(changed).config_file())) return {};  // written when it is first started
  return impl_->write_config(changed, changed.run.applied_config, false, Durability::kDurable);
}

Status LocalPlatform::persist_config(const std::string& name, const cluster::ServerConfig& complete) {
  if (Status allowed = impl_->writable(); !allowed) return allowed;
  Result<NodeState*> node = impl_->node(name);
  if (!node) return fail(node.error());
  if (Status written = impl_->write_config(**node, complete, false, Durability::kDurable); !written)
    return written;
  (*node)->run.applied_config = complete;
  return impl_->save_run();
}

Result<std::vector<resp::Command>> LocalPlatform::stage_users(const std::string& name) {
  if (Status allowed = impl_->writable(); !allowed) return fail(allowed.error());
  Result<NodeState*> node = impl_->node(name);
  if (!node) return fail(node.error());
  Result<std::string> given = read_file(impl_->node_paths(**node).users_file());
  return impl_->users.to_commands(given ? names_in_acl_file(*given) : std::vector<std::string>{});
}

// The node's file is written only now: until the server has obeyed, it tells which users are to be taken from
// it.
Status LocalPlatform::users_applied(const std::string& name) {
  if (Status allowed = impl_->writable(); !allowed) return allowed;
  Result<NodeState*> node = impl_->node(name);
  if (!node) return fail(node.error());
  Status written =
      replace_file(impl_->node_paths(**node).users_file(), impl_->users.to_acl_file(), Durability::kDurable);
  if (!written) return written;
  (*node)->run.applied_users = impl_->users.fingerprint();
  return impl_->save_run();
}

Status LocalPlatform::record_primary(const std::string& shard, const std::string& node) {
  return impl_->record([&](ClusterState& next) { next.shards[shard].primary = node; });
}

Status LocalPlatform::record_data(const std::string& shard) {
  return impl_->record([&](ClusterState& next) {
    next.shards[shard].held_data = true;
    next.shards[shard].loss_accepted = false;
  });
}

Status LocalPlatform::record_identity(const std::string& name, const std::string& id) {
  if (Result<NodeState*> node = impl_->node(name); !node) return fail(node.error());
  return impl_->record([&](ClusterState& next) { next.find(name)->id = id; });
}

Status LocalPlatform::record_formed() {
  return impl_->record([](ClusterState& next) { next.formed = true; });
}

Status LocalPlatform::clear_switchover(const std::string& shard) {
  return impl_->record([&](ClusterState& next) { next.switchover.erase(shard); });
}

Platform::Account LocalPlatform::account() {
  Result<std::string> password = impl_->users.password(kAdminUser);
  return {std::string(kAdminUser), password ? *password : ""};
}

int64_t LocalPlatform::wall_ms() { return wall_clock_ms(); }
int64_t LocalPlatform::monotonic_ms() { return monotonic_clock_ms(); }

const ClusterState& LocalPlatform::state() const { return impl_->state; }
const ClusterPaths& LocalPlatform::paths() const { return impl_->paths; }
const Users& LocalPlatform::users() const { return impl_->users; }
Result<EngineProgram> LocalPlatform::engine() { return impl_->find_engine(); }

}  // namespace keyway::platform::local
