#include <algorithm>
#include <utility>

#include "admin/key_comparison.h"
#include "admin/key_copy.h"
#include "admin/key_migration.h"
#include "admin/key_scan.h"
#include "admin/throttle.h"
#include "admin/transfer.h"
#include "base/format.h"
#include "base/strings.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using engine::Request;
using engine::Response;
using resp::Command;
using resp::Reply;

constexpr size_t kBatchKeys = 2000;
constexpr int64_t kBatchBytes = int64_t{8} << 20;
constexpr size_t kMaxMarked = size_t{12} << 20;  // 128 MB
constexpr size_t kMaxTold = 100;
constexpr int kMaxPasses = 3;
constexpr int kMaxRounds = 4;
constexpr int64_t kRoundPauseMs = 20;
constexpr int64_t kPauseStepMs = 50;

class Import {
 public:
  Import(Session& session, const ImportOptions& options, Keyspace from, Keyspace to)
      : session_(session),
        options_(options),
        from_(std::move(from)),
        to_(std::move(to)),
        comparison_(from_, to_),
        throttle_(options.max_bytes_per_s) {}
  Import(const Import&) = delete;
  Import& operator=(const Import&) = delete;

  Status check();
  Result<ImportResult> run();

 private:
  Status count_keys();
  Status copy_all();
  Status move_all();
  Result<int64_t> move_once(bool first);
  Status compare_all();
  Status compare_once();
  Status take_busy(const std::vector<FoundKey>& busy);
  void mark_brought(const std::vector<FoundKey>& keys, const std::vector<FoundKey>& busy);
  Status settle(const std::vector<FoundKey>& missing, std::vector<FoundKey> different);
  Result<std::vector<FoundKey>> still_different(const std::vector<FoundKey>& keys);
  Status give_up(const std::vector<FoundKey>& keys);
  Result<std::vector<std::string>> dumps(const std::vector<FoundKey>& keys);
  void tell_different(const std::string& key);
  // It was in the cluster before, and is not to be overwritten.
  bool stays(const std::string& key) { return !options_.replace && (kept_.full() || kept_.contains(key)); }
  // False: interrupted.
  bool go_on(std::string_view what, int64_t done, int64_t bytes);

  Session& session_;
  const ImportOptions& options_;
  Keyspace from_;
  Keyspace to_;
  KeyComparison comparison_;
  Throttle throttle_;
  Rate keys_rate_;
  Rate bytes_rate_;
  KeyMarks brought_{kMaxMarked};  // by this import
  KeyMarks kept_{kMaxMarked};     // were in the cluster before, with other values
  int64_t total_ = -1;
  int64_t carried_bytes_ = 0;
  ImportResult result_;
};

Status Import::check() {
  for (const std::string& id : from_.ids()) {
    if (std::find(to_.ids().begin(), to_.ids().end(), id) == to_.ids().end()) continue;
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is a node of the very cluster to import into", to_string(options_.from)));
  }
  if (Status counted = count_keys(); !counted) return counted;
  if (from_.is_cluster()) return {};
  Result<Reply> info = from_.servers().call(options_.from, {"INFO", "keyspace"}, session_.timeout_ms);
  if (!info) return fail(info.error());
  std::string mine = fmt::format("db{}", options_.from_database);
  for (std::string_view line : split(info->text, '\n')) {
    size_t colon = line.find(':');
    if (!line.starts_with("db") || colon == std::string_view::npos || line.substr(0, colon) == mine) continue;
    session_.reporter.warn(
        fmt::format("{} has keys in {} too ({}); only {} is imported, and a cluster has none "
                    "but db0 by default",
                    to_string(options_.from), line.substr(0, colon),
                    trim(line.substr(colon + 1, line.find(',') - colon - 1)), mine));
  }
  return {};
}

Status Import::count_keys() {
  std::vector<Request> requests;
  for (const Address& primary : from_.primaries()) requests.push_back({primary, {{"DBSIZE"}}});
  total_ = 0;
  for (const Response& response : from_.tell(std::move(requests), session_.timeout_ms)) {
    if (response.error) return fail(*response.error);
    total_ += response.replies.front().integer;
  }
  return {};
}

bool Import::go_on(std::string_view what, int64_t done, int64_t bytes) {
  carried_bytes_ += bytes;
  int64_t at_ms = now_ms();
  keys_rate_.count(done, at_ms);
  bytes_rate_.count(carried_bytes_, at_ms);
  int64_t rate = keys_rate_.per_s();
  session_.reporter.progress({.what = std::string(what),
                              .done = done,
                              .total = std::max(total_, done),
                              .unit = "keys",
                              .keys = done,
                              .bytes = carried_bytes_,
                              .keys_per_s = rate,
                              .bytes_per_s = bytes_rate_.per_s(),
                              .left_ms = rate > 0 ? std::max<int64_t>(0, total_ - done) * 1000 / rate : -1});
  int64_t until_ms = at_ms + throttle_.pause_ms(bytes, at_ms);
  while (!session_.interrupted()) {
    int64_t left_ms = until_ms - now_ms();
    if (left_ms <= 0) return true;
    Keyspace::pause(std::min(left_ms, kPauseStepMs));
  }
  result_.interrupted = true;
  return false;
}

Status Import::copy_all() {
  KeyScan scan(from_);
  while (true) {
    Result<std::vector<FoundKey>> batch = scan.next(kBatchKeys, kBatchBytes);
    if (!batch) return fail(batch.error());
    if (batch->empty()) return {};
    Result<CopyOutcome> outcome = copy_keys(from_, to_, *batch, options_.replace);
    if (!outcome) return fail(outcome.error());
    result_.scanned += static_cast<int64_t>(batch->size());
    result_.imported += outcome->copied;
    result_.bytes += outcome->bytes;
    if (Status taken = take_busy(outcome->busy); !taken) return taken;
    mark_brought(*batch, outcome->busy);
    if (!go_on("importing", result_.scanned, outcome->bytes)) return {};
  }
}

// Keys that the cluster has already: those that are equal came by an earlier run, or might as well have.
Status Import::take_busy(const std::vector<FoundKey>& busy) {
  if (busy.empty()) return {};
  Result<std::vector<Verdict>> verdicts = comparison_.compare(busy);
  if (!verdicts) return fail(verdicts.error());
  for (size_t i = 0; i < busy.size(); ++i) {
    Verdict verdict = (*verdicts)[i];
    if (brought_.contains(busy[i].key)) continue;  // a scan may find a key twice
    if (verdict == Verdict::kEqual || verdict == Verdict::kDifferent) ++result_.present;
    if (verdict == Verdict::kDifferent) kept_.add(busy[i].key);
  }
  return {};
}

// `busy` are some of `keys`, in the same order.
void Import::mark_brought(const std::vector<FoundKey>& keys, const std::vector<FoundKey>& busy) {
  if (options_.replace) return;
  auto next = busy.begin();
  for (const FoundKey& key : keys) {
    if (next != busy.end() && next->key == key.key) {
      ++next;
    } else {
      brought_.add(key.key);
    }
  }
}

Status Import::compare_all() {
  for (int pass = 0; pass < kMaxPasses && !result_.interrupted; ++pass) {
    int generation = from_.generation();
    if (Status compared = compare_once(); !compared) return compared;
    // Where slots changed hands a key may have gone from where the scan was still to come to where it had
    // been.
    if (from_.generation() == generation) break;
  }
  return {};
}

Status Import::compare_once() {
  result_.compared = result_.changing = result_.different_count = 0;
  result_.different.clear();
  keys_rate_ = {};
  KeyScan scan(from_);
  int64_t done = 0;
  while (true) {
    Result<std::vector<FoundKey>> batch = scan.next(kBatchKeys, kBatchBytes);
    if (!batch) return fail(batch.error());
    if (batch->empty()) return {};
    Result<std::vector<Verdict>> verdicts = comparison_.compare(*batch);
    if (!verdicts) return fail(verdicts.error());
    std::vector<FoundKey> missing;
    std::vector<FoundKey> different;
    for (size_t i = 0; i < batch->size(); ++i) {
      FoundKey& key = (*batch)[i];
      Verdict verdict = (*verdicts)[i];
      if (verdict == Verdict::kEqual) {
        ++result_.compared;
      } else if (verdict == Verdict::kMissing) {
        missing.push_back(key);
      } else if (verdict == Verdict::kDifferent && stays(key.key)) {
        tell_different(key.key);
      } else if (verdict == Verdict::kDifferent) {
        different.push_back(key);
      }
    }
    if (Status settled = settle(missing, std::move(different)); !settled) return settled;
    done += static_cast<int64_t>(batch->size());
    if (!go_on("comparing", done, size_of(*batch))) return {};
  }
}

void Import::tell_different(const std::string& key) {
  std::string name = resp::describe({key});
  auto& told = result_.different;
  if (std::find(told.begin(), told.end(), name) != told.end()) return;
  ++result_.different_count;
  if (told.size() < kMaxTold) told.push_back(std::move(name));
}

// Copies what changed at the source, or came up there, since it was copied, until it is equal.
Status Import::settle(const std::vector<FoundKey>& missing, std::vector<FoundKey> different) {
  if (!missing.empty()) {
    Result<CopyOutcome> outcome = copy_keys(from_, to_, missing, options_.replace);
    if (!outcome) return fail(outcome.error());
    result_.imported += outcome->copied;
    result_.bytes += outcome->bytes;
    if (Status taken = take_busy(outcome->busy); !taken) return taken;
    mark_brought(missing, outcome->busy);
    Result<std::vector<FoundKey>> left = still_different(missing);
    if (!left) return fail(left.error());
    for (FoundKey& key : *left) {
      if (stays(key.key)) {
        tell_different(key.key);
      } else {
        different.push_back(std::move(key));
      }
    }
  }
  for (int round = 0; round < kMaxRounds && !different.empty(); ++round) {
    if (round > 0) Keyspace::pause(kRoundPauseMs << round);
    Result<CopyOutcome> outcome = copy_keys(from_, to_, different, true);
    if (!outcome) return fail(outcome.error());
    result_.bytes += outcome->bytes;
    Result<std::vector<FoundKey>> left = still_different(different);
    if (!left) return fail(left.error());
    different = std::move(*left);
  }
  return give_up(different);
}

// Counts those that are equal, gives back those that are not.
Result<std::vector<FoundKey>> Import::still_different(const std::vector<FoundKey>& keys) {
  Result<std::vector<Verdict>> verdicts = comparison_.compare(keys);
  if (!verdicts) return fail(verdicts.error());
  std::vector<FoundKey> left;
  for (size_t i = 0; i < keys.size(); ++i) {
    if ((*verdicts)[i] == Verdict::kEqual) ++result_.compared;
    if ((*verdicts)[i] == Verdict::kDifferent || (*verdicts)[i] == Verdict::kMissing) left.push_back(keys[i]);
  }
  return left;
}

// What changes all the while can never be seen to be equal; that is no difference.
Status Import::give_up(const std::vector<FoundKey>& keys) {
  if (keys.empty()) return {};
  Result<std::vector<std::string>> before = dumps(keys);
  if (!before) return fail(before.error());
  Keyspace::pause(kRoundPauseMs << kMaxRounds);
  Result<std::vector<std::string>> after = dumps(keys);
  if (!after) return fail(after.error());
  for (size_t i = 0; i < keys.size(); ++i) {
    if ((*before)[i] != (*after)[i]) {
      ++result_.changing;
    } else {
      tell_different(keys[i].key);
    }
  }
  return {};
}

Result<std::vector<std::string>> Import::dumps(const std::vector<FoundKey>& keys) {
  auto questions =
      commands_for(keys, [](const std::string& key) { return std::vector<Command>{{"DUMP", key}}; });
  Result<Keyspace::Answers> answers = from_.ask(std::move(questions), batch_timeout_ms(size_of(keys)));
  if (!answers) return fail(answers.error());
  std::vector<std::string> payloads;
  for (std::vector<Reply>& replies : *answers) payloads.push_back(std::move(replies.front().text));
  return payloads;
}

Status Import::move_all() {
  for (int pass = 0; pass < kMaxPasses && !result_.interrupted; ++pass) {
    Result<int64_t> moved = move_once(pass == 0);
    if (!moved) return fail(moved.error());
    if (*moved == 0) return {};
  }
  if (!result_.interrupted) {
    session_.reporter.warn(
        fmt::format("new keys keep coming up at {}; when its clients write to the cluster, run "
                    "the same again",
                    to_string(options_.from)));
  }
  return {};
}

Result<int64_t> Import::move_once(bool first) {
  KeyScan scan(from_);
  KeyMigration migration(session_, from_, to_, options_.replace);
  int64_t moved = 0;
  int64_t done = 0;
  result_.present = 0;
  while (true) {
    Result<std::vector<FoundKey>> batch = scan.next(kBatchKeys, kBatchBytes);
    if (!batch) return fail(batch.error());
    if (batch->empty()) return moved;
    Result<MigrationOutcome> outcome = migration.move(*batch);
    if (!outcome) return fail(outcome.error());
    moved += outcome->moved;
    done += static_cast<int64_t>(batch->size());
    result_.scanned += first ? static_cast<int64_t>(batch->size()) : outcome->moved;
    result_.imported += outcome->moved;
    result_.present += static_cast<int64_t>(outcome->busy.size());
    int64_t bytes = outcome->moved == 0 ? 0 : size_of(*batch);
    result_.bytes += bytes;
    if (!go_on("importing", done, bytes)) return moved;
  }
}

Result<ImportResult> Import::run() {
  int64_t begin_ms = now_ms();
  Status done = options_.copy ? copy_all() : move_all();
  if (done && options_.copy && !result_.interrupted) done = compare_all();
  result_.elapsed_ms = now_ms() - begin_ms;
  if (!done && session_.interrupted()) result_.interrupted = true;
  if (!done && !result_.interrupted) {
    Error error = done.error();
    error.message += fmt::format(" ({} until then; the same command again goes on from there)",
                                 count_of(result_.imported, "key"));
    return fail(error);
  }
  return result_;
}

}  // namespace

Result<ImportResult> import(Session& session, const Address& seed, const ImportOptions& options) {
  KeyspaceOptions how{.database = 0,
                      .reach = session.reach,
                      .timeout_ms = session.timeout_ms,
                      .interrupted = session.interrupted};
  Result<Keyspace> to = Keyspace::open(session.servers, seed, how);
  if (!to) return fail(to.error());
  if (!to->is_cluster()) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("{} is not in cluster mode; the target of an import is a cluster", to_string(seed)));
  }
  how.database = options.from_database;
  engine::Servers& source = options.from_servers != nullptr ? *options.from_servers : session.servers;
  Result<Keyspace> from = Keyspace::open(source, options.from, how);
  if (!from) return fail(from.error());
  Import work(session, options, std::move(*from), std::move(*to));
  if (Status fine = work.check(); !fine) return fail(fine.error());
  return work.run();
}

}  // namespace keyway::admin
