#include "admin/ask_all.h"

#include <map>
#include <utility>

#include "base/format.h"
#include "cluster/ownership.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::Knowledge;
using cluster::KnownNode;
using cluster::NodeFacts;
using cluster::Reach;
using resp::Command;

constexpr int64_t kShortestNodeTimeoutMs = 100;

bool is_primary(const Knowledge& knowledge, const NodeFacts& node) {
  const KnownNode* known = knowledge.find(cluster::effective_id(node));
  return known != nullptr && known->view.primary;
}

bool is_asked(const Knowledge& knowledge, const NodeFacts& node, Which which) {
  return which == Which::kAll || is_primary(knowledge, node) == (which == Which::kPrimaries);
}

// It was just waited for in vain; once is enough.
Error silence(const NodeFacts& node) {
  return {ErrorCode::kUnavailable,
          node.note.empty() ? fmt::format("{} does not answer", node.name) : node.note};
}

struct Exchanged {
  const NodeFacts* node = nullptr;
  engine::Response response;
};

// The same commands to every chosen node of the cluster, all at once.
std::vector<Exchanged> ask(Session& session, const cluster::Observed& observed,
                           const std::vector<Command>& commands, Which which) {
  Knowledge knowledge(observed);
  std::vector<Exchanged> all;
  std::vector<engine::Request> requests;
  for (const NodeFacts& node : observed.nodes) {
    if (!is_asked(knowledge, node, which)) continue;
    Exchanged& one = all.emplace_back();
    one.node = &node;
    if (node.reach == Reach::kSilent) {
      one.response.error = silence(node);
    } else {
      requests.push_back({node.address, commands});
    }
  }
  std::vector<engine::Response> responses = session.servers.exchange(requests, session.timeout_ms);
  size_t next = 0;
  for (Exchanged& one : all) {
    if (!one.response.error) one.response = std::move(responses[next++]);
  }
  return all;
}

NodeReply as_reply(const Exchanged& one, size_t command) {
  NodeReply reply;
  reply.id = cluster::effective_id(*one.node);
  reply.address = one.node->address;
  if (command < one.response.replies.size()) {
    reply.reply = one.response.replies[command];
  } else {
    reply.error = one.response.error;
  }
  return reply;
}

// What came of CONFIG SET and CONFIG REWRITE on one node.
NodeReply kept_timeout(const Session& session, const Exchanged& one, const Command& rewrite) {
  NodeReply set = as_reply(one, 0);
  if (set.error || !set.reply.ok()) return set;
  NodeReply kept = as_reply(one, 1);
  if (kept.error || kept.reply.ok()) return kept;
  if (kept.reply.text.find("without a config file") == std::string::npos) {
    Error refused = engine::refusal(one.node->address, rewrite, kept.reply);
    refused.message += "; the new timeout holds until the server is started again";
    kept.error = std::move(refused);
    return kept;
  }
  session.reporter.warn(fmt::format(
      "{} has no configuration file: the new timeout holds until it is started again", one.node->name));
  return set;
}

PrimaryInfo describe(const NodeFacts& node, const KnownNode& known) {
  PrimaryInfo primary;
  primary.id = cluster::effective_id(node);
  primary.address = node.address;
  primary.slots = cluster::count(known.view.slots);
  primary.answers = node.answering();
  if (!primary.answers) return primary;
  primary.zone = node.server.zone;
  primary.version = node.server.version;
  primary.keys = node.server.keys;
  primary.memory_bytes = node.server.memory_bytes;
  primary.ops_per_s = node.server.ops_per_s;
  return primary;
}

}  // namespace

Result<std::vector<NodeReply>> call(Session& session, const Address& seed, const resp::Command& command,
                                    Which which) {
  if (command.empty()) return fail(ErrorCode::kInvalidArgument, "no command was given to call");
  Result<cluster::Observed> observed = session.survey(seed);
  if (!observed) return fail(observed.error());
  std::vector<NodeReply> replies;
  for (const Exchanged& one : ask(session, *observed, {command}, which)) replies.push_back(as_reply(one, 0));
  return replies;
}

Result<std::vector<NodeReply>> set_timeout(Session& session, const Address& seed, int64_t timeout_ms) {
  if (timeout_ms < kShortestNodeTimeoutMs) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a node timeout of {} ms is too short, nodes would be given up for being busy; "
                            "{} ms is the least",
                            timeout_ms, kShortestNodeTimeoutMs));
  }
  Result<cluster::Observed> observed = session.survey(seed);
  if (!observed) return fail(observed.error());
  Command set = {"CONFIG", "SET", "cluster-node-timeout", fmt::format("{}", timeout_ms)};
  Command rewrite = {"CONFIG", "REWRITE"};
  std::vector<NodeReply> replies;
  for (const Exchanged& one : ask(session, *observed, {set, rewrite}, Which::kAll)) {
    replies.push_back(kept_timeout(session, one, rewrite));
  }
  return replies;
}

Result<ClusterInfo> info(Session& session, const Address& seed) {
  Result<cluster::Observed> observed = session.survey(seed);
  if (!observed) return fail(observed.error());
  Knowledge knowledge(*observed);
  std::map<std::string, int> replicas;  // that answer, by their primary
  for (const NodeFacts& node : observed->nodes) {
    const KnownNode* known = knowledge.find(cluster::effective_id(node));
    if (known != nullptr && !known->view.primary && node.answering()) ++replicas[known->view.primary_id];
  }
  ClusterInfo all;
  for (const NodeFacts& node : observed->nodes) {
    const KnownNode* known = knowledge.find(cluster::effective_id(node));
    if (known == nullptr || !known->view.primary) continue;
    PrimaryInfo primary = describe(node, *known);
    primary.replicas = replicas[primary.id];
    all.keys += primary.keys;
    all.primaries.push_back(std::move(primary));
  }
  all.keys_a_slot = static_cast<double>(all.keys) / cluster::kSlotCount;
  return all;
}

}  // namespace keyway::admin
