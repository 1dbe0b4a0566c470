#include "admin/key_comparison.h"

#include <algorithm>
#include <utility>

#include "admin/key_copy.h"
#include "admin/key_elements.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using resp::Command;
using resp::Reply;

constexpr int64_t kTtlSlackMs = 2000;
constexpr int64_t kNoSuchKey = -2;
constexpr int64_t kLargeBytes = int64_t{16} << 20;

}  // namespace

Status KeyComparison::take(size_t side, const FoundKey& key, std::vector<Reply>& answers, Look& look) {
  for (Reply& reply : answers) {
    if (reply.is_error()) {
      return fail(engine::refusal(sides_[side]->owner(resp::key_slot(key.key)), {"DUMP", key.key}, reply));
    }
  }
  look.ttl_ms[side] = answers.back().integer;
  if (answers.size() > 1 && !answers.front().is_null()) look.dump[side] = std::move(answers.front().text);
  return {};
}

Result<std::vector<KeyComparison::Look>> KeyComparison::look(const std::vector<FoundKey>& keys) {
  std::vector<KeyCommands> questions;
  for (const FoundKey& found : keys) {
    KeyCommands& question = questions.emplace_back(KeyCommands{resp::key_slot(found.key), {}});
    if (found.size_bytes <= kLargeBytes) question.commands.push_back({"DUMP", found.key});
    question.commands.push_back({"PTTL", found.key});
  }
  std::vector<Look> looks(keys.size());
  for (size_t side = 0; side < 2; ++side) {
    Result<Keyspace::Answers> answers = sides_[side]->ask(questions, batch_timeout_ms(size_of(keys)));
    if (!answers) return fail(answers.error());
    int64_t at_ms = now_ms();
    for (size_t i = 0; i < keys.size(); ++i) {
      looks[i].at_ms[side] = at_ms;
      if (Status taken = take(side, keys[i], (*answers)[i], looks[i]); !taken) return fail(taken.error());
    }
  }
  return looks;
}

Verdict KeyComparison::judge(const Look& look, bool& unclear) {
  if (look.ttl_ms[0] == kNoSuchKey) return Verdict::kGone;
  if (look.ttl_ms[1] == kNoSuchKey) return Verdict::kMissing;
  if ((look.ttl_ms[0] < 0) != (look.ttl_ms[1] < 0)) return Verdict::kDifferent;
  int64_t apart_ms = look.ttl_ms[0] - look.ttl_ms[1] - (look.at_ms[1] - look.at_ms[0]);
  if (look.ttl_ms[0] >= 0 && std::abs(apart_ms) > kTtlSlackMs) return Verdict::kDifferent;
  bool both = look.dump[0] && look.dump[1];
  if (both && without_footer(*look.dump[0]) == without_footer(*look.dump[1])) return Verdict::kEqual;
  unclear = true;
  return Verdict::kDifferent;
}

Result<std::vector<Verdict>> KeyComparison::compare(const std::vector<FoundKey>& keys) {
  std::vector<Verdict> verdicts;
  std::vector<FoundKey> unclear;
  std::vector<size_t> at;  // those in `keys`
  {
    Result<std::vector<Look>> looks = look(keys);
    if (!looks) return fail(looks.error());
    for (size_t i = 0; i < keys.size(); ++i) {
      bool is_unclear = false;
      verdicts.push_back(judge((*looks)[i], is_unclear));
      if (!is_unclear) continue;
      unclear.push_back(keys[i]);
      at.push_back(i);
    }
  }
  if (Status done = compare_digests(unclear, at, verdicts); !done) return fail(done.error());
  if (unclear.empty()) return verdicts;
  Result<std::vector<bool>> equal = same_elements(*sides_[0], *sides_[1], unclear);
  if (!equal) return fail(equal.error());
  for (size_t i = 0; i < unclear.size(); ++i) {
    if ((*equal)[i]) verdicts[at[i]] = Verdict::kEqual;
  }
  return verdicts;
}

// Takes those out whose digests are equal. Other digests prove nothing: what goes into them differs between
// versions.
Status KeyComparison::compare_digests(std::vector<FoundKey>& unclear, std::vector<size_t>& at,
                                      std::vector<Verdict>& verdicts) {
  if (!digests_allowed_ || unclear.empty()) return {};
  Keyspace::Answers digests[2];
  for (size_t side = 0; side < 2; ++side) {
    auto questions = commands_for(
        unclear, [](const std::string& key) { return std::vector<Command>{{"DEBUG", "DIGEST-VALUE", key}}; });
    Result<Keyspace::Answers> answers =
        sides_[side]->ask(std::move(questions), batch_timeout_ms(size_of(unclear)));
    if (!answers) return fail(answers.error());
    digests[side] = std::move(*answers);
    digests_allowed_ = !digests[side].front().front().is_error();
    if (!digests_allowed_) return {};
  }
  std::vector<FoundKey> left;
  std::vector<size_t> left_at;
  for (size_t i = 0; i < unclear.size(); ++i) {
    const Reply& one = digests[0][i].front();
    const Reply& other = digests[1][i].front();
    bool equal = one.type == resp::ReplyType::kArray && one.elements.size() == 1 &&
                 other.elements.size() == 1 && one.elements.front().text == other.elements.front().text;
    if (equal) {
      verdicts[at[i]] = Verdict::kEqual;
      continue;
    }
    left.push_back(std::move(unclear[i]));
    left_at.push_back(at[i]);
  }
  unclear = std::move(left);
  at = std::move(left_at);
  return {};
}

}  // namespace keyway::admin
