#include "backup/verify.h"

#include <algorithm>
#include <set>

#include "backup/shard_trial.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/strings.h"

namespace keyway::backup {

namespace {

constexpr size_t kMaxTextBytes = 2000;

Verification outcome_of(const std::vector<VerifiedShard>& shards, const std::string& tool_version) {
  Verification verification{
      .at_ms = wall_ms(), .good = true, .text = "", .keys = 0, .tool_version = tool_version};
  std::set<std::string> engines;
  int64_t expired = 0;
  std::vector<std::string> problems;
  for (const VerifiedShard& shard : shards) {
    if (!shard.problem.empty()) {
      problems.push_back(fmt::format("shard {}: {}", shard.name, shard.problem));
      continue;
    }
    verification.keys += shard.keys;
    expired += shard.expired;
    engines.insert(shard.engine);
  }
  verification.good = problems.empty();
  verification.text = verification.good ? fmt::format("{} loaded by {}, {}, {} of them expired by then",
                                                      count_of(static_cast<int64_t>(shards.size()), "shard"),
                                                      join({engines.begin(), engines.end()}, " and "),
                                                      count_of(verification.keys, "key"), expired)
                                        : join(problems, "; ").substr(0, kMaxTextBytes);
  return verification;
}

}  // namespace

Result<VerifyResult> verify(Store& store, const Manifest& manifest, const VerifyOptions& options,
                            admin::Reporter& reporter) {
  Result<TrialFolder> folder = TrialFolder::make(options.scratch);
  if (!folder) return fail(folder.error());
  VerifyResult result;
  for (const BackedUpShard& shard : manifest.shards) {
    Result<VerifiedShard> tried = try_shard({store, manifest, shard, options, *folder, reporter});
    // What was found to be bad is bad, though the rest could not be tried.
    bool bad = std::ranges::any_of(result.shards, [](const auto& each) { return !each.problem.empty(); });
    if (!tried && (!bad || options.interrupted())) return fail(tried.error());
    if (!tried) {
      reporter.warn(fmt::format("shard {}: {}", shard.name, tried.error().message));
      break;
    }
    result.shards.push_back(std::move(*tried));
  }
  result.verification = outcome_of(result.shards, options.tool_version);
  return result;
}

Status keep_verification(Store& store, const Manifest& manifest, const Verification& verification) {
  if (Result<Manifest> there = load_manifest(store, manifest.cluster, manifest.id); !there)
    return fail(there.error());
  std::string name = folder_of(manifest.cluster, manifest.id) + "/" + std::string(kVerifiedName);
  return write_object(store, name, to_json(verification));
}

}  // namespace keyway::backup
