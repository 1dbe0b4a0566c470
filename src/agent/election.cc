#include "agent/election.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::agent {

namespace {

using cluster::NodeFacts;
using cluster::Role;

constexpr int64_t kNever = 1'000'000;  // turns

bool has_history(const NodeFacts& node, const std::string& replid) {
  return node.server.replid == replid || node.server.replid2 == replid;
}

bool is_primary(const NodeFacts& node) { return node.answering() && node.server.role == Role::kPrimary; }

const NodeFacts* find(const Sight& sight, const std::string& pod) {
  auto found = std::ranges::find(sight.nodes, pod, &NodeFacts::name);
  return found == sight.nodes.end() ? nullptr : &*found;
}

// Picks the copy with which the shard goes on when nobody holds the Lease.
class Choice {
 public:
  Choice(const Sight& sight, const ElectionTimes& times, const LeaseNote& note)
      : sight_(sight), times_(times), note_(note) {}

  // The pod; empty: none yet, and `why` says what is waited for.
  std::string make(std::string& why) {
    const NodeFacts* best = nullptr;
    for (const NodeFacts& node : sight_.nodes) {
      if (sound(node) && (best == nullptr || better(node, *best))) best = &node;
    }
    if (best != nullptr && fresh(*best) && (others_answer() || waited(times_.patience_ms))) {
      if (waited(times_.patience_ms + before_ms())) return sight_.pod;
      if (best->name != sight_.pod) return best->name;
      why = "others that cannot be seen may go first: " + missing();
      return {};
    }
    if (best != nullptr && all_there()) return best->name;
    if (best != nullptr && note_.replid.empty() && waited(times_.first_ms) && others_answer())
      return best->name;
    if (best != nullptr && accepts()) return best->name;
    why = best == nullptr && all_there()
              ? fmt::format(
                    "every copy of this shard is empty, and there were {} keys; restore one, or "
                    "accept the loss",
                    note_.keys)
              : "the copies of the other pods may be better: " + missing();
    return {};
  }

 private:
  bool accepts() const { return note_.accept || sight_.accept_loss; }
  bool waited(int64_t time_ms) const { return sight_.now_ms - sight_.since_ms >= time_ms; }

  bool sound(const NodeFacts& node) const {
    if (!node.answering() || sight_.ending.contains(node.name)) return false;
    if (node.server.role == Role::kReplica && node.server.syncing) return false;
    return node.server.keys > 0 || note_.keys == 0 || accepts();
  }
  bool matches(const NodeFacts& node) const {
    return note_.replid.empty() || has_history(node, note_.replid);
  }
  // It has all that the last holder had when it was last heard of.
  bool fresh(const NodeFacts& node) const {
    return !note_.replid.empty() && has_history(node, note_.replid) && node.server.offset >= note_.offset;
  }
  // How long those go before the agent's own copy that are better: who has all data, yet does not take the
  // Lease, has no agent that works. If there are any besides the last holder that this agent cannot see, it
  // may be the one that is cut off, and they, too, go first.
  int64_t before_ms() const {
    const NodeFacts* own = find(sight_, sight_.pod);
    if (own == nullptr || !sound(*own) || !fresh(*own)) return kNever;
    bool blind = std::ranges::any_of(
        sight_.nodes, [&](const NodeFacts& node) { return !node.answering() && node.name != note_.last; });
    int64_t sum_ms = blind ? times_.turn_ms : 0;
    for (const NodeFacts& node : sight_.nodes) {
      if (&node == own || !sound(node) || !better(node, *own)) continue;
      bool fresher = !is_primary(node) && node.server.offset > own->server.offset;
      sum_ms += fresher ? times_.fresher_ms : times_.turn_ms;
    }
    // Whoever was named may be the primary by now, seen or not, and stops being it in time (see unheld).
    const NodeFacts* named = note_.to == sight_.pod ? nullptr : find(sight_, note_.to);
    bool may_lead = named != nullptr && (!named->answering() || is_primary(*named));
    if (may_lead) sum_ms = std::max(sum_ms, times_.named_ms);
    return sum_ms;
  }
  bool better(const NodeFacts& left, const NodeFacts& right) const {
    // A handover that was under way may have given the data a history of which nobody could write any more.
    bool known = note_.to.empty();
    if (known && matches(left) != matches(right)) return matches(left);
    if ((left.server.keys == 0) != (right.server.keys == 0)) return left.server.keys > 0;
    if (left.server.offset != right.server.offset) return left.server.offset > right.server.offset;
    if ((left.name == note_.last) != (right.name == note_.last)) return left.name == note_.last;
    if (left.server.keys != right.server.keys) return left.server.keys > right.server.keys;
    return earlier_pod(left.name, right.name);
  }
  bool others_answer() const {
    return std::ranges::all_of(sight_.nodes, [](const NodeFacts& node) { return node.answering(); });
  }
  bool all_there() const {
    return others_answer() && sight_.homeless == 0 && std::ssize(sight_.nodes) >= sight_.expected;
  }
  std::string missing() const {
    for (const NodeFacts& node : sight_.nodes) {
      if (!node.answering()) return node.name + " has not answered yet";
    }
    return fmt::format("{} of {} pods are there", sight_.nodes.size(), sight_.expected);
  }

  const Sight& sight_;
  const ElectionTimes& times_;
  const LeaseNote& note_;
};

const NodeFacts* other_primary(const Sight& sight) {
  for (const NodeFacts& node : sight.nodes) {
    if (node.name != sight.pod && is_primary(node)) return &node;
  }
  return nullptr;
}

// One that loads or runs a script says so. One that says nothing for long is killed if there is a copy with
// which the shard can go on: its Lease must not be given up while it may wake up and take writes.
Decision over_silent_server(const Sight& sight, const ElectionTimes& times, const NodeFacts& own,
                            Decision decision) {
  if (own.reach != cluster::Reach::kSilent || own.silent_ms < times.hung_ms / 2) return decision;
  decision.unsteady = true;
  decision.waiting_for = fmt::format("the server has said nothing for {} ms", own.silent_ms);
  if (own.silent_ms < times.hung_ms) return decision;
  LeaseNote note = decode_note(sight.view.lease->note);
  decision.kill = std::ranges::any_of(sight.nodes, [&](const NodeFacts& node) {
    return node.answering() && node.server.role == Role::kReplica && !node.server.syncing &&
           has_history(node, note.replid) && !sight.ending.contains(node.name);
  });
  return decision;
}

Decision as_holder(const Sight& sight, const ElectionTimes& times, const NodeFacts* own) {
  Decision decision;
  decision.hold = Wish::Hold::kHold;
  decision.take_version = sight.view.lease ? sight.view.lease->resource_version : "";
  int64_t left_ms = sight.view.renewed_ms + sight.view.lease->duration_ms - sight.now_ms;
  if (left_ms <= times.fence_before_ms) {
    decision.order = Order::kHold;
    decision.fenced = true;
    decision.unsteady = true;
    decision.waiting_for = "the Lease could not be renewed: " + sight.view.last_error;
    return decision;
  }
  // What was started in its place begins anew, with whatever it has loaded.
  if (own == nullptr || !own->running() || sight.restarted) {
    decision.hold = Wish::Hold::kGiveUp;
    decision.unsteady = true;
    decision.waiting_for = "the server has ended";
    return decision;
  }
  if (!own->answering()) return over_silent_server(sight, times, *own, std::move(decision));
  // Somebody's agent hangs, or did not come back from wherever they both were.
  if (const NodeFacts* other = other_primary(sight)) decision.demote = other->name;
  if (own->server.role != Role::kPrimary) {
    decision.unsteady = true;
    decision.order = Order::kPromote;
  }
  // The first replica of a server without a backlog gives its data a new history, which is to be on record
  // before there are copies of it.
  if (own->server.connected_replicas + 1 < sight.expected) decision.unsteady = true;
  return decision;
}

// Handed over to, and not able to take the Lease before others may.
bool unheld(const Sight& sight, const ElectionTimes& times) {
  return sight.now_ms - sight.primary_since_ms >= times.named_ms - times.fence_before_ms;
}

Decision under_holder(const Sight& sight, const ElectionTimes& times, const std::string& holder,
                      const LeaseNote& note, const NodeFacts* own) {
  Decision decision;
  bool primary = own != nullptr && is_primary(*own);
  if (primary && note.to == sight.pod && !unheld(sight, times)) {
    decision.hold = Wish::Hold::kHold;  // it was handed over, data first
    decision.take_version = sight.view.lease->resource_version;
    decision.unsteady = true;
    return decision;
  }
  // What it has become may be what the Lease says by now.
  bool heard_of = sight.view.read_ms >= sight.primary_since_ms;
  if (primary && !heard_of && sight.now_ms - sight.primary_since_ms < times.read_ms) {
    decision.unsteady = true;
    decision.waiting_for = "the Lease is being read";
    return decision;
  }
  std::string pod = pod_of(holder);
  const NodeFacts* leader = find(sight, pod);
  bool leads = leader != nullptr && is_primary(*leader);
  bool follows = own != nullptr && own->answering() && !primary && leader != nullptr &&
                 own->server.primary_address == leader->address;
  if (follows && own->server.link_up) return decision;
  decision.unsteady = true;
  decision.waiting_for = follows ? "the copy is not in sync yet" : pod + " is not the primary yet";
  if (own == nullptr || !own->answering() || follows) return decision;
  bool would_lose = leads && own->server.keys > 0 && leader->server.keys == 0 &&
                    !has_history(*own, leader->server.replid) && !sight.accept_loss && !note.accept;
  if (would_lose) {
    decision.waiting_for = fmt::format("{} is empty and this copy holds {} keys", pod, own->server.keys);
    if (primary) decision.order = Order::kHold;
  } else if (leads) {
    decision.order = Order::kFollow;
    decision.follow = pod;
  } else if (primary) {
    decision.order = Order::kHold;
  }
  return decision;
}

}  // namespace

std::string pod_of(const std::string& identity) { return identity.substr(0, identity.find('/')); }

std::string encode(const LeaseNote& note) {
  return fmt::format("replid={};offset={};keys={};to={};last={};met={}{}", note.replid, note.offset,
                     note.keys, note.to, note.last, note.met, note.accept ? ";accept=1" : "");
}

LeaseNote decode_note(const std::string& text) {
  LeaseNote note;
  for (std::string_view field : split(text, ';')) {
    size_t at = field.find('=');
    if (at == std::string_view::npos) continue;
    std::string_view name = field.substr(0, at);
    std::string_view value = field.substr(at + 1);
    if (name == "replid") note.replid = value;
    if (name == "offset") note.offset = parse_int(value).value_or(0);
    if (name == "keys") note.keys = parse_int(value).value_or(0);
    if (name == "to") note.to = value;
    if (name == "last") note.last = value;
    if (name == "met") note.met = value;
    if (name == "accept") note.accept = value == "1";
  }
  return note;
}

Decision decide(const Sight& sight, const ElectionTimes& times) {
  const NodeFacts* own = find(sight, sight.pod);
  if (sight.view.mine && sight.view.lease) return as_holder(sight, times, own);
  Decision decision;
  decision.unsteady = true;
  if (sight.restarted) {
    decision.hold = Wish::Hold::kGiveUp;
    decision.waiting_for = "the Lease is being given up";
    return decision;
  }
  bool primary = own != nullptr && is_primary(*own);
  if (!sight.view.lease_read || !sight.view.pods_read) {
    decision.waiting_for = "the API server has not answered yet";
    if (primary) decision.order = Order::kHold;
    return decision;
  }
  LeaseNote note = decode_note(sight.view.lease ? sight.view.lease->note : "");
  std::string holder = sight.view.holder(sight.now_ms);
  if (!holder.empty() && holder != sight.identity) return under_holder(sight, times, holder, note, own);
  if (primary) {
    // Of an earlier run of this agent, or handed over by somebody who is gone by now.
    bool by_right = (holder == sight.identity || note.to == sight.pod) && !unheld(sight, times);
    decision.order = by_right ? Order::kNone : Order::kHold;
    if (!by_right) return decision;
    decision.hold = Wish::Hold::kHold;
    decision.take_version = sight.view.lease->resource_version;
    return decision;
  }
  // Handed over to, and yet to take the Lease: whoever may have to do that instead has its data by then.
  const NodeFacts* named = find(sight, note.to);
  bool leads = named != nullptr && is_primary(*named) && has_history(*named, note.replid) &&
               named->server.offset >= note.offset;
  if (leads && own != nullptr && own->answering() && own->server.primary_address != named->address) {
    decision.order = Order::kFollow;
    decision.follow = note.to;
  }
  std::string next = Choice(sight, times, note).make(decision.waiting_for);
  if (next == sight.pod) {
    decision.hold = Wish::Hold::kHold;
    decision.take_version = sight.view.lease ? sight.view.lease->resource_version : "";
    return decision;
  }
  if (!next.empty()) decision.waiting_for = next + " is to take over";
  // An earlier run of this agent held it, whose server is gone.
  if (holder == sight.identity) decision.hold = Wish::Hold::kGiveUp;
  return decision;
}

}  // namespace keyway::agent
