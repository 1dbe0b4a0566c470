#include "admin/restore.h"

#include <algorithm>
#include <set>
#include <utility>

#include "admin/restore_target.h"
#include "admin/restore_walk.h"
#include "admin/restore_writer.h"
#include "admin/throttle.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/strings.h"

namespace keyway::admin {

namespace {

using rdb::Entry;

constexpr size_t kMaxToldModules = 8;
constexpr int64_t kSettlePauseMs = 200;

class Restore {
 public:
  Restore(Session& session, const RestoreOptions& options, Keyspace target)
      : session_(session), options_(options), target_(std::move(target)) {
    for (const RestoreFile& file : options.files) {
      total_bytes_ = file.size_bytes < 0 || total_bytes_ < 0 ? -1 : total_bytes_ + file.size_bytes;
    }
  }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

  Result<RestoreResult> run(const Address& seed);

 private:
  Status look();
  Status see(const RestoreFile& file, Entry& entry);
  Status check_database(const RestoreFile& file, const Entry& entry) const;
  Status check_target();
  Result<bool> write_all(const Address& seed);
  Status write_entry(RestoreWriter& writer, const RestoreFile& file, const rdb::Header& header, Entry& entry);
  Status write_key(RestoreWriter& writer, const rdb::Header& header, Entry& entry);
  Status write_functions(const Entry& entry);
  Status finish(RestoreWriter& writer);
  Status compare();
  Result<KeyCount> count_when_settled();
  void take_counts(const RestoreWriter& writer);
  bool tell(std::string_view what, int64_t read_bytes);
  bool replaces() const { return options_.existing != Existing::kMerge; }
  Error partly(Error error) const;

  Session& session_;
  const RestoreOptions& options_;
  RestoreTarget target_;
  RestoreResult result_;
  int64_t total_bytes_ = 0;
  int64_t read_bytes_ = 0;
  int64_t lasting_ = 0;
  std::set<std::string> functions_;  // that were loaded; each shard's file has them all
  std::set<uint64_t> modules_;       // whose data beside keys is left out
  bool began_ = false;               // the target may have changed
  Rate keys_rate_;
  Rate bytes_rate_;
};

bool Restore::tell(std::string_view what, int64_t read_bytes) {
  read_bytes_ = read_bytes;
  int64_t at_ms = now_ms();
  keys_rate_.count(result_.keys, at_ms);
  bytes_rate_.count(read_bytes, at_ms);
  int64_t rate = bytes_rate_.per_s();
  bool can_tell = total_bytes_ >= 0 && rate > 0;
  session_.reporter.progress(
      {.what = std::string(what),
       .done = read_bytes,
       .total = total_bytes_,
       .unit = "bytes",
       .keys = result_.keys,
       .bytes = read_bytes,
       .keys_per_s = keys_rate_.per_s(),
       .bytes_per_s = rate,
       .left_ms = can_tell ? std::max<int64_t>(0, total_bytes_ - read_bytes) * 1000 / rate : -1});
  if (!session_.interrupted()) return true;
  result_.interrupted = true;
  return false;
}

// A cluster's keys are all in one database.
Status Restore::check_database(const RestoreFile& file, const Entry& entry) const {
  if (!target_.is_cluster() || entry.database == 0 || options_.database) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} holds keys in database {} ({}), and a cluster has only database 0; --db {} "
                          "restores those of that database alone, --db 0 those of database 0",
                          file.name, entry.database, resp::describe({entry.key}), entry.database));
}

// Counts the entry, whether it is written or only looked at.
Status Restore::see(const RestoreFile& file, Entry& entry) {
  switch (entry.kind) {
    case Entry::Kind::kKey:
      ++result_.keys;
      if (!is_wanted(options_, entry) || entry.key == kRestoreMark) {
        ++result_.left_out;
        return {};
      }
      ++result_.by_type[std::string(entry.type->name)];
      return check_database(file, entry);
    case Entry::Kind::kEnd:
      result_.unchecked = result_.unchecked || !entry.checked;
      return {};
    case Entry::Kind::kModuleAux:
      if (modules_.size() < kMaxToldModules && modules_.insert(entry.module).second) {
        session_.reporter.warn(fmt::format(
            "{} holds data that a module keeps beside the keys; that is not restored", file.name));
      }
      return {};
    default:
      return {};
  }
}

// Whether all of it can be read.
Status Restore::look() {
  auto see_entry = [this](const RestoreFile& file, const rdb::Header&, Entry& entry) {
    Status seen = see(file, entry);
    bool wanted = seen && entry.kind == Entry::Kind::kKey && is_wanted(options_, entry);
    if (wanted && entry.expires_at_ms && *entry.expires_at_ms <= wall_ms()) ++result_.expired;
    return seen;
  };
  Result<bool> walked = walk_files(options_.files, see_entry,
                                   [this](int64_t read_bytes) { return tell("checking", read_bytes); });
  if (!walked) return fail(walked.error());
  return {};
}

Status Restore::check_target() {
  Result<KeyCount> before = target_.count_keys();
  if (!before) return fail(before.error());
  result_.before = before->keys;
  Result<std::optional<std::string>> mark = target_.mark();
  if (!mark) return fail(mark.error());
  result_.resumed = *mark == options_.source;
  if (before->keys == 0 || result_.resumed || options_.existing != Existing::kRefuse) return {};
  std::string holds = fmt::format("the target holds {}", count_of(before->keys, "key"));
  if (*mark) holds += fmt::format(", some from a restore of {} that was not finished", **mark);
  return fail(ErrorCode::kConflict,
              fmt::format("{}; --replace overwrites those that are restored and keeps the others, --merge "
                          "adds only keys that are not there",
                          holds));
}

// Waits for room, and goes on telling how far it is meanwhile.
Status Restore::write_key(RestoreWriter& writer, const rdb::Header& header, Entry& entry) {
  if (entry.expires_at_ms && *entry.expires_at_ms <= wall_ms()) {
    ++result_.expired;
    return {};
  }
  RestoredKey key{.key = std::move(entry.key),
                  .payload = rdb::dump_payload(entry.value, std::max(entry.type->since, rdb::kOldestVersion)),
                  .expires_at_ms = entry.expires_at_ms.value_or(0),
                  .idle_s = entry.idle_s,
                  .frequency = entry.frequency,
                  .type = entry.type->name,
                  .writer = rdb::writer_of(header)};
  int database = target_.is_cluster() ? 0 : entry.database;
  while (true) {
    Result<bool> added = writer.add(database, key);
    if (!added) return fail(added.error());
    if (*added || !tell("restoring", read_bytes_)) return {};
  }
}

Status Restore::write_functions(const Entry& entry) {
  if (!options_.pattern.empty() || !functions_.insert(entry.text).second) return {};
  bool replace = options_.existing == Existing::kReplace || result_.resumed;
  Result<bool> loaded = target_.load_functions(entry.text, replace);
  if (!loaded) return fail(loaded.error());
  if (*loaded) ++result_.functions;
  if (*loaded || options_.existing == Existing::kMerge) return {};
  return fail(ErrorCode::kConflict,
              "the target has a library of functions of the same name as the files; --replace overwrites it, "
              "--merge keeps it");
}

Status Restore::write_entry(RestoreWriter& writer, const RestoreFile& file, const rdb::Header& header,
                            Entry& entry) {
  int64_t left_out = result_.left_out;
  if (Status seen = see(file, entry); !seen) return seen;
  if (entry.kind == Entry::Kind::kFunction) return write_functions(entry);
  if (entry.kind != Entry::Kind::kKey || result_.left_out > left_out) return {};
  return write_key(writer, header, entry);
}

Status Restore::finish(RestoreWriter& writer) {
  while (tell("restoring", read_bytes_)) {
    Result<bool> finished = writer.finish();
    if (!finished) return fail(finished.error());
    if (*finished) return {};
  }
  return {};
}

void Restore::take_counts(const RestoreWriter& writer) {
  result_.written = writer.written();
  result_.present = writer.present();
  result_.bytes = writer.bytes();
  lasting_ = writer.lasting();
}

// False: interrupted.
Result<bool> Restore::write_all(const Address& seed) {
  RestoreWriter writer({.connect = session_.connect,
                        .seed = seed,
                        .keyspace = {.database = 0,
                                     .reach = session_.reach,
                                     .timeout_ms = session_.timeout_ms,
                                     .interrupted = session_.interrupted,
                                     .find_primary = options_.find_primary},
                        .replace = replaces(),
                        .threads = options_.connections});
  auto write = [&](const RestoreFile& file, const rdb::Header& header, Entry& entry) {
    return write_entry(writer, file, header, entry);
  };
  Result<bool> walked =
      walk_files(options_.files, write, [this](int64_t bytes) { return tell("restoring", bytes); });
  Status finished = walked && *walked ? finish(writer) : Status{};
  take_counts(writer);
  if (!walked) return fail(walked.error());
  if (!finished) return fail(finished.error());
  return !result_.interrupted;
}

// Counts until it is exact or nothing is missing. While slots move, one may seem to have no owner for a
// moment.
Result<KeyCount> Restore::count_when_settled() {
  int64_t end_ms = now_ms() + options_.settle_ms;
  while (true) {
    Result<KeyCount> count = target_.count_keys();
    bool good = count && (count->exact || count->keys >= lasting_);
    bool passing = count || count.error().code == ErrorCode::kConflict;
    if (good || !passing || now_ms() >= end_ms) return count;
    if (!tell("waiting for slots to arrive", read_bytes_)) return count;
    Keyspace::pause(kSettlePauseMs);
  }
}

// What was written must be there, but for what expires. Others may write meanwhile, so more is no fault.
Status Restore::compare() {
  Result<KeyCount> after = count_when_settled();
  if (!after) return result_.interrupted ? Status{} : fail(after.error());
  result_.after = after->keys;
  if (after->keys >= lasting_ || result_.interrupted) return {};
  if (!after->exact) {
    session_.reporter.warn(
        "slots of the target go on moving, so its keys could not be counted; all were written");
    return {};
  }
  return fail(ErrorCode::kConflict,
              fmt::format("{} without an expiry were written, but the target holds only {} in all: they were "
                          "evicted (maxmemory, maxmemory-policy), or deleted by its clients, or the files "
                          "name them more than once",
                          count_of(lasting_, "key"), after->keys));
}

Error Restore::partly(Error error) const {
  if (!began_) return error;
  error.message += fmt::format(
      " ({} of {} that were read had been written by then; the same command again "
      "finishes it)",
      result_.written + result_.present, count_of(result_.keys, "key"));
  return error;
}

Result<RestoreResult> Restore::run(const Address& seed) {
  int64_t begin_ms = now_ms();
  if (options_.look_first || options_.dry_run) {
    if (Status looked = look(); !looked) return fail(looked.error());
  }
  Status done = result_.interrupted ? Status{} : check_target();
  if (!done) return fail(done.error());
  if (!options_.dry_run && !result_.interrupted) {
    RestoreResult anew;  // what was only looked at counts no more
    anew.before = result_.before;
    anew.resumed = result_.resumed;
    result_ = anew;
    keys_rate_ = bytes_rate_ = {};
    if (options_.existing == Existing::kRefuse) done = target_.set_mark(options_.source);
    began_ = done.has_value();
    Result<bool> written = done ? write_all(seed) : fail(done.error());
    if (!written) return fail(partly(written.error()));
    // As long as the mark stands, the same command may go on.
    if (*written) done = compare();
    if (done && !result_.interrupted) done = target_.remove_mark();
    if (!done) return fail(partly(done.error()));
  }
  result_.elapsed_ms = now_ms() - begin_ms;
  return result_;
}

}  // namespace

Result<RestoreResult> restore(Session& session, const Address& seed, const RestoreOptions& options) {
  Result<Keyspace> target = Keyspace::open(session.servers, seed,
                                           {.database = 0,
                                            .reach = session.reach,
                                            .timeout_ms = session.timeout_ms,
                                            .interrupted = session.interrupted,
                                            .find_primary = options.find_primary});
  if (!target) return fail(target.error());
  Restore work(session, options, std::move(*target));
  return work.run(seed);
}

}  // namespace keyway::admin
