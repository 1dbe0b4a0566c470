#include "agent/pod_state.h"

#include <algorithm>

#include "base/format.h"
#include "base/json_text.h"
#include "cluster/ownership.h"

namespace keyway::agent {

namespace {

constexpr int64_t kStuckMs = 60'000;  // an agent that has done nothing for so long hangs

Probe bad(std::string why) { return {false, std::move(why)}; }

std::string_view role_of(const PodState& state) {
  if (!state.node.answering()) return "unknown";
  return state.node.server.role == cluster::Role::kPrimary ? "primary" : "replica";
}

// Other nodes that are gone make every server say that the cluster fails; that is none of this pod's.
bool others_fail(const cluster::ServerFacts& server) {
  return std::ranges::any_of(server.peers,
                             [](const cluster::PeerView& peer) { return peer.fail && !peer.myself; });
}

Probe sharded_readiness(const cluster::NodeFacts& node) {
  const cluster::PeerView* own = cluster::own_view(node);
  bool primary = node.server.role == cluster::Role::kPrimary;
  if (primary && (own == nullptr || own->slots.empty())) return bad("the server has no slots in the cluster");
  if (!node.server.cluster_ok && !others_fail(node.server)) return bad("the server says cluster_state:fail");
  return {true, "ok"};
}

}  // namespace

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kPreparing:
      return "preparing";
    case Phase::kWaiting:
      return "waiting";
    case Phase::kRunning:
      return "running";
    case Phase::kHandingOver:
      return "handing over";
    case Phase::kStopping:
      return "stopping";
  }
  return "unknown";
}

Probe readiness(const PodState& state) {
  const cluster::NodeFacts& node = state.node;
  if (state.phase != Phase::kRunning)
    return bad(fmt::format("{}{}{}", to_string(state.phase), state.waiting_for.empty() ? "" : ": ",
                           state.waiting_for));
  if (!node.running()) return bad("the server does not run: " + node.note);
  if (node.reach == cluster::Reach::kLoading) return bad("the server loads its data");
  if (node.reach == cluster::Reach::kDenied) return bad("the server refuses the agent's password");
  if (!node.answering()) return bad("the server does not answer");
  const cluster::ServerFacts& server = node.server;
  if (server.role == cluster::Role::kReplica && server.syncing) return bad("the server copies its data");
  if (server.role == cluster::Role::kReplica && !server.link_up)
    return bad(state.waiting_for.empty() ? "the server is not in sync with its primary" : state.waiting_for);
  if (state.mode == cluster::Mode::kSharded && !state.joined)
    return bad("the server has not found the others yet");
  if (state.mode == cluster::Mode::kSharded) return sharded_readiness(node);
  if (server.role == cluster::Role::kPrimary && !state.leader)
    return bad("the server is not its shard's primary by right");
  return {true, "ok"};
}

Probe liveness(const PodState& state, int64_t now_ms) {
  int64_t silent_ms = now_ms - state.tick_ms;
  if (silent_ms < kStuckMs) return {true, "ok"};
  return bad(fmt::format("the agent has done nothing for {} ms", silent_ms));
}

std::string role_json(const PodState& state) {
  const cluster::NodeFacts& node = state.node;
  const cluster::ServerFacts& server = node.server;
  JsonText json;
  json.open_object();
  json.text("pod", state.pod);
  json.text("cluster", state.cluster);
  json.text("shard", state.shard);
  json.text("phase", to_string(state.phase));
  json.text("role", role_of(state));
  json.text("address", to_string(node.address));
  json.number("server_pid", node.pid);
  json.number("offset", server.offset);
  json.text("replication_id", server.replid);
  json.text("replication_id2", server.replid2);
  json.number("second_offset", server.second_offset);
  json.number("keys", server.keys);
  json.boolean("link_up", server.link_up);
  json.boolean("holds_lease", state.leader);
  if (state.mode == cluster::Mode::kSharded) {
    const cluster::PeerView* own = node.answering() ? cluster::own_view(node) : nullptr;
    json.text("id", server.id);
    json.number("epoch", own == nullptr ? 0 : static_cast<int64_t>(own->config_epoch));
    json.number("current_epoch", static_cast<int64_t>(server.current_epoch));
  }
  Probe ready = readiness(state);
  json.boolean("ready", ready.good);
  json.text("why", ready.why);
  if (!state.waiting_for.empty()) json.text("waiting_for", state.waiting_for);
  json.close();
  return json.take();
}

}  // namespace keyway::agent
