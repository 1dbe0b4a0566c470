#include <algorithm>
#include <optional>

#include "admin/change.h"
#include "admin/draining.h"
#include "admin/forgetting.h"
#include "admin/homes.h"
#include "admin/introduce.h"
#include "admin/look.h"
#include "admin/membership.h"
#include "admin/sync_wait.h"
#include "admin/views.h"
#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::Knowledge;
using cluster::KnownNode;
using cluster::NodeFacts;
using cluster::Observed;
using cluster::Reach;
using resp::Command;

constexpr int64_t kStallTimeoutMs = 60'000;  // of a replica that copies from its new primary
constexpr int64_t kSettleTimeoutMs = 10'000;

// One call of del_node.
class Removal {
 public:
  Removal(Session& session, const Address& seed, const DelNodeOptions& options)
      : session_(session), seed_(seed), options_(options) {}

  Result<DelNodeResult> run();

 private:
  const NodeFacts& node() const { return *observed_.find_id(result_.id); }

  Status survey();
  std::vector<const NodeFacts*> followers(const Knowledge& knowledge) const;
  Status check_silence() const;
  Status drain();
  Status wait_for_copies(const std::vector<Address>& replicas);
  Status check_unused();
  Status move_slots();
  Result<bool> agreed(const MovePlan& plan) const;
  Status give_away_replicas();
  void settle();
  Status forget();

  Session& session_;
  const Address& seed_;
  const DelNodeOptions& options_;
  Observed observed_;  // as of the last survey
  DelNodeResult result_;
  bool declined_ = false;
};

Result<DelNodeResult> Removal::run() {
  if (Status looked = survey(); !looked) return fail(looked.error());
  Result<const NodeFacts*> found = find_node(observed_, options_.node);
  if (!found) return fail(found.error());
  result_.id = cluster::effective_id(**found);
  if (observed_.nodes.size() == 1)
    return fail(ErrorCode::kConflict, fmt::format("{} is the only node of its cluster", node().name));
  if (Status heard = check_silence(); !heard) return fail(heard.error());
  if (Status unused = options_.drain ? drain() : check_unused(); !unused) return fail(unused.error());
  if (!declined_ && !session_.interrupted()) {
    settle();
    if (Status forgotten = forget(); !forgotten) return fail(forgotten.error());
    result_.carried_out = true;
  }
  result_.interrupted = session_.interrupted() && !result_.carried_out;
  return result_;
}

Status Removal::survey() {
  Result<Observed> observed = session_.survey(seed_);
  if (!observed) return fail(observed.error());
  observed_ = std::move(*observed);
  if (result_.id.empty() || observed_.find_id(result_.id) != nullptr) return {};
  return fail(ErrorCode::kNotFound, fmt::format("nobody knows {} any more", result_.id));
}

std::vector<const NodeFacts*> Removal::followers(const Knowledge& knowledge) const {
  std::vector<const NodeFacts*> found;
  for (const auto& [id, known] : knowledge.nodes()) {
    bool follows = !known.view.primary && known.view.primary_id == result_.id && id != result_.id;
    if (follows && known.facts != nullptr) found.push_back(known.facts);
  }
  return found;
}

// A server that runs but cannot be talked to cannot be made to leave; one that is down does not mind.
Status Removal::check_silence() const {
  std::string said = node().note.empty() ? "" : ": " + node().note;
  if (node().reach == Reach::kLoading || node().reach == Reach::kDenied) {
    return fail(
        node().reach == Reach::kDenied ? ErrorCode::kDenied : ErrorCode::kUnavailable,
        fmt::format("{} runs but cannot be told to leave{}; it would come back. Try again when it can, "
                    "or stop it first",
                    node().name, said));
  }
  if (node().answering()) return {};
  session_.reporter.warn(fmt::format(
      "{} does not answer and so still knows the cluster{}. Before it is started again, delete its "
      "nodes.conf (cluster-config-file), or it may come back",
      node().name, said));
  return {};
}

// Without leave to move slots.
Status Removal::check_unused() {
  Knowledge knowledge(observed_);
  const KnownNode* known = knowledge.find(result_.id);
  int slots = known == nullptr ? 0 : cluster::count(known->view.slots);
  if (slots > 0) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} owns {} ({}): move them to others first (reshard, rebalance), or use --drain",
                            node().name, count_of(slots, "slot"), cluster::to_string(known->view.slots)));
  }
  if (options_.rehome_replicas) return give_away_replicas();
  std::vector<std::string> names;
  for (const NodeFacts* follower : followers(knowledge)) names.push_back(follower->name);
  if (names.empty()) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("{} is followed by {}: let them follow others or remove them first, or use --drain",
                          node().name, join(names, ", ")));
}

Status Removal::drain() {
  std::vector<Address> replicas;
  for (const NodeFacts* follower : followers(Knowledge(observed_))) {
    if (follower->answering()) replicas.push_back(follower->address);
  }
  if (Status moved = move_slots(); !moved) return moved;
  if (declined_ || session_.interrupted()) return {};
  if (Status given = give_away_replicas(); !given) return given;
  return wait_for_copies(replicas);
}

// With their primary's last slot replicas go over to its new owner by themselves.
Status Removal::wait_for_copies(const std::vector<Address>& replicas) {
  if (Status looked = survey(); !looked) return looked;
  std::vector<Follower> moving;
  for (const NodeFacts& other : observed_.nodes) {
    const cluster::PeerView* own = cluster::own_view(other);
    bool was = std::ranges::find(replicas, other.address) != replicas.end();
    if (was && own != nullptr && !own->primary) moving.push_back({other.address, own->primary_id});
  }
  return wait_in_sync(session_, moving, kStallTimeoutMs);
}

Status Removal::move_slots() {
  Knowledge knowledge(observed_);
  const KnownNode* known = knowledge.find(result_.id);
  if (known == nullptr || known->view.slots.empty()) return {};
  int slots = cluster::count(known->view.slots);
  if (!node().answering()) {
    return fail(
        ErrorCode::kUnavailable,
        fmt::format("{} owns {} and does not answer, so nothing can be moved off it: bring it back, let "
                    "a replica take over, or give its slots up with `fix`",
                    node().name, count_of(slots, "slot")));
  }
  Ground ground;
  if (Status taken = take_ground(session_, seed_, false, ground); !taken) return taken;
  if (ground.observed.find_id(result_.id) == nullptr)
    return fail(ErrorCode::kNotFound, fmt::format("nobody knows {} any more", result_.id));
  observed_ = ground.observed;
  Result<std::vector<cluster::SlotMove>> moves = drain_moves(*ground.knowledge, result_.id);
  if (!moves) return fail(moves.error());
  Result<MovePlan> plan = price(session_, observed_, *moves, options_.moving);
  if (!plan) return fail(plan.error());
  Result<bool> go = agreed(*plan);
  if (!go) return fail(go.error());
  declined_ = !*go;
  if (declined_) return {};
  Result<MoveResult> moved = carry_out(session_, observed_, *plan, options_.moving);
  if (!moved) return fail(moved.error());
  result_.moved = std::move(*moved);
  if (result_.moved.interrupted) return {};
  if (Status looked = survey(); !looked) return looked;
  Knowledge after(observed_);
  const KnownNode* left = after.find(result_.id);
  if (left == nullptr || left->view.slots.empty()) return {};
  return fail(
      ErrorCode::kConflict,
      fmt::format("{} owns slots again after they were moved ({}): somebody else changes the cluster; "
                  "try again when that is done",
                  node().name, cluster::to_string(left->view.slots)));
}

Result<bool> Removal::agreed(const MovePlan& plan) const {
  for (const PlannedMove& move : plan.moves) {
    session_.reporter.note(fmt::format("{} with {} go from {} to {}",
                                       count_of(cluster::count(move.slots), "slot"),
                                       count_of(move.keys, "key"), to_string(move.from), to_string(move.to)));
  }
  for (const std::string& key : plan.big_keys) session_.reporter.warn(key);
  if (options_.yes) return true;
  return session_.reporter.confirm(
      fmt::format("Move {} off {} and remove it?", count_of(plan.slots(), "slot"), node().name));
}

// Replicas of the node follow others, and have all their data before it goes.
Status Removal::give_away_replicas() {
  std::vector<cluster::Site> sites;
  std::vector<Address> addresses;
  for (const NodeFacts* follower : followers(Knowledge(observed_))) {
    if (follower->answering()) {
      sites.push_back(site_of(session_, observed_, *follower));
      addresses.push_back(follower->address);
    } else {
      session_.reporter.warn(fmt::format("{} follows {} and does not answer: it will follow nobody",
                                         follower->name, node().name));
    }
  }
  if (sites.empty()) return {};
  std::vector<std::string> homes = homes_for(session_, observed_, sites, {result_.id});
  if (homes.empty())
    return fail(ErrorCode::kConflict, fmt::format("no primary is there for the replicas of {}", node().name));
  std::vector<engine::Request> requests;
  std::vector<Follower> moving;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const NodeFacts* home = observed_.find_id(homes[i]);
    session_.reporter.note(fmt::format("{} follows {} from now on", to_string(addresses[i]),
                                       home == nullptr ? homes[i] : home->name));
    requests.push_back({addresses[i], {{"CLUSTER", "REPLICATE", homes[i]}}});
    moving.push_back({addresses[i], homes[i]});
  }
  std::vector<engine::Response> responses = session_.servers.exchange(requests, session_.timeout_ms);
  for (size_t i = 0; i < requests.size(); ++i) {
    if (responses[i].error) return fail(*responses[i].error);
    const resp::Reply& reply = responses[i].replies.front();
    if (!reply.ok()) return fail(engine::refusal(requests[i].address, requests[i].commands.front(), reply));
  }
  return wait_in_sync(session_, moving, kStallTimeoutMs);
}

// A server that forgets a node also forgets the slots that it believes it to own, and would serve nobody for
// them until it hears of the new owner. So all hear of it first.
void Removal::settle() {
  Observed looked = only_answering(observed_);
  Introducer introducer(session_);
  std::vector<ViewGap> gaps;
  bool settled = wait_until(
      session_,
      [&] {
        look_again(session_, looked);
        gaps = view_gaps(looked);
        std::erase_if(gaps, [](const ViewGap& gap) { return gap.gap != Gap::kOutdated; });
        return gaps.empty() || !introducer.close(looked, gaps);
      },
      kSettleTimeoutMs);
  if (!settled && !gaps.empty()) session_.reporter.warn(describe(looked, gaps.front()));
}

Status Removal::forget() {
  std::vector<Address> others;
  for (const NodeFacts& other : observed_.nodes) {
    if (cluster::effective_id(other) == result_.id) continue;
    if (other.reach == Reach::kLoading || other.reach == Reach::kDenied) {
      return fail(other.reach == Reach::kDenied ? ErrorCode::kDenied : ErrorCode::kUnavailable,
                  fmt::format("{} cannot be told to forget the node now and would bring it back{}{}",
                              other.name, other.note.empty() ? "" : ": ", other.note));
    }
    if (other.answering()) {
      others.push_back(other.address);
    } else {
      session_.reporter.warn(
          fmt::format("{} does not answer and cannot be told to forget the node: if it comes back after a "
                      "minute it may bring it back; then run the same command again",
                      other.name));
    }
  }
  Forgetting forgetting(session_, result_.id, others, node().answering() ? node().address : Address{});
  if (Status reset = forgetting.reset(); !reset) return reset;
  result_.reset = node().answering();
  if (Status told = forgetting.tell(); !told) return told;
  result_.forgotten_by = forgetting.forgotten_by();
  Status stayed = forgetting.watch(options_.watch_ms);
  if (stayed && !session_.interrupted()) forgetting.rename();
  return stayed;
}

}  // namespace

Result<DelNodeResult> del_node(Session& session, const Address& seed, const DelNodeOptions& options) {
  return Removal(session, seed, options).run();
}

}  // namespace keyway::admin
