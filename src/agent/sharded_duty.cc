// Sharded mode: a server that wakes up with a node table that is true, and a primary that does not come back
// over a better copy. What the cluster as a whole needs is the steward's matter (steward.h).
#include <algorithm>
#include <cstdio>

#include "agent/duty.h"
#include "agent/steward.h"
#include "agent/table_repair.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "cluster/ownership.h"
#include "engine/node_table.h"
#include "engine/observe.h"
#include "platform/local/files.h"
#include "platform/local/node_files.h"
#include "platform/local/paths.h"

namespace keyway::agent {

namespace local = platform::local;

namespace {

using cluster::NodeFacts;
using cluster::PeerView;
using cluster::Role;

constexpr int64_t kCallMs = 500;
constexpr int64_t kVoteMs = 400;       // for a replica to be elected; then it takes over without a vote
constexpr int64_t kTakeoverMs = 4000;  // for a replica to take over at all, if this copy is a good one
constexpr int64_t kSteadyPodsMs = 2000;
constexpr int64_t kUnsteadyPodsMs = 1000;
constexpr int64_t kReplacedMs = 3000;  // after which the others may give a silent primary up
constexpr int64_t kPauseMs = 1000;
constexpr int64_t kRegistryMs = 5000;  // for the first answers of the API server

class ShardedDuty : public Duty {
 public:
  explicit ShardedDuty(const Workplace& place) : place_(place) {
    if (place.clerk != nullptr) steward_ = std::make_unique<Steward>(place);
  }

  std::optional<StartAs> prepare(const Start& start, std::string& waiting_for) override;
  void woke_up(PodState& state, int64_t slept_ms) override;
  Tended tend(PodState& state, int64_t now_ms) override;
  HandoverSight handover_sight(const PodState& state, int64_t now_ms) override;
  void handing_over(const Handover&, const PodState&) override {}
  void leave() override;

 private:
  const Settings& settings() const { return place_.settings; }
  local::NodePaths paths() const { return {settings().data_folder}; }
  bool waits_for_registry(int64_t now_ms, std::string& waiting_for);
  std::map<std::string, Address> present_addresses();
  std::optional<TableRepair> mend_table(std::string& waiting_for);
  bool give_way(const TableRepair& table, const Start& start, std::string& waiting_for);
  bool replace(const std::vector<NodeFacts>& replicas, const Start& start, std::string& waiting_for);
  bool become_replica(const TableRepair& table, const NodeFacts& primary, std::string& waiting_for);
  void wish_for(const PodState& state, const View& view, int64_t now_ms);
  void remember_table(const cluster::NodeFacts& node);

  Workplace place_;
  std::unique_ptr<Steward> steward_;  // none: there is no API server
  int64_t giving_way_since_ms_ = 0;   // monotonic; 0: it does not
  bool forced_ = false;               // a replica was told to stand for election
  std::vector<PeerView> own_table_;   // what the server knew last, if it owned slots
  uint64_t own_table_epoch_ = 0;
  bool joined_ = false;  // the server has found the others since it was started
  int64_t since_ms_ = monotonic_ms();
  Wish wish_;
};

// By node id. Of a pod that was made anew and has not told its id yet, the steward's record knows it: else
// those that all come back at once, each with another address, would not find each other.
std::map<std::string, Address> ShardedDuty::present_addresses() {
  std::map<std::string, Address> addresses;
  if (place_.clerk == nullptr) return addresses;
  View view = place_.clerk->view();
  ClusterRecord record = decode_record(view.lease ? view.lease->note : "");
  for (const Pod& pod : view.pods) {
    if (pod.server.host.empty() || pod.name == settings().pod) continue;
    const std::string& id = pod.node_id.empty() ? record.nodes[pod.name].id : pod.node_id;
    if (!id.empty()) addresses[id] = pod.server;
  }
  return addresses;
}

// Where the others are is worth a moment; a server that waits for an API server that is away is worth more.
bool ShardedDuty::waits_for_registry(int64_t now_ms, std::string& waiting_for) {
  if (place_.clerk == nullptr) return false;
  View view = place_.clerk->view();
  if ((view.pods_read && view.lease_read) || now_ms - since_ms_ > kRegistryMs) return false;
  waiting_for = "the API server has not answered yet";
  return true;
}

// Nothing: there was an error, told in `waiting_for`.
std::optional<TableRepair> ShardedDuty::mend_table(std::string& waiting_for) {
  std::string path = paths().node_table();
  Result<std::string> text = local::read_file(path);
  const bool gone = !text && text.error().code == ErrorCode::kNotFound;
  if (gone && own_table_.empty()) return TableRepair{};
  // Its files went while it ran. Started as somebody new where its replicas look for their primary, it would
  // give them its emptiness.
  if (gone) {
    log_warning("the node table is gone; it is written anew as the server had it last", {{"file", path}});
    text = engine::render_node_table(own_table_, own_table_epoch_, place_.program.has_shard_ids());
  }
  Result<TableRepair> table = text ? repair_table(*text, settings().server, present_addresses())
                                   : Result<TableRepair>(fail(text.error()));
  Status done;
  if (!table && table.error().code == ErrorCode::kCorrupt) {
    done = local::set_table_aside(paths(), wall_ms());
    if (done) log_warning("the node table was put aside", {{"why", table.error().message}, {"file", path}});
    if (done) return TableRepair{};
  } else if (!table) {
    done = fail(table.error());
  } else if (table->text.empty()) {
    if (std::remove(path.c_str()) != 0) done = fail(local::file_error(errno, "delete " + path));
  } else if (gone) {
    done = local::replace_file(path, table->text, local::Durability::kDurable);
  } else if (table->changed) {
    log_info("the node table was mended",
             {{"addresses", std::to_string(table->readdressed)}, {"torn", table->torn ? "yes" : "no"}});
    done = local::replace_file(path, table->text, local::Durability::kDurable);
  }
  if (done) return *table;
  waiting_for = done.error().message;
  return std::nullopt;
}

std::optional<StartAs> ShardedDuty::prepare(const Start& start, std::string& waiting_for) {
  joined_ = false;
  if (waits_for_registry(start.now_ms, waiting_for)) return std::nullopt;
  std::optional<TableRepair> table = mend_table(waiting_for);
  if (!table) return std::nullopt;
  if (place_.clerk != nullptr && !table->id.empty()) {
    wish_.node_id = table->id;  // before the server can say it: others look for it by that
    place_.clerk->wish(wish_);
  }
  bool owner = table->primary && table->has_slots;
  if (owner && !accepts_loss(settings())) {
    if (!give_way(*table, start, waiting_for)) return std::nullopt;
    table = mend_table(waiting_for);
    if (!table) return std::nullopt;
    owner = table->primary && table->has_slots;
  }
  giving_way_since_ms_ = 0;
  forced_ = false;
  if (!start.unloadable) return StartAs{};
  if (owner && !accepts_loss(settings())) {
    waiting_for = "the data cannot be loaded and no replica has them; repair the file, or accept the loss";
    return std::nullopt;
  }
  if (Status aside = local::set_aside(paths(), false, wall_ms()); !aside) {
    waiting_for = aside.error().message;
    return std::nullopt;
  }
  log_warning("data that cannot be loaded was put aside", {{"folder", paths().folder}});
  heeded_acceptance(settings());
  return StartAs{};
}

// A primary that has ended is replaced by its best replica before it is started again; so there is no moment
// in which it could take its slots back with older data, or none. Says whether it may be started now.
bool ShardedDuty::give_way(const TableRepair& table, const Start& start, std::string& waiting_for) {
  if (giving_way_since_ms_ == 0) giving_way_since_ms_ = start.now_ms;
  auto peers = engine::parse_cluster_nodes(table.text, nullptr);
  if (!peers) return true;
  std::vector<std::pair<std::string, Address>> known;
  for (const PeerView& peer : *peers) {
    if (!peer.myself && peer.primary_id == table.id) known.emplace_back(peer.id, peer.address);
  }
  if (known.empty()) return true;
  std::vector<NodeFacts> replicas = look_at(place_.servers, cluster::Mode::kSharded, known);
  for (NodeFacts& node : replicas) {
    // Addresses change hands.
    if (node.answering() && node.server.id != node.name) node.reach = cluster::Reach::kSilent;
    const PeerView* own = node.answering() ? cluster::own_view(node) : nullptr;
    if (own != nullptr && own->primary && !own->slots.empty())
      return become_replica(table, node, waiting_for);
  }
  bool has_data =
      local::data_on_disk(paths(), start.appends) == cluster::DataOnDisk::kPresent && !start.unloadable;
  bool tried = start.now_ms - giving_way_since_ms_ > kTakeoverMs;
  if (has_data && tried) return true;
  if (replace(replicas, start, waiting_for)) return false;
  if (has_data) return true;
  bool all_empty = std::ranges::all_of(
      replicas, [](const NodeFacts& node) { return node.answering() && node.server.keys == 0; });
  if (all_empty) return true;
  waiting_for = "there is no data here, and the copies of its replicas have yet to be seen";
  return false;
}

// Tells the best replica to take over; false: none can.
bool ShardedDuty::replace(const std::vector<NodeFacts>& replicas, const Start& start,
                          std::string& waiting_for) {
  const NodeFacts* best = nullptr;
  for (const NodeFacts& node : replicas) {
    bool sound = node.answering() && node.server.role == Role::kReplica && !node.server.syncing &&
                 (node.server.keys > 0 || node.server.offset > 1);
    if (sound && (best == nullptr || node.server.offset > best->server.offset)) best = &node;
  }
  if (best == nullptr) return false;
  bool by_vote = start.now_ms - giving_way_since_ms_ < kVoteMs;
  waiting_for = fmt::format("{} takes over", to_string(best->address));
  if (by_vote && forced_) return true;
  forced_ = true;
  Result<resp::Reply> reply =
      place_.servers.call(best->address, {"CLUSTER", "FAILOVER", by_vote ? "FORCE" : "TAKEOVER"}, kCallMs);
  if (reply && !reply->is_error()) {
    log_info("a replica takes over from the server that has ended",
             {{"replica", to_string(best->address)}, {"how", by_vote ? "vote" : "takeover"}});
  }
  return true;
}

// Writes the table with which the server wakes up as the replica of who took over.
bool ShardedDuty::become_replica(const TableRepair& table, const NodeFacts& primary,
                                 std::string& waiting_for) {
  std::vector<PeerView> peers = primary.server.peers;
  bool listed = false;
  for (PeerView& peer : peers) {
    peer.myself = peer.id == table.id;
    peer.fail = peer.pfail = peer.noaddr = false;
    if (peer.id == primary.server.id) peer.address = primary.address;
    if (!peer.myself) continue;
    listed = true;
    peer.primary = false;
    peer.primary_id = primary.server.id;
    peer.slots.clear();
    peer.address = settings().server;
    peer.bus_port = settings().bus_port;
  }
  if (!listed) {
    waiting_for = to_string(primary.address) + " has taken over and does not know this server any more";
    return true;
  }
  std::string text =
      engine::render_node_table(peers, primary.server.current_epoch, place_.program.has_shard_ids());
  Status written = local::replace_file(paths().node_table(), text, local::Durability::kDurable);
  if (!written) waiting_for = written.error().message;
  if (written) log_info("the server starts as a replica", {{"primary", to_string(primary.address)}});
  return written.has_value();
}

void ShardedDuty::wish_for(const PodState& state, const View& view, int64_t now_ms) {
  const PeerView* own = state.node.answering() ? cluster::own_view(state.node) : nullptr;
  if (own != nullptr) {
    wish_.mark = own->primary && !own->slots.empty() ? RoleMark::kPrimary : RoleMark::kReplica;
    wish_.node_id = state.node.server.id;
  }
  bool busy = own == nullptr || steward_->leads();
  wish_.pods_period_ms = busy ? kUnsteadyPodsMs : kSteadyPodsMs;
  steward_->wish_for(view, own != nullptr, now_ms, wish_);
  place_.clerk->wish(wish_);
}

// Whether the server has links to all who own slots, or knows that it cannot have them. Before that it takes
// its table for the truth, wherever the others are by now.
bool has_found_others(const NodeFacts& node) {
  return node.answering() && std::ranges::all_of(node.server.peers, [](const PeerView& peer) {
           return peer.myself || peer.slots.empty() || peer.linked || peer.fail || peer.pfail || peer.noaddr;
         });
}

void ShardedDuty::remember_table(const NodeFacts& node) {
  const PeerView* own = node.answering() ? cluster::own_view(node) : nullptr;
  if (own == nullptr) return;
  own_table_.clear();
  if (own->primary && !own->slots.empty()) own_table_ = node.server.peers;
  own_table_epoch_ = node.server.current_epoch;
}

// The others may have replaced a primary that was stopped. It hears so as soon as it listens to them; until
// then its clients wait.
void ShardedDuty::woke_up(PodState& state, int64_t slept_ms) {
  bool was_primary = wish_.mark == RoleMark::kPrimary;
  if (!was_primary || slept_ms < kReplacedMs) return;
  Result<resp::Reply> paused = place_.servers.call(
      state.node.address, {"CLIENT", "PAUSE", std::to_string(kPauseMs), "WRITE"}, kCallMs);
  log_warning("the agent was stopped, and writes wait until the server has heard the others",
              {{"for_ms", std::to_string(slept_ms)}, {"error", paused ? "" : paused.error().message}});
}

Tended ShardedDuty::tend(PodState& state, int64_t now_ms) {
  remember_table(state.node);
  joined_ = joined_ || has_found_others(state.node);
  state.joined = joined_;
  if (place_.clerk == nullptr) return {};
  View view = place_.clerk->view();
  wish_for(state, view, now_ms);
  bool soon = steward_->step(view, now_ms);
  state.leader = steward_->leads();
  state.api_errors = view.errors;
  state.mark = view.mark_of(settings().pod);
  return {soon || !state.node.answering(), false};
}

HandoverSight ShardedDuty::handover_sight(const PodState& state, int64_t now_ms) {
  HandoverSight sight;
  sight.now_ms = now_ms;
  sight.own = &state.node;
  if (!state.node.answering()) return sight;
  std::vector<std::pair<std::string, Address>> replicas;
  for (const PeerView& peer : state.node.server.peers) {
    if (peer.primary_id == state.node.server.id && !peer.fail && peer.linked)
      replicas.emplace_back(to_string(peer.address), peer.address);
  }
  sight.others = look_at(place_.servers, cluster::Mode::kSharded, replicas);
  return sight;
}

void ShardedDuty::leave() {
  if (place_.clerk == nullptr) return;
  wish_.mark = RoleMark::kReplica;
  wish_.hold = Wish::Hold::kGiveUp;
  place_.clerk->wish(wish_);
  place_.clerk->settle(kCallMs);
}

}  // namespace

std::unique_ptr<Duty> make_sharded_duty(const Workplace& place) {
  return std::make_unique<ShardedDuty>(place);
}

}  // namespace keyway::agent
