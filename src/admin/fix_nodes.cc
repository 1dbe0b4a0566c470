#include "admin/fix_nodes.h"

#include "base/format.h"
#include "base/strings.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::Mend;
using cluster::Scene;
using resp::Command;

// A vote takes a few hundred milliseconds; a second one is begun after twice the node timeout.
constexpr int64_t kVoteTimeoutMs = 5000;
constexpr int64_t kTakeOverTimeoutMs = 2000;

bool majority_answers(const Scene& scene) {
  int all = 0;
  int answering = 0;
  for (const auto& [id, node] : scene.known().nodes()) {
    if (!node.view.primary || node.view.slots.empty()) continue;
    ++all;
    if (scene.primary(id) != nullptr) ++answering;
  }
  return answering * 2 > all;
}

bool is_primary(const FixContext& context, const Address& address) {
  const Session& session = context.session();
  Result<resp::Reply> role = session.servers.call(address, {"ROLE"}, session.timeout_ms);
  return role && !role->elements.empty() && role->elements.front().text == "master";
}

Status fail_over(const FixContext& context, const Mend& mend, const char* how, int64_t timeout_ms) {
  Result<const cluster::NodeFacts*> replica = context.node(mend.node);
  if (!replica) return fail(replica.error());
  if (auto begun = context.ask(mend.node, {{"CLUSTER", "FAILOVER", how}}); !begun) return fail(begun.error());
  const Address& address = (*replica)->address;
  if (wait_until(context.session(), [&] { return is_primary(context, address); }, timeout_ms)) return {};
  return fail(ErrorCode::kTimeout, fmt::format("{} did not become a primary within {}; its log says why",
                                               context.scene().label(mend.node), human_duration(timeout_ms)));
}

}  // namespace

Status take_over(const FixContext& context, const Mend& mend) {
  const Scene& scene = context.scene();
  const cluster::KnownNode* lost = scene.known().find(mend.other);
  bool owns_slots = lost != nullptr && !lost->view.slots.empty();
  Status done;
  if (owns_slots && majority_answers(scene)) {
    done = fail_over(context, mend, "FORCE", kVoteTimeoutMs);
  } else {
    Result<bool> agreed =
        owns_slots
            ? context.consent(fmt::format(
                  "Most primaries are gone, so nobody can vote. Shall {} take over from {} without a vote? "
                  "If that one still serves clients somewhere, what they write there is lost",
                  scene.label(mend.node), scene.label(mend.other)))
            : true;
    if (!agreed) return fail(agreed.error());
    if (!*agreed)
      return fail(ErrorCode::kConflict, fmt::format("{} stays a replica", scene.label(mend.node)));
    done = fail_over(context, mend, "TAKEOVER", kTakeOverTimeoutMs);
  }
  if (!done) return done;
  context.done(fmt::format("{} took over from {}", scene.label(mend.node), scene.label(mend.other)));
  return context.greet_all(mend.node);
}

// A server that has the highest epoch already keeps it ("STILL"). Of two that have the same one the servers
// themselves raise one, as soon as they hear of each other.
Status raise_epoch(const FixContext& context, const Mend& mend) {
  auto replies = context.ask(mend.node, {{"CLUSTER", "BUMPEPOCH"}});
  if (!replies) return fail(replies.error());
  if (replies->front().text.starts_with("STILL") && !mend.other.empty()) {
    return context.greet(mend.node, {mend.other});
  }
  context.done(fmt::format("{} took a new config epoch", context.scene().label(mend.node)));
  return context.greet_all(mend.node);
}

Status follow(const FixContext& context, const Mend& mend) {
  auto replies = context.ask(mend.node, {{"CLUSTER", "REPLICATE", mend.other}});
  if (!replies) return fail(replies.error());
  context.done(
      fmt::format("{} follows {}", context.scene().label(mend.node), context.scene().label(mend.other)));
  return {};
}

Status meet(const FixContext& context, const Mend& mend) {
  if (Status greeted = context.greet(mend.node, {mend.other}); !greeted) return greeted;
  context.done(fmt::format("{} was introduced to {}", context.scene().label(mend.node),
                           context.scene().label(mend.other)));
  return {};
}

// MEET brings its sender's role, slots and epoch at once, also to a server that knows it.
Status announce(const FixContext& context, const Mend& mend) {
  if (Status greeted = context.greet(mend.node, {mend.other}); !greeted) return greeted;
  context.done(fmt::format("{} was told of the slots of {}", context.scene().label(mend.other),
                           context.scene().label(mend.node)));
  return {};
}

// All at once: a server that was told forgets it for 60 s only, and those who know it would tell it again.
Status forget(const FixContext& context, const Mend& mend) {
  std::vector<engine::Request> requests;
  for (const cluster::NodeFacts& facts : context.scene().observed().nodes) {
    if (!facts.answering()) continue;
    for (const cluster::PeerView& peer : facts.server.peers) {
      if (peer.id == mend.node) requests.push_back({facts.address, {{"CLUSTER", "FORGET", mend.node}}});
    }
  }
  const Session& session = context.session();
  std::vector<engine::Response> responses = session.servers.exchange(requests, session.timeout_ms);
  for (size_t i = 0; i < requests.size(); ++i) {
    if (responses[i].error) return fail(*responses[i].error);
    const resp::Reply& reply = responses[i].replies.front();
    bool gone = reply.text.find("Unknown node") != std::string::npos;
    if (reply.is_error() && !gone) {
      return fail(engine::refusal(requests[i].address, requests[i].commands.front(), reply));
    }
  }
  context.done(fmt::format("{} forgot {}", count_of(static_cast<int64_t>(requests.size()), "node"),
                           context.scene().label(mend.node)));
  return {};
}

}  // namespace keyway::admin
