#include "engine/observe.h"

#include "base/format.h"
#include "base/strings.h"
#include "engine/cut.h"

namespace keyway::engine {

namespace {

using cluster::Mode;
using cluster::NodeFacts;
using cluster::Reach;
using cluster::ServerFacts;
using resp::Reply;

Status parse_cluster_info(std::string_view text, ServerFacts& facts) {
  bool has_state = false;
  while (!text.empty()) {
    std::string_view value = cut_line(text);
    std::string_view name = cut(value, ':');
    if (name == "cluster_state") {
      has_state = true;
      facts.cluster_ok = value == "ok";
    } else if (name == "cluster_current_epoch") {
      std::optional<uint64_t> epoch = parse_uint(value);
      if (!epoch) return fail(ErrorCode::kCorrupt, "CLUSTER INFO has no number as cluster_current_epoch");
      facts.current_epoch = *epoch;
    }
  }
  if (!has_state) return fail(ErrorCode::kCorrupt, "CLUSTER INFO tells no cluster_state");
  return {};
}

Status read_cluster(const std::vector<Reply>& replies, ServerFacts& facts) {
  facts.id = replies[1].text;
  if (Status info = parse_cluster_info(replies[2].text, facts); !info) return info;
  Result<std::vector<cluster::PeerView>> peers = parse_cluster_nodes(replies[3].text, &facts.open_slots);
  if (!peers) return fail(peers.error());
  facts.peers = std::move(*peers);
  return {};
}

// How far a server can be reached that answers with an error. A busy one runs a script and will be back, as
// one that loads.
Reach reach_of(std::string_view error_code) {
  if (error_code == "LOADING" || error_code == "BUSY") return Reach::kLoading;
  if (error_code == "NOAUTH" || error_code == "NOPERM" || error_code == "WRONGPASS") return Reach::kDenied;
  return Reach::kSilent;
}

// Gives the reach; `why` says why it is not kAnswering where that needs words.
Reach read(Mode mode, const Response& response, ServerFacts& facts, std::string& why) {
  if (response.error) {
    why = response.error->message;
    return response.error->code == ErrorCode::kDenied ? Reach::kDenied : Reach::kSilent;
  }
  const std::vector<Reply>& replies = response.replies;
  bool loading = false;
  Status status;
  if (!replies[0].is_error()) status = parse_info(replies[0].text, facts, loading);
  if (loading) return Reach::kLoading;
  for (const Reply& reply : replies) {
    if (!reply.is_error()) continue;
    why = reply.text;
    return reach_of(reply.error_code());
  }
  if (status && mode == Mode::kSharded) status = read_cluster(replies, facts);
  if (status) return Reach::kAnswering;
  why = status.error().message;
  return Reach::kSilent;
}

}  // namespace

// Only the sections that are read, since the server works for each.
std::vector<resp::Command> questions(Mode mode) {
  std::vector<resp::Command> commands = {
      {"INFO", "server", "memory", "persistence", "stats", "replication", "cluster", "keyspace"}};
  if (mode == Mode::kSharded) {
    commands.push_back({"CLUSTER", "MYID"});
    commands.push_back({"CLUSTER", "INFO"});
    commands.push_back({"CLUSTER", "NODES"});
  }
  return commands;
}

void take_answers(Mode mode, const Response& response, NodeFacts& node) {
  node.server = {};
  std::string why;
  node.reach = read(mode, response, node.server, why);
  if (!why.empty()) node.note = std::move(why);
}

void observe(Servers& servers, Mode mode, cluster::Observed& observed, int64_t timeout_ms) {
  std::vector<NodeFacts*> nodes;
  std::vector<Request> requests;
  for (NodeFacts& node : observed.nodes) {
    if (!node.running()) continue;
    nodes.push_back(&node);
    requests.push_back(Request{node.address, questions(mode)});
  }
  if (requests.empty()) return;
  std::vector<Response> responses = servers.exchange(requests, timeout_ms);
  for (size_t i = 0; i < nodes.size(); ++i) take_answers(mode, responses[i], *nodes[i]);
}

}  // namespace keyway::engine
