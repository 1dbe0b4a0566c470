// Rounds of looking and mending. Each round carries out the mends of one kind for the most dangerous trouble
// that has any, and looks again, since every one of them changes what is to be done next.
#include <algorithm>
#include <map>
#include <set>

#include "admin/fix_context.h"
#include "admin/fix_keys.h"
#include "admin/fix_nodes.h"
#include "admin/fix_slots.h"
#include "admin/sync_wait.h"
#include "base/format.h"

namespace keyway::admin {

namespace {

using cluster::Mend;
using cluster::MendKind;

constexpr int kMaxRounds = 100;
constexpr int kMaxTries = 3;  // of the same mend
constexpr int64_t kLinkStallMs = 10000;

Status carry_out(const FixContext& context, const Mend& mend) {
  switch (mend.kind) {
    case MendKind::kRelease:
      return release_slots(context, mend);
    case MendKind::kGather:
      return gather_keys(context, mend);
    case MendKind::kTakeOver:
      return take_over(context, mend);
    case MendKind::kAssign:
      return assign_slots(context, mend);
    case MendKind::kFinish:
      return finish_move(context, mend);
    case MendKind::kClose:
      return close_slots(context, mend);
    case MendKind::kTell:
      return tell_owner(context, mend);
    case MendKind::kAnnounce:
      return announce(context, mend);
    case MendKind::kRaiseEpoch:
      return raise_epoch(context, mend);
    case MendKind::kFollow:
      return follow(context, mend);
    case MendKind::kMeet:
      return meet(context, mend);
    case MendKind::kForget:
      return forget(context, mend);
  }
  return {};
}

// Whether it goes by who holds keys of the slots, so that all must have told.
bool needs_counts(MendKind kind) {
  return kind == MendKind::kGather || kind == MendKind::kAssign || kind == MendKind::kFinish ||
         kind == MendKind::kClose;
}

std::vector<Follower> out_of_sync(const CheckResult& seen) {
  std::vector<Follower> followers;
  for (const cluster::NodeFacts& node : seen.observed.nodes) {
    const cluster::PeerView* own = cluster::own_view(node);
    if (own == nullptr || own->primary || node.server.link_up) continue;
    followers.push_back({node.address, own->primary_id});
  }
  return followers;
}

class Fixing {
 public:
  Fixing(Session& session, const Address& seed, const FixOptions& options)
      : session_(session), seed_(seed), options_(options) {
    check_ = options.check;
    // Keys that nobody can see are what an interrupted move leaves behind at worst, and mends may uncover
    // more.
    check_.search_keys = true;
  }

  Result<FixResult> run();

 private:
  Result<std::vector<Mend>> next(CheckResult& seen, bool& waited);
  Status look_quickly(CheckResult& seen);
  Status look_last(CheckResult& seen, bool waited);
  bool certain(const Mend& mend) const;
  void remember(const CheckResult& seen, bool waited);
  std::vector<Mend> feasible(const CheckResult& seen) const;
  void round(const CheckResult& seen, const std::vector<Mend>& mends);
  Result<bool> agreed(const FixContext& context, const Mend& mend);
  static std::string signature(const Mend& mend);

  Session& session_;
  const Address& seed_;
  const FixOptions& options_;
  CheckOptions check_;
  FixResult result_;
  std::map<std::string, int> tries_;  // of mends, by signature
  std::map<std::string, int64_t> since_ms_;
  std::set<std::string> succeeded_;
  std::set<std::string> refused_;        // by a person
  std::map<std::string, bool> answers_;  // to questions
};

std::string Fixing::signature(const Mend& mend) {
  return fmt::format("{} {} {} {}", static_cast<int>(mend.kind), mend.node, mend.other,
                     cluster::to_string(mend.slots));
}

// Those of the most dangerous trouble that may still be tried, all of one kind.
std::vector<Mend> Fixing::feasible(const CheckResult& seen) const {
  std::vector<Mend> mends =
      cluster::plan_mending(seen.observed, seen.keys, options_.with_unreachable_primaries);
  std::erase_if(mends, [&](const Mend& mend) {
    if (!seen.uncounted.empty() && needs_counts(mend.kind)) return true;
    auto tried = tries_.find(signature(mend));
    return refused_.contains(signature(mend)) || (tried != tries_.end() && tried->second >= kMaxTries);
  });
  if (mends.empty()) return mends;
  cluster::Trouble trouble = mends.front().trouble;
  MendKind kind = mends.front().kind;
  std::erase_if(mends, [&](const Mend& mend) { return mend.trouble != trouble || mend.kind != kind; });
  return mends;
}

// Whether a mend is known to be needed: what looks wrong only as long as news is on its way needs none.
bool Fixing::certain(const Mend& mend) const {
  if (!cluster::may_settle(mend.trouble)) return true;
  auto since = since_ms_.find(signature(mend));
  return since != since_ms_.end() && now_ms() - since->second >= check_.settle_timeout_ms;
}

// Notes since when each mend has been called for. Those of a look that waited for news are certain.
void Fixing::remember(const CheckResult& seen, bool waited) {
  std::map<std::string, int64_t> since_ms;
  int64_t now = now_ms() - (waited ? check_.settle_timeout_ms : 0);
  for (const Mend& mend :
       cluster::plan_mending(seen.observed, seen.keys, options_.with_unreachable_primaries)) {
    auto before = since_ms_.find(signature(mend));
    since_ms[signature(mend)] = before == since_ms_.end() ? now : std::min(now, before->second);
  }
  since_ms_ = std::move(since_ms);
}

// What is to be done next. Unless that is certain, or nothing is left, from a look that waits for news.
Result<std::vector<Mend>> Fixing::next(CheckResult& seen, bool& waited) {
  std::vector<Mend> mends = feasible(seen);
  bool sure = !mends.empty() &&
              std::all_of(mends.begin(), mends.end(), [&](const Mend& mend) { return certain(mend); });
  if (waited || sure) return mends;
  Result<CheckResult> settled = check(session_, seed_, check_);
  if (!settled) return fail(settled.error());
  seen = std::move(*settled);
  remember(seen, true);
  waited = true;
  return feasible(seen);
}

Result<bool> Fixing::agreed(const FixContext& context, const Mend& mend) {
  auto answered = answers_.find(mend.question);
  if (answered != answers_.end()) return answered->second;
  Result<bool> answer = context.consent(mend.question);
  if (answer) answers_[mend.question] = *answer;
  return answer;
}

void Fixing::round(const CheckResult& seen, const std::vector<Mend>& mends) {
  FixContext context(session_, options_, seen, result_);
  for (const Mend& mend : mends) {
    if (session_.interrupted()) return;
    Result<bool> yes = agreed(context, mend);
    if (!yes) session_.reporter.warn(yes.error().message);
    if (!yes || !*yes) {
      refused_.insert(signature(mend));
      continue;
    }
    ++tries_[signature(mend)];
    since_ms_.erase(signature(mend));  // it is given time to work
    Status done = carry_out(context, mend);
    if (!done) session_.reporter.warn(done.error().message);
    // Something is otherwise than before: what could not be mended until now may be by now.
    if (done && succeeded_.insert(signature(mend)).second) tries_.clear();
  }
}

Result<FixResult> Fixing::run() {
  Result<CheckResult> before = check(session_, seed_, check_);
  if (!before) return fail(before.error());
  result_.before = std::move(*before);
  result_.after = result_.before;
  if (options_.dry_run || result_.before.findings.empty()) return std::move(result_);
  CheckResult seen = result_.before;
  bool waited = true;
  remember(seen, waited);
  for (int rounds = 0; rounds < kMaxRounds && !session_.interrupted(); ++rounds) {
    Result<std::vector<Mend>> mends = next(seen, waited);
    if (!mends) return fail(mends.error());
    if (mends->empty()) break;
    round(seen, *mends);
    if (Status looked = look_quickly(seen); !looked) return fail(looked.error());
    waited = false;
  }
  result_.interrupted = session_.interrupted();
  if (Status looked = look_last(seen, waited); !looked) return fail(looked.error());
  result_.after = std::move(seen);
  return std::move(result_);
}

Status Fixing::look_quickly(CheckResult& seen) {
  CheckOptions quick = check_;
  quick.settle_timeout_ms = 0;
  Result<CheckResult> look = check(session_, seed_, quick);
  if (!look) return fail(look.error());
  seen = std::move(*look);
  remember(seen, false);
  return {};
}

// Replicas whose primary has another address than before, or that follow another one, need a moment to be in
// sync.
Status Fixing::look_last(CheckResult& seen, bool waited) {
  std::vector<Follower> followers;
  if (!result_.done.empty() && !result_.interrupted) followers = out_of_sync(seen);
  if (waited && followers.empty()) return {};
  if (Status synced = wait_in_sync(session_, followers, kLinkStallMs); !synced)
    session_.reporter.warn(synced.error().message);
  Result<CheckResult> last = check(session_, seed_, check_);
  if (!last) return fail(last.error());
  seen = std::move(*last);
  return {};
}

}  // namespace

Result<FixResult> fix(Session& session, const Address& seed, const FixOptions& options) {
  return Fixing(session, seed, options).run();
}

}  // namespace keyway::admin
