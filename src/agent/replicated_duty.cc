// Carries out what the election decides.
#include "agent/replicated_duty.h"

#include <algorithm>

#include "base/format.h"
#include "base/log.h"
#include "platform/local/node_files.h"
#include "platform/local/paths.h"
#include "platform/local/server_config.h"

namespace keyway::agent {

namespace {

using cluster::NodeFacts;
using cluster::Role;

constexpr int64_t kCallMs = 500;
constexpr int64_t kSteadyLeaseMs = 2000;
constexpr int64_t kUnsteadyLeaseMs = 100;
constexpr int64_t kSteadyPodsMs = 2000;
constexpr int64_t kUnsteadyPodsMs = 500;
constexpr int64_t kPauseMs = 1000;  // of writes to a server that is being replaced
constexpr int64_t kLeaveMs = 2000;

}  // namespace

// It always starts as a replica of nobody, and becomes what the election says. So data that cannot be loaded
// does no harm once it is put aside: an empty copy is never chosen over a better one.
std::optional<StartAs> ReplicatedDuty::prepare(const Start& start, std::string& waiting_for) {
  restarted_ = true;
  if (!start.unloadable) return StartAs{};
  view_ = place_.clerk == nullptr ? View{} : place_.clerk->view();
  std::string holder = view_.holder(start.now_ms);
  if (!accepts_loss(settings()) && (holder.empty() || holder == settings().identity())) {
    waiting_for =
        "the data cannot be loaded, and no other pod is the primary; repair the file, or accept the "
        "loss";
    return std::nullopt;
  }
  platform::local::NodePaths paths{settings().data_folder};
  if (Status aside = platform::local::set_aside(paths, false, wall_ms()); !aside) {
    waiting_for = aside.error().message;
    return std::nullopt;
  }
  log_warning("data that cannot be loaded was put aside", {{"folder", paths.folder}});
  return StartAs{};
}

std::vector<NodeFacts> ReplicatedDuty::look_at_others() {
  std::vector<std::pair<std::string, Address>> others;
  for (const Pod& pod : view_.pods) {
    bool other = pod.shard == settings().shard && pod.name != settings().pod && !pod.server.host.empty();
    if (other) others.emplace_back(pod.name, pod.server);
  }
  return look_at(place_.servers, cluster::Mode::kReplicated, others);
}

Sight ReplicatedDuty::make_sight(const PodState& state, int64_t now_ms, bool look_at_all) {
  Sight sight;
  if (look_at_all) {
    sight.nodes = look_at_others();
  } else {
    for (const Pod& pod : view_.pods) {
      // Known by the Lease alone while all is well.
      if (pod.name != pod_of(view_.holder(now_ms)) || pod.name == settings().pod) continue;
      NodeFacts& leader = sight.nodes.emplace_back();
      leader.name = pod.name;
      leader.address = pod.server;
    }
  }
  sight.nodes.push_back(state.node);
  for (const Pod& pod : view_.pods) {
    if (pod.shard != settings().shard) continue;
    if (pod.ending) sight.ending.insert(pod.name);
    if (pod.server.host.empty()) ++sight.homeless;
  }
  sight.now_ms = place_.clock_ms();  // the agent may have been stopped while others were asked
  sight.since_ms = since_ms_;
  sight.primary_since_ms = primary_since_ms_;
  sight.pod = settings().pod;
  sight.identity = settings().identity();
  sight.expected = replicas() + 1;
  sight.view = view_;
  sight.restarted = restarted_;
  sight.accept_loss = accepts_loss(settings());
  return sight;
}

// Whoever was stopped for so long that the Lease may be another's by now fences the server before anything
// else: it may have been stopped, too, and go on at the same moment.
void ReplicatedDuty::woke_up(PodState& state, int64_t slept_ms) {
  since_ms_ = place_.clock_ms();  // what it has slept through, others have not been given
  if (place_.clerk == nullptr || !view_.mine) return;
  View now = place_.clerk->view();
  if (now.mine && place_.clock_ms() - now.renewed_ms <= kUnrenewedMs) return;
  Status held = hold(state.node);
  log_warning("the agent was stopped, and the server takes no writes until the Lease is certain",
              {{"for_ms", std::to_string(slept_ms)}, {"error", held ? "" : held.error().message}});
  ++state.fences;
}

Tended ReplicatedDuty::tend(PodState& state, int64_t now_ms) {
  if (place_.clerk == nullptr) {
    state.waiting_for = "there is no API server, so nobody says who is the primary";
    return {};
  }
  view_ = place_.clerk->view();
  if (view_.lease) reporter_.heed(view_.lease->wanted);
  if (wish_.hold == Wish::Hold::kGiveUp && place_.clerk->settled() && !view_.mine) restarted_ = false;
  if (switchover_ && switching_over(state, now_ms)) return {true, false};
  bool primary = state.node.answering() && state.node.server.role == Role::kPrimary;
  if (!primary) primary_since_ms_ = 0;
  if (primary && primary_since_ms_ == 0) primary_since_ms_ = now_ms;
  std::string holder = view_.holder(now_ms);
  if (!holder.empty()) since_ms_ = now_ms;  // this agent, too: its next server's copy is one of several
  unsteady_ = unsteady_ || copies_ < std::min(state.node.server.connected_replicas, replicas());
  Sight sight = make_sight(state, now_ms, unsteady_);
  Decision decision = decide(sight, {});
  // Found out of step with less than all in view: look at all before anything is done about it.
  bool looked = unsteady_;
  unsteady_ = decision.unsteady;
  if (unsteady_ && !looked) {
    sight = make_sight(state, now_ms, true);
    decision = decide(sight, {});
  }
  bool obeyed = carry_out(decision, sight, state);
  note_data(state.node);
  note_copies(sight, state.node, looked || unsteady_);
  report(decision, state, now_ms);
  wish_for(decision, state);
  begin_switchover(decision, state, now_ms);
  state.leader = view_.mine && !decision.fenced;
  state.api_errors = view_.errors;
  state.waiting_for = decision.waiting_for;
  state.mark = view_.mark_of(settings().pod);
  return {unsteady_, decision.kill || (decision.fenced && !obeyed && state.node.running())};
}

Status ReplicatedDuty::tell(const Address& server, resp::Command command) {
  Result<resp::Reply> reply = place_.servers.call(server, std::move(command), kCallMs);
  if (!reply) return fail(reply.error());
  return reply->is_error() ? Status{fail(ErrorCode::kConflict, reply->text)} : Status{};
}

Status ReplicatedDuty::hold(const NodeFacts& own) {
  return tell(own.address, {"REPLICAOF", own.address.host, fmt::format("{}", platform::local::kNobodysPort)});
}

// A server that takes itself for the primary though its agent does not hold the Lease: it takes no more
// writes, what it has acknowledged is waited for as far as that works, then it follows.
void ReplicatedDuty::demote(const std::string& pod, const Address& server, const NodeFacts& own) {
  log_warning("another server takes itself for the primary", {{"pod", pod}});
  Status done = tell(server, {"CLIENT", "PAUSE", fmt::format("{}", kPauseMs), "WRITE"});
  int64_t until_ms = place_.clock_ms() + kPauseMs / 2;
  while (done && place_.clock_ms() < until_ms) {
    std::vector<NodeFacts> both =
        look_at(place_.servers, cluster::Mode::kReplicated, {{pod, server}, {own.name, own.address}});
    bool on_its_way = both[0].answering() && both[1].answering() && both[1].server.link_up &&
                      both[1].server.offset < both[0].server.offset;
    if (!on_its_way) break;
  }
  if (done) done = tell(server, {"REPLICAOF", own.address.host, fmt::format("{}", own.address.port)});
  if (!done) log_warning("it could not be told to follow", {{"error", done.error().message}});
}

bool ReplicatedDuty::carry_out(const Decision& decision, const Sight& sight, PodState& state) {
  const NodeFacts& own = state.node;
  if (decision.fenced && !was_fenced_) ++state.fences;
  was_fenced_ = decision.fenced;
  Status done;
  auto address_of = [&](const std::string& pod) {
    auto found = std::ranges::find(sight.nodes, pod, &NodeFacts::name);
    return found == sight.nodes.end() ? Address{} : found->address;
  };
  if (!decision.demote.empty()) demote(decision.demote, address_of(decision.demote), own);
  switch (decision.order) {
    case Order::kNone:
      return true;
    case Order::kHold:
      if (!own.running() || (own.answering() && own.server.role == Role::kReplica)) return true;
      log_warning("the server takes no writes any more", {{"why", decision.waiting_for}});
      done = hold(own);
      break;
    case Order::kFollow: {
      Address leader = address_of(decision.follow);
      log_info("the server follows another", {{"primary", decision.follow}});
      done = tell(own.address, {"REPLICAOF", leader.host, fmt::format("{}", leader.port)});
      break;
    }
    case Order::kPromote:
      log_info("the server becomes the primary");
      done = tell(own.address, {"REPLICAOF", "NO", "ONE"});
      if (done && sight.accept_loss) heeded_acceptance(settings());
      break;
  }
  if (!done) log_warning("the server refused its role", {{"error", done.error().message}});
  return done.has_value();
}

// What the Lease says of the data is of the server for which it is held, not of one started in its place.
void ReplicatedDuty::note_data(const NodeFacts& own) {
  if (!view_.mine || restarted_ || !own.answering()) return;
  note_.replid = own.server.replid;
  note_.offset = own.server.offset;
  note_.keys = own.server.keys;
  note_.last = settings().pod;
  note_.accept = false;
}

void ReplicatedDuty::wish_for(const Decision& decision, const PodState& state) {
  // What the last holder wrote stands until there is something of one's own to say.
  if (!view_.mine && view_.lease) note_ = decode_note(view_.lease->note);
  // Whoever was named has had its time once another one takes the Lease.
  if (view_.mine || (decision.hold == Wish::Hold::kHold && note_.to != settings().pod)) note_.to.clear();
  if (view_.mine && note_.met != asked_for()) note_.met = asked_for() == settings().pod ? asked_for() : "";
  // What is given up or taken keeps what was said of the data, which has to be read first.
  wish_.hold = view_.lease_read ? decision.hold : Wish::Hold::kWatch;
  wish_.take_version = decision.take_version;
  wish_.note = encode(note_);
  // What others judge copies by must not be older than the copies that are made.
  LeaseNote written = decode_note(view_.lease ? view_.lease->note : "");
  wish_.note_now =
      written.replid != note_.replid || (written.keys == 0) != (note_.keys == 0) || written.met != note_.met;
  wish_.report = view_.mine ? reporter_.text() : "";
  wish_.lease_period_ms = unsteady_ ? kUnsteadyLeaseMs : kSteadyLeaseMs;
  wish_.pods_period_ms = unsteady_ ? kUnsteadyPodsMs : kSteadyPodsMs;
  if (state.node.answering()) {
    bool primary = view_.mine && !decision.fenced && state.node.server.role == Role::kPrimary;
    wish_.mark = primary ? RoleMark::kPrimary : RoleMark::kReplica;
  } else if (!state.node.running()) {
    wish_.mark = RoleMark::kReplica;
  }
  place_.clerk->wish(wish_);
}

HandoverSight ReplicatedDuty::handover_sight(const PodState& state, int64_t now_ms) {
  if (place_.clerk != nullptr) view_ = place_.clerk->view();
  HandoverSight sight;
  sight.now_ms = now_ms;
  sight.own = &state.node;
  sight.others = look_at_others();
  sight.view = &view_;
  return sight;
}

// The Lease names the one who takes over before the servers change their roles; that pod's agent takes the
// Lease when its server has become the primary. From then on this one renews it no more.
void ReplicatedDuty::handing_over(const Handover& handover, const PodState& state) {
  if (place_.clerk == nullptr) return;
  bool is_primary = state.node.answering() && state.node.server.role == Role::kPrimary;
  if (is_primary) note_data(state.node);
  if (is_primary && (!view_.mine || place_.clock_ms() - view_.renewed_ms > kUnrenewedMs)) {
    if (Status held = hold(state.node); !held)
      log_warning("the server refused its role", {{"error", held.error().message}});
  }
  note_.to = handover.to();
  wish_.hold = is_primary ? Wish::Hold::kHold : Wish::Hold::kWatch;
  wish_.note = encode(note_);
  wish_.note_now = true;
  wish_.lease_period_ms = kUnsteadyLeaseMs;
  if (!is_primary) wish_.mark = RoleMark::kReplica;
  place_.clerk->wish(wish_);
}

void ReplicatedDuty::leave() {
  if (place_.clerk == nullptr) return;
  wish_.hold = Wish::Hold::kGiveUp;
  wish_.note = encode(note_);
  wish_.mark = RoleMark::kReplica;
  place_.clerk->wish(wish_);
  place_.clerk->settle(kLeaveMs);
}

std::unique_ptr<Duty> make_replicated_duty(const Workplace& place) {
  return std::make_unique<ReplicatedDuty>(place);
}

}  // namespace keyway::agent
