#include "model_platform.h"

#include <algorithm>

#include "server.h"

namespace keyway::simulation {
namespace {

// How long ago a fault must have let go of a server for Keyway to be to blame if it kills it.
constexpr int64_t kBlameUs = 2'000'000;

Status no_node(const std::string& node) { return fail(ErrorCode::kNotFound, "there is no node " + node); }

}  // namespace

void ModelPlatform::apply(cluster::Spec spec) {
  spec_ = std::move(spec);
  for (const cluster::PartitionSpec& partition : spec_.partitions) {
    for (int ordinal = 0; ordinal <= partition.replicas; ++ordinal) {
      std::string name = cluster::node_name(partition.name, ordinal);
      if (find(name) != nullptr) continue;
      Node node;
      node.name = name;
      node.shard = partition.name;
      node.place = world_.add_place(name, partition.name);
      node.id = world_.new_hex_id();
      Place& place = world_.place(node.place);
      place.load_ms = world_.random.between(2, 60);
      place.transfer_ms = world_.random.between(5, 120);
      place.lag_us = world_.random.between(200, 3000);
      if (world_.random.chance(10)) place.load_ms = world_.random.between(500, 4000);
      if (world_.random.chance(10)) place.transfer_ms = world_.random.between(500, 5000);
      nodes_.push_back(std::move(node));
    }
  }
}

bool ModelPlatform::wanted(const std::string& name) const {
  for (const cluster::PartitionSpec& partition : spec_.partitions) {
    for (int ordinal = 0; ordinal <= partition.replicas; ++ordinal) {
      if (cluster::node_name(partition.name, ordinal) == name) return true;
    }
  }
  return false;
}

std::string ModelPlatform::users() const { return fmt::format("users-{}", users_generation_); }

const ModelPlatform::Node* ModelPlatform::find(const std::string& name) const {
  for (const Node& node : nodes_) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

ModelPlatform::Node* ModelPlatform::find_mutable(const std::string& name) {
  return const_cast<Node*>(std::as_const(*this).find(name));
}

void ModelPlatform::request_restart(const std::string& node) { restart_before_ms_[node] = wall_ms(); }

void ModelPlatform::request_switchover(const std::string& shard, const std::string& node) {
  switchover_[shard] = node;
}

void ModelPlatform::repair(const std::vector<cluster::Problem>& problems) {
  for (const cluster::Problem& problem : problems) {
    const Node* node = find(problem.node);
    Server* server = node == nullptr ? nullptr : world_.server(node->place);
    bool useless = problem.text.find("flush it if they are of no use") != std::string::npos;
    if (useless && server != nullptr && server->serving())
      server->drop_values(Cause::kKeyway, "a person flushed it");
  }
  for (Node& node : nodes_) {
    world_.place(node.place).disk.loadable = true;
    node.unloadable = false;
    node.failed_starts = 0;
  }
  for (auto& [name, record] : shards_) {
    bool is_left =
        std::ranges::any_of(nodes_, [&](const Node& node) { return node.shard == name && has_copy(node); });
    if (!record.held_data || is_left) continue;
    if (world_.tracing) world_.trace("the loss of the data of " + name + " is accepted");
    record.held_data = false;
    record.loss_accepted = true;
  }
}

// A snapshot of no keys is no copy of anything.
bool ModelPlatform::has_copy(const Node& node) const {
  const Server* server = world_.server(node.place);
  if (server != nullptr) return !server->serving() || server->total_keys() > 0;
  const Disk& disk = world_.place(node.place).disk;
  return disk.has_data && (!disk.loadable || holds_keys(disk.values));
}

void ModelPlatform::note_exit(int place, Exit exit) {
  for (Node& node : nodes_) {
    if (node.place != place) continue;
    bool failed = exit == Exit::kBootFailed || exit == Exit::kUnloadable;
    if (failed) ++node.failed_starts;
    if (exit == Exit::kUnloadable) node.unloadable = true;
    node.note = failed ? "exit code 1" : "ended";
  }
}

cluster::Desired ModelPlatform::desired() {
  interrupter_.point();
  cluster::Desired desired = cluster::make_desired(spec_, users());
  desired.restart_before_ms = restart_before_ms_;
  desired.switchover = switchover_;
  return desired;
}

cluster::NodeFacts ModelPlatform::facts(const Node& node) const {
  const Place& place = world_.place(node.place);
  const Server* server = world_.server(node.place);
  cluster::NodeFacts facts;
  facts.name = node.name;
  facts.shard = node.shard;
  facts.address = place.address;
  facts.id = world_.settings.sharded ? node.id : "";
  facts.process = server != nullptr ? cluster::Process::kRunning
                  : node.started    ? cluster::Process::kStopped
                                    : cluster::Process::kNeverStarted;
  facts.pid = server != nullptr ? server->pid : 0;
  facts.started_ms = node.started_ms;
  facts.failed_starts = node.failed_starts;
  facts.unloadable = node.unloadable;
  bool present = server != nullptr ? !node.began_empty : has_copy(node);
  facts.data = present ? cluster::DataOnDisk::kPresent : cluster::DataOnDisk::kNone;
  facts.has_node_table = place.disk.has_table;
  facts.applied_config = node.applied_config;
  facts.applied_users = node.applied_users;
  facts.follow_on_disk = node.follow;
  facts.note = node.note;
  return facts;
}

cluster::Observed ModelPlatform::look() {
  interrupter_.point();
  cluster::Observed observed;
  for (Node& node : nodes_) {
    const Server* server = world_.server(node.place);
    if (server != nullptr && server->serving()) {
      node.failed_starts = 0;
      node.unloadable = false;
    }
    observed.nodes.push_back(facts(node));
  }
  observed.shards = shards_;
  observed.formed = formed_;
  if (stale_looks && last_look_.nodes.size() == observed.nodes.size()) {
    std::swap(last_look_, observed);
    observed.shards = shards_;
    return observed;
  }
  last_look_ = observed;
  return observed;
}

// What render_node_table writes and the server reads.
void ModelPlatform::write_table(Place& place, const cluster::StartNode& step) {
  NodeTable table;
  table.current_epoch = step.current_epoch;
  for (const cluster::PeerView& view : step.table) {
    Peer peer;
    peer.id = world_.id_number(view.id);
    peer.place = view.noaddr ? -1 : world_.place_at(view.address);
    peer.primary = view.primary;
    peer.fail = view.fail;
    peer.fail_at_us = world_.now_us();
    peer.primary_id = view.primary || view.primary_id.empty() ? -1 : world_.id_number(view.primary_id);
    peer.config_epoch = view.config_epoch;
    if (view.myself) table.myself = peer.id;
    for (const cluster::SlotRange& range : view.slots) table.slots.set(range.first, range.last, peer.id);
    table.peers.push_back(peer);
  }
  std::sort(table.peers.begin(), table.peers.end(), [](const Peer& a, const Peer& b) { return a.id < b.id; });
  place.disk.table = std::move(table);
  place.disk.has_table = true;
}

Status ModelPlatform::start(const cluster::StartNode& step) {
  interrupter_.point();
  Node* node = find_mutable(step.node);
  if (node == nullptr) return no_node(step.node);
  if (world_.server(node->place) != nullptr) return fail(ErrorCode::kConflict, step.node + " runs already");
  Place& place = world_.place(node->place);
  Launch launch;
  launch.config = step.config;
  launch.users = users();
  if (world_.settings.sharded) {
    if (!step.table.empty()) write_table(place, step);
    if (!place.disk.has_table) {
      // A server without a table makes itself a new identity.
      cluster::StartNode alone;
      cluster::PeerView& self = alone.table.emplace_back();
      self.id = world_.new_hex_id();
      self.address = place.address;
      self.myself = self.primary = true;
      write_table(place, alone);
    }
    if (place.disk.table.myself == kNobody) {
      world_.ledger.violation(step.node + " was given a node table without itself in it");
    }
  } else {
    const Node* primary = step.follow.empty() ? nullptr : find(step.follow);
    launch.follow = primary == nullptr ? -1 : primary->place;
    launch.hold = step.hold;
    node->follow = step.hold ? std::string(cluster::kHeld) : step.follow;
  }
  node->started = true;
  node->began_empty = !has_copy(*node);
  node->started_ms = wall_ms();
  node->applied_config = step.config;
  node->applied_users = users();
  world_.launch(node->place, launch);
  interrupter_.point();
  return {};
}

Status ModelPlatform::stop(const std::string& name, bool graceful) {
  interrupter_.point();
  const Node* node = find(name);
  if (node == nullptr) return no_node(name);
  int place = node->place;
  const Server* server = world_.server(place);
  if (server == nullptr) return {};
  if (graceful) {
    world_.on_server(place, server->pid, 100, [](Server& self) { self.close(true); });
  } else {
    bool blamed = world_.reachable_for(place, kBlameUs);
    world_.end(place, Exit::kKilled);
    world_.ledger.copy_gone(blamed ? Cause::kKeyway : Cause::kFault, place, "Keyway killed it");
  }
  interrupter_.point();
  return {};
}

Status ModelPlatform::set_data_aside(const std::string& name, bool table) {
  interrupter_.point();
  Node* node = find_mutable(name);
  if (node == nullptr) return no_node(name);
  if (world_.server(node->place) != nullptr) return fail(ErrorCode::kConflict, name + " runs");
  Disk& disk = world_.place(node->place).disk;
  disk.has_data = false;
  disk.loadable = true;
  disk.replid.clear();
  if (table) disk.has_table = false;
  node->unloadable = false;
  node->failed_starts = 0;
  world_.ledger.copy_gone(Cause::kKeyway, node->place, "its data were put aside");
  interrupter_.point();
  return {};
}

// A node goes only without slots and followers.
void ModelPlatform::check_removal(const Node& node) {
  int id = world_.find_id(node.id);
  for (int i = 0; i < world_.place_count(); ++i) {
    const Server* server = world_.server(i);
    if (server == nullptr || server->paused || i == node.place) continue;
    if (server->replication.is_replica && server->replication.primary_place == node.place &&
        world_.reachable_for(i, kBlameUs)) {
      world_.ledger.violation(fmt::format("{} was removed while {} followed it", node.name, server->name()));
    }
    if (id == kNobody || server->bus == nullptr || !server->bus->owns_slots(id)) continue;
    if (world_.reachable_for(i, kBlameUs)) {
      world_.ledger.violation(
          fmt::format("{} was removed while it owned slots in the eyes of {}", node.name, server->name()));
    }
  }
}

Status ModelPlatform::remove(const std::string& name) {
  interrupter_.point();
  const Node* node = find(name);
  if (node == nullptr) return {};
  if (world_.server(node->place) != nullptr) return fail(ErrorCode::kConflict, name + " runs");
  if (wanted(name)) return fail(ErrorCode::kConflict, name + " belongs to the cluster");
  check_removal(*node);
  std::string shard = node->shard;
  int place = node->place;
  std::erase_if(nodes_, [&](const Node& other) { return other.name == name; });
  restart_before_ms_.erase(name);
  bool shard_is_gone =
      std::none_of(nodes_.begin(), nodes_.end(), [&](const Node& other) { return other.shard == shard; });
  if (shard_is_gone) {
    shards_.erase(shard);
    switchover_.erase(shard);
  }
  Disk& disk = world_.place(place).disk;
  disk = Disk{};
  disk.values.assign(world_.key_names.size(), 0);
  world_.ledger.copy_gone(Cause::kKeyway, place, "it was removed");
  interrupter_.point();
  return {};
}

Status ModelPlatform::persist_follow(const std::string& name, const std::string& follow) {
  interrupter_.point();
  Node* node = find_mutable(name);
  if (node == nullptr) return no_node(name);
  node->follow = follow;
  return {};
}

Status ModelPlatform::persist_config(const std::string& name, const cluster::ServerConfig& complete) {
  interrupter_.point();
  Node* node = find_mutable(name);
  if (node == nullptr) return no_node(name);
  node->applied_config = complete;
  return {};
}

Result<std::vector<resp::Command>> ModelPlatform::stage_users(const std::string& name) {
  interrupter_.point();
  if (find(name) == nullptr) return fail(ErrorCode::kNotFound, "there is no node " + name);
  return std::vector<resp::Command>{{"ACL", "SETUSER", "workload", users()}};
}

Status ModelPlatform::users_applied(const std::string& name) {
  interrupter_.point();
  Node* node = find_mutable(name);
  if (node == nullptr) return no_node(name);
  node->applied_users = users();
  return {};
}

Status ModelPlatform::record_primary(const std::string& shard, const std::string& node) {
  interrupter_.point();
  shards_[shard].primary = node;
  return {};
}

Status ModelPlatform::record_data(const std::string& shard) {
  interrupter_.point();
  shards_[shard].held_data = true;
  shards_[shard].loss_accepted = false;
  world_.ledger.note_data(shard);
  return {};
}

Status ModelPlatform::record_identity(const std::string& name, const std::string& id) {
  interrupter_.point();
  Node* node = find_mutable(name);
  if (node == nullptr) return no_node(name);
  node->id = id;
  return {};
}

Status ModelPlatform::record_formed() {
  interrupter_.point();
  formed_ = true;
  return {};
}

Status ModelPlatform::clear_switchover(const std::string& shard) {
  interrupter_.point();
  switchover_.erase(shard);
  return {};
}

}  // namespace keyway::simulation
