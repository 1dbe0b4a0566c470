#include <algorithm>
#include <set>

#include "admin/homes.h"
#include "admin/introduce.h"
#include "admin/joining.h"
#include "admin/look.h"
#include "admin/majority.h"
#include "admin/membership.h"
#include "admin/sync_wait.h"
#include "admin/views.h"
#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"
#include "engine/order.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;
using cluster::Observed;
using cluster::PeerView;
using resp::Command;

// One call of add_node.
class Addition {
 public:
  Addition(Session& session, const AddNodeOptions& options, const Observed& members)
      : session_(session), options_(options), all_(members), introducer_(session) {}

  Result<AddNodeResult> run();

 private:
  const NodeFacts& newcomer() const { return looked_.nodes.back(); }

  Status examine();
  Status examine_member(const NodeFacts& node) const;
  Status choose_primary();
  Result<std::string> named_primary() const;
  Result<std::string> best_primary() const;
  Status copy_functions();
  Status take_epoch();
  Status join();
  Status join_round();
  Status follow();
  std::string missing() const;
  std::vector<ViewGap> own_gaps() const;

  Session& session_;
  const AddNodeOptions& options_;
  const Observed& all_;  // members as the survey found them
  Introducer introducer_;
  Observed looked_;  // members that answer, and at the end the new node
  bool is_member_ = false;
  std::string primary_id_;        // whose replica it becomes; empty: a primary
  std::optional<Error> refused_;  // what it last answered to REPLICATE
};

Result<AddNodeResult> Addition::run() {
  if (Status fit = examine(); !fit) return fail(fit.error());
  if (options_.replica) {
    if (Status chosen = choose_primary(); !chosen) return fail(chosen.error());
  } else {
    if (Status copied = copy_functions(); !copied) return fail(copied.error());
  }
  if (Status taken = take_epoch(); !taken) return fail(taken.error());
  if (Status joined = join(); !joined) return fail(joined.error());
  AddNodeResult result;
  result.id = cluster::effective_id(newcomer());
  result.primary_id = primary_id_;
  result.interrupted = session_.interrupted();
  if (options_.replica && !result.interrupted) {
    Status synced = wait_in_sync(session_, {{options_.node, primary_id_}}, options_.timeout_ms);
    if (!synced) return fail(synced.error());
    result.interrupted = session_.interrupted();
  }
  return result;
}

// Whether the new node is free to join, or has joined halfway.
Status Addition::examine() {
  std::set<std::string> ids;
  for (const NodeFacts& node : all_.nodes) ids.insert(cluster::effective_id(node));
  Observed fresh = look_at(session_, {options_.node});
  const NodeFacts& node = fresh.nodes.front();
  is_member_ = node.answering() && ids.contains(node.server.id);
  if (is_member_) {
    if (Status fit = examine_member(node); !fit) return fit;
    session_.reporter.note(fmt::format("{} is a node of the cluster already", node.name));
  } else {
    std::vector<Error> found = obstacles(node, ids);
    const PeerView* own = cluster::own_view(node);
    if (own != nullptr && !own->slots.empty()) {
      found.push_back(
          {ErrorCode::kConflict, fmt::format("{} owns {} of its own: CLUSTER RESET on it", node.name,
                                             count_of(cluster::count(own->slots), "slot"))});
    }
    if (!found.empty()) return fail(combined("this server cannot be added as it is:", found));
  }
  looked_ = only_answering(all_);
  std::erase_if(looked_.nodes, [&](const NodeFacts& member) { return member.server.id == node.server.id; });
  looked_.nodes.push_back(node);
  learn_ip_addresses(session_, looked_);
  return {};
}

Status Addition::examine_member(const NodeFacts& node) const {
  const PeerView* own = cluster::own_view(node);
  if (own == nullptr) return fail(ErrorCode::kCorrupt, fmt::format("{} does not list itself", node.name));
  if (!own->slots.empty()) {
    return fail(ErrorCode::kAlreadyExists,
                fmt::format("{} is a primary of the cluster already and owns {}", node.name,
                            count_of(cluster::count(own->slots), "slot")));
  }
  if (own->primary || options_.replica) return {};
  return fail(ErrorCode::kAlreadyExists,
              fmt::format("{} is a replica of {} in the cluster already", node.name, own->primary_id));
}

Status Addition::choose_primary() {
  const PeerView* own = cluster::own_view(newcomer());
  bool follows = is_member_ && own != nullptr && !own->primary;
  Result<std::string> chosen = !options_.primary.empty() ? named_primary()
                               : follows                 ? Result<std::string>(own->primary_id)
                                                         : best_primary();
  if (!chosen) return fail(chosen.error());
  primary_id_ = *chosen;
  if (!follows || own->primary_id == primary_id_) return {};
  return fail(ErrorCode::kAlreadyExists,
              fmt::format("{} is a replica of {} in the cluster already", newcomer().name, own->primary_id));
}

Result<std::string> Addition::best_primary() const {
  cluster::Site site = site_of(session_, looked_, newcomer());
  if (!options_.zone.empty()) site.zone = options_.zone;
  // A primary that was just added gets its replica before its slots.
  std::vector<std::string> homes =
      homes_for(session_, all_, {site}, {cluster::effective_id(newcomer())}, true);
  if (!homes.empty()) return homes.front();
  return fail(ErrorCode::kConflict, "no primary of the cluster answers that the node could follow");
}

Result<std::string> Addition::named_primary() const {
  Result<const NodeFacts*> found = find_node(all_, options_.primary);
  if (!found) return fail(found.error());
  const NodeFacts& node = **found;
  const PeerView* own = cluster::own_view(node);
  if (own == nullptr)
    return fail(ErrorCode::kUnavailable,
                fmt::format("{} does not answer, so nobody can follow it", node.name));
  if (!own->primary) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is a replica itself; its primary is {}", node.name, own->primary_id));
  }
  if (own->slots.empty())
    session_.reporter.warn(fmt::format("{} owns no slots: its replica has nothing to copy", node.name));
  return own->id;
}

// A replica gets them with the data. Done before anybody knows the new primary, so that it has them from the
// first moment that it is called.
Status Addition::copy_functions() {
  auto source = std::find_if(looked_.nodes.begin(), looked_.nodes.end() - 1, [](const NodeFacts& node) {
    return node.server.role == cluster::Role::kPrimary && !node.server.peers.empty();
  });
  if (source == looked_.nodes.end() - 1) return {};
  Command dump = {"FUNCTION", "DUMP"};
  Result<resp::Reply> dumped = session_.servers.call(source->address, dump, session_.timeout_ms);
  if (!dumped) return fail(dumped.error());
  if (dumped->is_error()) return fail(engine::refusal(source->address, dump, *dumped));
  Command restore = {"FUNCTION", "RESTORE", dumped->text, "REPLACE"};
  Result<resp::Reply> restored = session_.servers.call(options_.node, restore, session_.timeout_ms);
  if (!restored) return fail(restored.error());
  if (restored->ok()) return {};
  Error refused = engine::refusal(options_.node, {"FUNCTION", "RESTORE"}, *restored);
  refused.message += "; the cluster's functions could not be copied to it, so it was not added";
  return fail(std::move(refused));
}

// An epoch of its own: two that are new and have none would be found alike, and one of them changed. What
// becomes a replica has none: it would be later than its primary's (see Introducer).
Status Addition::take_epoch() {
  if (!primary_id_.empty()) return {};
  const PeerView* own = cluster::own_view(newcomer());
  if (own == nullptr || own->config_epoch != 0 || newcomer().server.peers.size() != 1) return {};
  uint64_t epoch = cluster::Knowledge(all_).current_epoch() + 1;
  return engine::order(session_.servers, options_.node,
                       {"CLUSTER", "SET-CONFIG-EPOCH", fmt::format("{}", epoch)}, session_.timeout_ms);
}

Status Addition::join() {
  Status final_error;
  bool joined = wait_until(
      session_,
      [&] {
        final_error = join_round();
        return !final_error || missing().empty();
      },
      options_.timeout_ms);
  if (!final_error || joined || session_.interrupted()) return final_error;
  return fail(ErrorCode::kTimeout,
              fmt::format("{} has not joined within {}; the same command again goes on from here: {}",
                          newcomer().name, human_duration(options_.timeout_ms), missing()));
}

Status Addition::join_round() {
  Status introduced = introducer_.close(looked_, own_gaps());
  if (!introduced && introduced.error().code == ErrorCode::kDenied) return introduced;
  if (Status told = follow(); !told) return told;
  look_again(session_, looked_);
  return {};
}

// Those that concern the new node.
std::vector<ViewGap> Addition::own_gaps() const {
  std::vector<ViewGap> gaps = view_gaps(looked_);
  size_t last = looked_.nodes.size() - 1;
  std::erase_if(gaps, [&](const ViewGap& gap) { return gap.viewer != last && gap.about != last; });
  return gaps;
}

// Tells the new node whom to follow as soon as it knows it.
Status Addition::follow() {
  refused_.reset();
  const PeerView* own = cluster::own_view(newcomer());
  if (primary_id_.empty() || own == nullptr || !own->primary || !knows(newcomer(), primary_id_)) return {};
  Command replicate = {"CLUSTER", "REPLICATE", primary_id_};
  Result<resp::Reply> reply = session_.servers.call(newcomer().address, replicate, session_.timeout_ms);
  if (!reply) {
    refused_ = reply.error();
  } else if (!reply->ok()) {
    refused_ = engine::refusal(newcomer().address, replicate, *reply);
    if (refused_->code == ErrorCode::kDenied) return fail(*refused_);
  }
  return {};
}

// What is to be done before it belongs to the cluster; empty: nothing.
std::string Addition::missing() const {
  if (refused_) return refused_->message;
  const PeerView* own = cluster::own_view(newcomer());
  if (own == nullptr) {
    return fmt::format("{} does not answer any more{}", newcomer().name,
                       newcomer().note.empty() ? "" : ": " + newcomer().note);
  }
  if (!primary_id_.empty() && own->primary_id != primary_id_)
    return fmt::format("{} does not follow {} yet", newcomer().name, primary_id_);
  std::vector<ViewGap> gaps = own_gaps();
  return gaps.empty() ? "" : describe(looked_, gaps.front());
}

void tell_absent(const Session& session, const Observed& members) {
  for (const NodeFacts& node : members.nodes) {
    if (node.answering()) continue;
    session.reporter.warn(fmt::format(
        "{} does not answer: it hears of the new node from the others when it is back", node.name));
  }
}

}  // namespace

Result<AddNodeResult> add_node(Session& session, const Address& seed, const AddNodeOptions& options) {
  if (!options.replica && !options.primary.empty())
    return fail(ErrorCode::kInvalidArgument,
                "a primary to follow was named for a node that is to be a primary");
  Result<Observed> members = session.survey(seed);
  if (!members) return fail(members.error());
  if (members->nodes.size() == 1 && options.node == seed) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is the node that is to be added and no cluster; give a node of the cluster",
                            to_string(seed)));
  }
  if (Status enough = check_majority(*members); !enough) return fail(enough.error());
  tell_absent(session, *members);
  return Addition(session, options, *members).run();
}

}  // namespace keyway::admin
