#include "backup/create.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "admin/throttle.h"
#include "backup/catalog.h"
#include "backup/shard_take.h"
#include "backup/waiting.h"
#include "base/clock.h"
#include "base/format.h"

namespace keyway::backup {

namespace {

constexpr int kMaxIdNumber = 100;
constexpr int kLooks = 5;
constexpr int64_t kReportMs = 100;

// The threads that take shards, and what they have taken.
class Takers {
 public:
  Takers(const Creation& creation, std::string id, const std::vector<ShardSources>& shards)
      : creation_(creation), id_(std::move(id)), shards_(shards), progress_(shards.size()) {
    creation_.interrupted = [this, asked = creation.interrupted] { return stop_ || asked(); };
  }

  // Runs them to their end; reports meanwhile. The shards in their order, or the first error.
  Result<std::vector<BackedUpShard>> run(admin::Reporter& reporter);

 private:
  void work();
  void report(admin::Reporter& reporter);
  void finish_one(Result<BackedUpShard> taken);

  Creation creation_;
  std::string id_;
  const std::vector<ShardSources>& shards_;
  std::deque<TakeProgress> progress_;
  std::atomic<bool> stop_ = false;  // one has failed for good: the others need not go on
  admin::Rate rate_;

  std::mutex mutex_;  // of all that follows
  std::condition_variable ended_;
  size_t next_ = 0;
  size_t running_ = 0;
  std::vector<BackedUpShard> taken_;
  std::optional<Error> error_;
  std::vector<std::string> warnings_;
};

void Takers::finish_one(Result<BackedUpShard> taken) {
  std::lock_guard lock(mutex_);
  if (taken)
    taken_.push_back(std::move(*taken));
  else if (!error_)
    error_ = taken.error();
  if (error_) stop_ = true;
}

void Takers::work() {
  auto warn = [this](std::string line) {
    std::lock_guard lock(mutex_);
    warnings_.push_back(std::move(line));
  };
  auto next = [this] {
    std::lock_guard lock(mutex_);
    return next_++;
  };
  Result<std::unique_ptr<Store>> store = creation_.open_store();
  if (!store) finish_one(fail(store.error()));
  for (size_t i = store ? next() : shards_.size(); i < shards_.size() && !creation_.interrupted(); i = next())
    finish_one(take_shard(creation_, id_, shards_[i], **store, progress_[i], warn));
  std::lock_guard lock(mutex_);
  --running_;
  ended_.notify_all();
}

void Takers::report(admin::Reporter& reporter) {
  std::vector<std::string> warnings;
  {
    std::lock_guard lock(mutex_);
    warnings.swap(warnings_);
  }
  for (const std::string& line : warnings) reporter.warn(line);
  int64_t raw_bytes = 0;
  for (const TakeProgress& one : progress_) raw_bytes += one.raw_bytes;
  rate_.count(raw_bytes, monotonic_ms());
  reporter.progress({.what = "backing up",
                     .done = raw_bytes,
                     .total = -1,
                     .unit = "bytes",
                     .keys = -1,
                     .bytes = raw_bytes,
                     .keys_per_s = -1,
                     .bytes_per_s = rate_.per_s(),
                     .left_ms = -1});
}

Result<std::vector<BackedUpShard>> Takers::run(admin::Reporter& reporter) {
  std::vector<std::thread> threads;
  running_ = std::min(creation_.at_once, shards_.size());
  for (size_t i = 0, count = running_; i < count; ++i) threads.emplace_back([this] { work(); });
  while (true) {
    std::unique_lock lock(mutex_);
    if (ended_.wait_for(lock, std::chrono::milliseconds(kReportMs), [this] { return running_ == 0; })) break;
    lock.unlock();
    report(reporter);
  }
  for (std::thread& thread : threads) thread.join();
  report(reporter);
  if (error_) return fail(*error_);
  if (taken_.size() != shards_.size()) return fail(ErrorCode::kUnavailable, "it was interrupted");
  std::ranges::sort(taken_, {}, &BackedUpShard::name);
  return std::move(taken_);
}

class Making {
 public:
  Making(const Creation& creation, admin::Reporter& reporter) : creation_(creation), reporter_(reporter) {}

  Result<Manifest> run();

 private:
  Result<std::vector<ShardSources>> choose();
  Status check_unmoved_now(const std::vector<ShardSources>& shards);
  Status choose_id();
  Status check_objects(const Manifest& manifest);
  Result<Manifest> take(const std::vector<ShardSources>& shards);
  void remove_all();

  const Creation& creation_;
  admin::Reporter& reporter_;
  std::unique_ptr<Store> store_;
  Manifest manifest_;
};

// A server that is late with one answer is asked again.
Result<std::vector<ShardSources>> Making::choose() {
  for (int look = 1;; ++look) {
    Result<cluster::Observed> observed = creation_.look();
    Result<std::vector<ShardSources>> shards =
        observed ? choose_sources(*observed, creation_.mode) : fail(observed.error());
    bool again = !shards && shards.error().code == ErrorCode::kUnavailable && look < kLooks;
    if (!again || creation_.interrupted()) return shards;
    wait_unless(creation_.interrupted, creation_.pause_ms);
  }
}

Status Making::check_unmoved_now(const std::vector<ShardSources>& shards) {
  for (int look = 1;; ++look) {
    Result<cluster::Observed> observed = creation_.look();
    Status unmoved =
        observed ? check_unmoved(shards, *observed, creation_.mode) : Status(fail(observed.error()));
    bool again = !unmoved && unmoved.error().code == ErrorCode::kUnavailable && look < kLooks;
    if (!again || creation_.interrupted()) return unmoved;
    wait_unless(creation_.interrupted, creation_.pause_ms);
  }
}

Status Making::choose_id() {
  manifest_.begun_ms = wall_ms();
  for (int number = 1; number <= kMaxIdNumber; ++number) {
    manifest_.id = backup_id(manifest_.begun_ms, number);
    Result<std::vector<ObjectInfo>> there = store_->list(folder_of(creation_.cluster, manifest_.id));
    bool free = there ? there->empty() : there.error().code == ErrorCode::kNotFound;
    // What is not there yet may be made with the first object; a bucket that is not there says so then.
    if (free) return {};
    if (!there) return fail(there.error());
  }
  return fail(ErrorCode::kConflict, fmt::format("there are {} backups of this second already", kMaxIdNumber));
}

// What the store has is what was given to it.
Status Making::check_objects(const Manifest& manifest) {
  std::string folder = folder_of(manifest.cluster, manifest.id);
  Result<std::vector<ObjectInfo>> objects = store_->list(folder);
  if (!objects) return fail(objects.error());
  for (const BackedUpShard& shard : manifest.shards) {
    auto found = std::ranges::find(*objects, folder + "/" + shard.object, &ObjectInfo::name);
    if (found != objects->end() && found->size_bytes == shard.sums.stored_bytes) continue;
    return fail(ErrorCode::kCorrupt, fmt::format("{} does not have {} with its {} bytes, though it took them",
                                                 store_->url(), shard.object, shard.sums.stored_bytes));
  }
  return {};
}

// As far as it can be done; what stays has no manifest, and prune takes it away.
void Making::remove_all() {
  Result<std::vector<ObjectInfo>> objects = store_->list(folder_of(creation_.cluster, manifest_.id));
  Status removed = objects ? remove_objects(*store_, std::move(*objects)) : fail(objects.error());
  if (!removed && removed.error().code != ErrorCode::kNotFound) reporter_.warn(removed.error().message);
}

Result<Manifest> Making::take(const std::vector<ShardSources>& shards) {
  Result<std::vector<BackedUpShard>> taken = Takers(creation_, manifest_.id, shards).run(reporter_);
  if (!taken) return fail(taken.error());
  manifest_.shards = std::move(*taken);
  if (Status unmoved = check_unmoved_now(shards); !unmoved) return fail(unmoved.error());
  manifest_.ended_ms = wall_ms();
  if (Status there = check_objects(manifest_); !there) return fail(there.error());
  if (creation_.interrupted()) return fail(ErrorCode::kUnavailable, "it was interrupted");
  std::string name = folder_of(manifest_.cluster, manifest_.id) + "/" + std::string(kManifestName);
  if (Status written = write_object(*store_, name, to_json(manifest_)); !written)
    return fail(written.error());
  return manifest_;
}

Result<Manifest> Making::run() {
  Result<std::unique_ptr<Store>> store = creation_.open_store();
  if (!store) return fail(store.error());
  store_ = std::move(*store);
  Result<std::vector<ShardSources>> shards = choose();
  if (!shards) return fail(shards.error());
  if (Status chosen = choose_id(); !chosen) return fail(chosen.error());
  manifest_.cluster = creation_.cluster;
  manifest_.mode = creation_.mode;
  manifest_.spec = creation_.spec;
  manifest_.users = creation_.users;
  manifest_.tool_version = creation_.tool_version;
  manifest_.encrypted = creation_.key.has_value();
  for (const ShardSources& shard : *shards) {
    const Source& first = shard.sources.front();
    reporter_.note(fmt::format("shard {}: from {} ({}), {}", shard.name, first.node, to_string(first.address),
                               first.replica ? "a replica in sync" : "its primary: no replica is in sync"));
  }
  Result<Manifest> made = take(*shards);
  if (!made) remove_all();
  return made;
}

}  // namespace

Result<Manifest> create(const Creation& creation, admin::Reporter& reporter) {
  return Making(creation, reporter).run();
}

}  // namespace keyway::backup
