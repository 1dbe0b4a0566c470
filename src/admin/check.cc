#include "admin/check.h"

#include <algorithm>
#include <optional>

#include "cluster/ownership.h"
#include "engine/key_search.h"

namespace keyway::admin {

namespace {

using cluster::Finding;
using cluster::KeyCounts;
using cluster::Trouble;

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
  std::vector<std::string> unasked_;
  int looks_ = 0;
};

// Servers are asked one by one while slots may move, so a slot that was on its way can look like anybody's,
// and its keys like strays. What a second look does not show was that.
bool may_be_motion(Trouble trouble) {
  return trouble == Trouble::kUncovered || trouble == Trouble::kStrayKeys;
}

bool Examination::settled() const {
  bool motion = looks_ == 1 && std::any_of(result_.findings.begin(), result_.findings.end(),
                                           [](const Finding& f) { return may_be_motion(f.trouble); });
  bool news = std::any_of(result_.findings.begin(), result_.findings.end(),
                          [](const Finding& f) { return cluster::may_settle(f.trouble); });
  return !motion && !news;
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
  unasked_ = std::move(search.unasked);
  if (++looks_ > 1) confirm_strays(before, in_question);
  result_.findings = cluster::diagnose(result_.observed, result_.keys);
  return {};
}

Result<CheckResult> Examination::run() {
  Status looked;
  wait_until(
      session_,
      [&] {
        looked = look();
        return !looked || settled();
      },
      options_.settle_timeout_ms);
  if (looked && looks_ == 1 && !settled()) looked = look();
  if (!looked) return fail(looked.error());
  for (const std::string& why : unasked_) session_.reporter.warn("cannot count keys: " + why);
  return std::move(result_);
}

}  // namespace

Result<CheckResult> check(Session& session, const Address& seed, const CheckOptions& options) {
  return Examination(session, seed, options).run();
}

}  // namespace keyway::admin
