#include "admin/check.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "cluster/ownership.h"
#include "engine/key_search.h"

namespace keyway::admin {

namespace {

using cluster::Finding;
using cluster::KeyCounts;
using cluster::Trouble;

constexpr int kLooksToCount = 3;  // until a node that does not answer for its keys is given up
constexpr int64_t kFirstPauseMs = 10;
constexpr int64_t kLongestPauseMs = 200;

// Looks at the cluster again and again.
class Examination {
 public:
  Examination(Session& session, const Address& seed, const CheckOptions& options)
      : session_(session), seed_(seed), options_(options) {}

  Result<CheckResult> run();

 private:
  Status look();
  bool settled() const;
  void confirm_strays(const KeyCounts& before, const cluster::SlotSet& in_question);

  Session& session_;
  const Address& seed_;
  const CheckOptions& options_;
  CheckResult result_;
  int looks_ = 0;
};

// Servers are asked one by one while slots may move, so a slot that was on its way can look like anybody's,
// and its keys like strays. What a second look does not show was that.
bool may_be_motion(Trouble trouble) {
  return trouble == Trouble::kUncovered || trouble == Trouble::kStrayKeys;
}

// A silent node whose links the others have not given up yet: it died just now, or tries to come back.
bool is_going(const CheckResult& result) {
  cluster::Knowledge known(result.observed);
  return std::any_of(result.observed.nodes.begin(), result.observed.nodes.end(), [&](const auto& node) {
    const cluster::KnownNode* seen = known.find(node.id);
    return node.reach == cluster::Reach::kSilent && seen != nullptr && seen->linked;
  });
}

bool Examination::settled() const {
  if (!result_.uncounted.empty() && looks_ < kLooksToCount) return false;
  bool motion = looks_ == 1 && std::any_of(result_.findings.begin(), result_.findings.end(),
                                           [](const Finding& f) { return may_be_motion(f.trouble); });
  bool news = std::any_of(result_.findings.begin(), result_.findings.end(),
                          [](const Finding& f) { return cluster::may_settle(f.trouble); });
  return !motion && !news && !is_going(result_);
}

// Of a slot that seems to be in order, keys on other nodes than the owner count only where they were in the
// look before, too.
void Examination::confirm_strays(const KeyCounts& before, const cluster::SlotSet& in_question) {
  cluster::Knowledge known(result_.observed);
  for (auto& [slot, holders] : result_.keys) {
    if (in_question[slot]) continue;
    auto old = before.find(slot);
    std::erase_if(holders, [&](const auto& holder) {
      return holder.first != known.owner(slot) &&
             (old == before.end() || !old->second.contains(holder.first));
    });
  }
}

Status Examination::look() {
  Result<cluster::Observed> observed = session_.survey(seed_);
  if (!observed) return fail(observed.error());
  KeyCounts before = std::move(result_.keys);
  result_.observed = std::move(*observed);
  engine::KeySearch search;
  if (options_.search_keys)
    search = engine::search_keys(session_.servers, result_.observed, session_.timeout_ms);
  cluster::SlotSet in_question = cluster::slots_in_question(result_.observed);
  if (in_question.any()) {
    engine::KeySearch counted =
        engine::count_keys(session_.servers, result_.observed, in_question, session_.timeout_ms);
    search.counts.merge(counted.counts);
    search.unasked.insert(search.unasked.end(), counted.unasked.begin(), counted.unasked.end());
  }
  result_.keys = std::move(search.counts);
  result_.uncounted = std::move(search.unasked);
  if (++looks_ > 1) confirm_strays(before, in_question);
  result_.findings = cluster::diagnose(result_.observed, result_.keys);
  return {};
}

Result<CheckResult> Examination::run() {
  int64_t deadline_ms = now_ms() + options_.settle_timeout_ms;
  int64_t pause_ms = kFirstPauseMs;
  while (true) {
    if (Status looked = look(); !looked) return fail(looked.error());
    if (settled() || session_.interrupted()) break;
    // The second look is for what changes within one, and may come after the time is over.
    bool must = looks_ == 1 || (!result_.uncounted.empty() && looks_ < kLooksToCount);
    if (!must && now_ms() + pause_ms > deadline_ms) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    pause_ms = std::min(kLongestPauseMs, pause_ms * 2);
  }
  for (const std::string& why : result_.uncounted) session_.reporter.warn("cannot count keys: " + why);
  return std::move(result_);
}

}  // namespace

Result<CheckResult> check(Session& session, const Address& seed, const CheckOptions& options) {
  return Examination(session, seed, options).run();
}

}  // namespace keyway::admin
