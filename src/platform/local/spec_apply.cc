// A changed spec, and requests of people: what they do to the record.
#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/config_check.h"
#include "platform/local/local_platform_impl.h"
#include "platform/local/resources.h"
#include "platform/local/store.h"

namespace keyway::platform::local {

namespace {

// The spec as it will be kept: one that names no port keeps the one that was chosen.
Result<cluster::Spec> check_change(const ClusterState& state, cluster::Spec spec) {
  if (Status valid = cluster::validate(spec); !valid) return fail(valid.error());
  if (Status valid = cluster::validate_change(state.spec, spec); !valid) return fail(valid.error());
  if (spec.port == 0) spec.port = state.spec.port;
  return spec;
}

cluster::NodeFacts facts_of_new(const cluster::Spec& spec, const NodeState& node) {
  cluster::NodeFacts facts;
  facts.name = node.name;
  facts.shard = node.shard;
  facts.address = {spec.host, node.port};
  facts.id = node.id;
  facts.data = cluster::DataOnDisk::kNone;
  return facts;
}

}  // namespace

Result<std::vector<std::string>> LocalPlatform::apply(const cluster::Spec& spec) {
  if (Status allowed = impl_->writable(); !allowed) return fail(allowed.error());
  Result<cluster::Spec> checked = check_change(impl_->state, spec);
  if (!checked) return fail(checked.error());
  ClusterState next = impl_->state;
  next.spec = *checked;
  bool other_engine = next.spec.engine != impl_->state.spec.engine;
  Result<EngineProgram> engine = other_engine ? find_engine(next.spec.engine) : impl_->find_engine();
  if (!engine) return fail(engine.error());
  next.engine_path = engine->server;
  next.engine_version = engine->version;
  Result<std::vector<std::string>> warnings = check_resources(next.spec, impl_->paths.folder);
  if (!warnings) return warnings;
  Users users = Users::for_spec(next.spec, impl_->users);
  if (Status synced = sync_nodes(impl_->home, next.spec, next); !synced) return fail(synced.error());
  if (Status good = check_config(*engine, next.spec, users, impl_->paths.folder + "/check"); !good) {
    return fail(good.error());
  }
  if (next.engine_path != impl_->state.engine_path) {
    for (const NodeState& node : next.nodes) next.restart_before_ms[node.name] = wall_clock_ms();
  }

  // First passwords for both specs, then the spec, then the passwords it leaves: whatever cuts this short, no
  // password is lost that a server needs.
  Status saved = save_users(impl_->paths.users_file(), users.with(impl_->users));
  if (saved) saved = save_state(impl_->paths, next);
  if (!saved) return fail(saved.error());
  impl_->state = std::move(next);
  impl_->users = std::move(users);
  impl_->engine = *engine;
  impl_->desired.reset();
  if (Status pruned = save_users(impl_->paths.users_file(), impl_->users); !pruned)
    return fail(pruned.error());
  return warnings;
}

Result<LocalPlatform::Preview> LocalPlatform::preview(const cluster::Spec& spec,
                                                      const cluster::Observed& observed) {
  Result<cluster::Spec> checked = check_change(impl_->state, spec);
  if (!checked) return fail(checked.error());
  ClusterState next = impl_->state;
  next.spec = *checked;
  if (Status synced = sync_nodes(impl_->home, next.spec, next); !synced) return fail(synced.error());
  Preview preview;
  preview.desired = cluster::make_desired(next.spec, Users::for_spec(next.spec, impl_->users).fingerprint());
  preview.desired.restart_before_ms = next.restart_before_ms;
  preview.desired.switchover = next.switchover;
  preview.observed = observed;
  for (const NodeState& node : next.nodes) {
    if (observed.find(node.name) == nullptr) preview.observed.nodes.push_back(facts_of_new(next.spec, node));
  }
  return preview;
}

Status LocalPlatform::request_restart(const std::vector<std::string>& nodes) {
  if (Status allowed = impl_->writable(); !allowed) return allowed;
  for (const std::string& name : nodes) {
    if (Result<NodeState*> node = impl_->node(name); !node) return fail(node.error());
  }
  Status changed = impl_->change([&nodes](ClusterState& next) {
    for (const std::string& name : nodes) next.restart_before_ms[name] = wall_clock_ms();
  });
  if (!changed) return changed;
  // Whoever asks for the start of a node that could not load its data has repaired them: it is tried again.
  for (const std::string& name : nodes) {
    NodeState& node = *impl_->state.find(name);
    if (impl_->running(node)) continue;
    node.run.failed_starts = 0;
    node.run.unloadable = false;
  }
  return impl_->save_run();
}

Status LocalPlatform::Impl::wanted_shard(const std::string& shard) {
  std::vector<std::string> shards;
  for (const cluster::DesiredShard& each : wanted().shards) shards.push_back(each.name);
  if (std::find(shards.begin(), shards.end(), shard) != shards.end()) return {};
  return fail(ErrorCode::kNotFound,
              fmt::format("there is no shard {}; there are {}", shard, join(shards, ", ")));
}

Status LocalPlatform::accept_loss(const std::string& shard) {
  if (Status allowed = impl_->writable(); !allowed) return allowed;
  if (Status known = impl_->wanted_shard(shard); !known) return known;
  return impl_->change([&](ClusterState& next) {
    next.shards[shard].held_data = false;
    next.shards[shard].loss_accepted = true;
  });
}

Status LocalPlatform::request_switchover(const std::string& shard, const std::string& to_node) {
  if (Status allowed = impl_->writable(); !allowed) return allowed;
  if (Status known = impl_->wanted_shard(shard); !known) return known;
  if (!to_node.empty()) {
    Result<NodeState*> node = impl_->node(to_node);
    if (!node) return fail(node.error());
    if ((*node)->shard != shard || (*node)->removing) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is no node of shard {}; name one that is", to_node, shard));
    }
  }
  return impl_->change([&](ClusterState& next) { next.switchover[shard] = to_node; });
}

}  // namespace keyway::platform::local
