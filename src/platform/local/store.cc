#include "platform/local/store.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <set>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/desired.h"
#include "platform/local/adopt.h"
#include "platform/local/config_check.h"
#include "platform/local/engine_program.h"
#include "platform/local/files.h"
#include "platform/local/lock.h"
#include "platform/local/ports.h"
#include "platform/local/random.h"
#include "platform/local/resources.h"
#include "platform/local/users.h"

namespace keyway::platform::local {

namespace {

constexpr int64_t kStoreLockTimeoutMs = 30'000;  // longer than a creation may take
constexpr size_t kNodeIdBytes = 20;
constexpr uint16_t kRedisPort = 6379;  // where clients look that are told none
constexpr std::string_view kUnfinished = ".new-";
constexpr std::string_view kGone = ".gone-";

// Orders what several processes of this user do to the folder of clusters.
Result<FileLock> lock_store(const std::string& home) {
  Result<FileLock> lock = FileLock::take_within(home + "/lock", kStoreLockTimeoutMs);
  if (lock || lock.error().code != ErrorCode::kConflict) return lock;
  return fail(
      ErrorCode::kConflict,
      fmt::format("another keyway is making or deleting a cluster: {}; try again", lock.error().message));
}

bool usable_name(std::string_view name) {
  return !name.empty() && name.find('/') == std::string_view::npos && !name.starts_with('.');
}

// Names in the folder of clusters, hidden ones too, sorted.
Result<std::vector<std::string>> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir(folder.c_str()), ::closedir);
  if (!list && errno == ENOENT) return names;
  if (!list) return fail(file_error(errno, fmt::format("read the folder {}", folder)));
  while (dirent* entry = ::readdir(list.get())) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What earlier processes left behind when they were killed in the middle of making or deleting. Needs the
// store's lock.
void sweep(const std::string& home) {
  Result<std::vector<std::string>> names = names_in(clusters_folder(home));
  if (!names) return;
  for (const std::string& name : *names) {
    bool leftover = name.starts_with(kUnfinished) || name.starts_with(kGone);
    // What cannot be deleted now is tried again by the next sweep.
    if (leftover) (void)delete_folder(cluster_paths(home, name).folder);
  }
}

void record_ports(const std::string& who, const ClusterState& state,
                  std::map<uint16_t, std::string>& recorded) {
  if (state.proxy_port != 0) recorded[state.proxy_port] = who;
  for (const NodeState& node : state.nodes) {
    recorded[node.port] = who;
    if (state.spec.mode == cluster::Mode::kSharded)
      recorded[static_cast<uint16_t>(node.port + kBusPortDistance)] = who;
  }
}

Result<PortWish> make_wish(const std::string& home, const cluster::Spec& spec, const ClusterState& state,
                           int count) {
  PortWish wish;
  wish.host = spec.host;
  wish.count = count;
  wish.with_bus = spec.mode == cluster::Mode::kSharded;
  Result<std::vector<ClusterEntry>> clusters = list_clusters(home);
  if (!clusters) return fail(clusters.error());
  for (const ClusterEntry& entry : *clusters) {
    bool other = entry.name != spec.name && entry.state && entry.state->spec.host == spec.host;
    if (other) record_ports("cluster " + entry.name, *entry.state, wish.recorded);
  }
  record_ports("this cluster", state, wish.recorded);
  wish.first = spec.port;
  for (const NodeState& node : state.nodes)
    wish.first = std::min<int>(wish.first == 0 ? kMaxPort : wish.first, node.port);
  return wish;
}

// The proxy's port: the one that the spec names, else the one on record, else the first free one.
Status sync_proxy(const std::string& home, const cluster::Spec& spec, ClusterState& state) {
  if (!spec.proxy) {
    state.proxy_port = 0;
    return {};
  }
  int wished = spec.proxy->port;
  if (state.proxy_port != 0 && (wished == 0 || wished == state.proxy_port)) return {};
  Result<PortWish> wish = make_wish(home, spec, state, 1);
  if (!wish) return fail(wish.error());
  wish->with_bus = false;
  wish->first = kRedisPort;
  if (wished == 0) {
    Result<std::vector<uint16_t>> port = choose_further_ports(*wish);
    if (!port) return fail(port.error());
    state.proxy_port = port->front();
    return {};
  }
  Status free = check_port(*wish, static_cast<uint16_t>(wished));
  if (!free && free.error().code == ErrorCode::kConflict) {
    return fail(ErrorCode::kConflict,
                fmt::format("the proxy cannot have it: {}; free it or choose another one with --proxy=PORT "
                            "(spec.proxy.port), or leave the port out and Keyway chooses",
                            free.error().message));
  }
  if (free) state.proxy_port = static_cast<uint16_t>(wished);
  return free;
}

struct Parts {
  EngineProgram engine;
  Users users;
  Created created;
};

// Everything that can be checked before the first file is written.
Result<Parts> prepare(const std::string& home, const cluster::Spec& spec) {
  Parts parts;
  if (Status valid = cluster::validate(spec); !valid) return fail(valid.error());
  Result<EngineProgram> engine = find_engine(spec.engine);
  if (!engine) return fail(engine.error());
  parts.engine = *engine;
  Result<std::vector<std::string>> warnings = check_resources(spec, home);
  if (!warnings) return fail(warnings.error());
  parts.created.warnings = std::move(*warnings);
  parts.users = Users::for_spec(spec, Users{});
  ClusterState& state = parts.created.state;
  state.spec = spec;
  state.engine_path = engine->server;
  state.engine_version = engine->version;
  if (Status synced = sync_nodes(home, spec, state); !synced) return fail(synced.error());
  return parts;
}

// Fills the folder of a cluster that nobody sees yet.
Status write_cluster(const ClusterPaths& paths, const Parts& parts) {
  if (Status made = make_private_folder(paths.nodes_folder()); !made) return made;
  const cluster::Spec& spec = parts.created.state.spec;
  Status good = check_config(parts.engine, spec, parts.users, paths.folder + "/check");
  if (!good) return good;
  if (Status saved = save_users(paths.users_file(), parts.users); !saved) return saved;
  return save_state(paths, parts.created.state);
}

}  // namespace

Result<std::vector<ClusterEntry>> list_clusters(const std::string& home) {
  Result<std::vector<std::string>> names = names_in(clusters_folder(home));
  if (!names) return fail(names.error());
  std::vector<ClusterEntry> entries;
  for (const std::string& name : *names) {
    if (!usable_name(name)) continue;
    ClusterEntry entry;
    entry.name = name;
    entry.paths = cluster_paths(home, name);
    entry.supervisor_pid = FileLock::holder(entry.paths.lock_file());
    Result<ClusterState> state = load_state(entry.paths);
    if (state)
      entry.state = std::move(*state);
    else
      entry.error = state.error();
    entries.push_back(std::move(entry));
  }
  return entries;
}

bool cluster_exists(const std::string& home, std::string_view name) {
  return usable_name(name) && file_exists(cluster_paths(home, name).folder);
}

Result<Created> create_cluster(const std::string& home, const cluster::Spec& spec) {
  if (Status prepared = prepare_home(home); !prepared) return fail(prepared.error());
  Result<FileLock> lock = lock_store(home);
  if (!lock) return fail(lock.error());
  sweep(home);
  if (cluster_exists(home, spec.name)) {
    return fail(ErrorCode::kAlreadyExists,
                fmt::format("there is a cluster {} already; change it with `keyway apply`, or choose "
                            "another name",
                            spec.name));
  }
  Result<Parts> parts = prepare(home, spec);
  if (!parts) return fail(parts.error());
  ClusterPaths unfinished = cluster_paths(home, std::string(kUnfinished) + spec.name);
  ClusterPaths paths = cluster_paths(home, spec.name);
  Status written = write_cluster(unfinished, *parts);
  if (written && std::rename(unfinished.folder.c_str(), paths.folder.c_str()) != 0) {
    written = fail(file_error(errno, fmt::format("make {}", paths.folder)));
  }
  if (!written) {
    (void)delete_folder(unfinished.folder);  // else the next sweep does
    return fail(written.error());
  }
  if (Status synced = sync_folder(clusters_folder(home)); !synced) return fail(synced.error());
  return std::move(parts->created);
}

Status sync_nodes(const std::string& home, const cluster::Spec& spec, ClusterState& state) {
  std::vector<NodeState> nodes = state.nodes;
  for (NodeState& node : nodes) node.removing = true;
  size_t known = nodes.size();
  for (const cluster::DesiredShard& shard : cluster::make_desired(spec, "").shards) {
    for (const std::string& name : shard.nodes) {
      auto found =
          std::find_if(nodes.begin(), nodes.end(), [&](const NodeState& node) { return node.name == name; });
      if (found != nodes.end()) {
        found->removing = false;
        continue;
      }
      NodeState node;
      node.name = name;
      node.shard = shard.name;
      node.id = hex(random_bytes(kNodeIdBytes));
      nodes.push_back(std::move(node));
    }
  }
  if (nodes.size() > known) {
    Result<PortWish> wish = make_wish(home, spec, state, static_cast<int>(nodes.size() - known));
    if (!wish) return fail(wish.error());
    Result<std::vector<uint16_t>> ports = known == 0 ? choose_ports(*wish) : choose_further_ports(*wish);
    if (!ports) return fail(ports.error());
    for (size_t i = known; i < nodes.size(); ++i) nodes[i].port = (*ports)[i - known];
  }
  ClusterState next = state;
  next.nodes = std::move(nodes);
  if (Status synced = sync_proxy(home, spec, next); !synced) return synced;
  state = std::move(next);
  return {};
}

Status delete_cluster(const std::string& home, std::string_view name) {
  if (!cluster_exists(home, name)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no cluster {}; `keyway ls` lists those there are", name));
  }
  Result<FileLock> store = lock_store(home);
  if (!store) return fail(store.error());
  ClusterPaths paths = cluster_paths(home, name);
  Result<FileLock> lock = FileLock::take(paths.lock_file());
  if (!lock) {
    return fail(lock.error().code,
                fmt::format("cluster {} has a supervisor ({}); stop it first with `keyway down {}`", name,
                            lock.error().message, name));
  }
  std::map<std::string, ProcessIdentity> servers = find_servers(paths);
  if (!servers.empty()) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} of cluster {} still runs (pid {}); stop it first with `keyway down {}`",
                            servers.begin()->first, name, servers.begin()->second.pid, name));
  }
  if (std::optional<ProcessIdentity> proxy = find_proxy(paths)) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("the proxy of cluster {} still runs (pid {}); stop it first with `keyway down {}`", name,
                    proxy->pid, name));
  }
  ClusterPaths gone = cluster_paths(home, fmt::format("{}{}", kGone, name));
  if (Status deleted = delete_folder(gone.folder); !deleted) return deleted;
  if (std::rename(paths.folder.c_str(), gone.folder.c_str()) != 0) {
    return fail(file_error(errno, fmt::format("delete {}", paths.folder)));
  }
  return delete_folder(gone.folder);
}

}  // namespace keyway::platform::local
