#include "backup/shard_trial.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "admin/restore.h"
#include "admin/restore_walk.h"
#include "backup/rdb_survey.h"
#include "backup/trial_comparison.h"
#include "backup/trial_server.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"
#include "platform/local/resources.h"

namespace keyway::backup {

namespace {

namespace local = platform::local;

constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr int kMaxDatabase = 100'000;  // a server takes memory for each

// Gives the data of a shard, and writes it into a file on its way.
class CopiedSource : public admin::FileSource {
 public:
  CopiedSource(std::unique_ptr<PackedReader> from, std::string path, local::Fd fd)
      : from_(std::move(from)), path_(std::move(path)), fd_(std::move(fd)) {}

  Result<size_t> read(char* to, size_t size_bytes) override {
    Result<size_t> got = from_->read(to, size_bytes);
    if (!got) return got;
    for (size_t written = 0; written < *got;) {
      ssize_t count = ::write(fd_.get(), to + written, *got - written);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail(local::file_error(errno, "write " + path_));
      written += static_cast<size_t>(count);
    }
    return got;
  }

 private:
  std::unique_ptr<PackedReader> from_;
  std::string path_;
  local::Fd fd_;
};

class Trying {
 public:
  explicit Trying(const ShardTrial& trial) : trial_(trial) {}

  Status run();
  VerifiedShard result;

 private:
  Result<std::unique_ptr<admin::FileSource>> open();
  Status fetch();
  Status check_sums();
  Status check_counts() const;
  Status check_memory() const;
  Status load(const local::EngineProgram& engine);
  void report(std::string_view what, int64_t done, int64_t total, std::string_view unit);

  const ShardTrial& trial_;
  RdbSurvey survey_;
};

void Trying::report(std::string_view what, int64_t done, int64_t total, std::string_view unit) {
  trial_.reporter.progress({.what = fmt::format("{} {}", what, trial_.shard.name),
                            .done = done,
                            .total = total,
                            .unit = std::string(unit)});
}

Result<std::unique_ptr<admin::FileSource>> Trying::open() {
  Result<std::unique_ptr<PackedReader>> reader =
      open_shard(trial_.store, trial_.manifest, trial_.shard, trial_.options.key);
  if (!reader) return fail(reader.error());
  std::string path = trial_.folder.data_file();
  local::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(local::file_error(errno, "write " + path));
  return std::make_unique<CopiedSource>(std::move(*reader), std::move(path), std::move(fd));
}

// Reads the object, checks it, and puts it where the server loads it from.
Status Trying::fetch() {
  int64_t size_bytes = trial_.shard.sums.raw_bytes;
  if (Status room = trial_.folder.check_room(size_bytes); !room) return room;
  int64_t now_ms = wall_ms();
  admin::RestoreFile file{
      .name = trial_.shard.object, .size_bytes = size_bytes, .open = [this] { return open(); }};
  auto see = [&](const admin::RestoreFile&, const rdb::Header& header, const rdb::Entry& entry) -> Status {
    survey_.see(header, entry, now_ms);
    return {};
  };
  auto go_on = [&](int64_t read_bytes) {
    report("reading", read_bytes, size_bytes, "bytes");
    return !trial_.options.interrupted();
  };
  Result<bool> read = admin::walk_files({file}, see, go_on);
  if (!read && read.error().code == ErrorCode::kUnsupported) {
    if (Status whole = check_sums(); !whole) return whole;
  }
  if (!read) return fail(read.error());
  return *read ? Status{} : fail(ErrorCode::kUnavailable, "it was interrupted");
}

// To its end: who cannot read what is in it must know first whether it was altered.
Status Trying::check_sums() {
  Result<std::unique_ptr<admin::FileSource>> source = open();
  if (!source) return fail(source.error());
  std::vector<char> piece(kPieceBytes);
  while (!trial_.options.interrupted()) {
    Result<size_t> got = (*source)->read(piece.data(), piece.size());
    if (!got) return fail(got.error());
    if (*got == 0) return {};
  }
  return fail(ErrorCode::kUnavailable, "it was interrupted");
}

Status Trying::check_counts() const {
  if (survey_.last_database() >= kMaxDatabase) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("shard {} uses the database {}; up to {} can be tried", trial_.shard.name,
                            survey_.last_database(), kMaxDatabase - 1));
  }
  if (trial_.shard.keys < 0 || trial_.shard.keys == survey_.keys) return {};
  return fail(ErrorCode::kCorrupt, fmt::format("the manifest says that there are {} keys, and there are {}",
                                               trial_.shard.keys, survey_.keys));
}

// A machine without memory for it ends processes, and not only those that are tried out.
Status Trying::check_memory() const {
  std::optional<int64_t> free_bytes = local::available_memory_bytes();
  int64_t wanted = std::max(survey_.memory_bytes, trial_.shard.sums.raw_bytes);
  if (!free_bytes || *free_bytes >= wanted) return {};
  return fail(ErrorCode::kExhausted,
              fmt::format("shard {} takes about {} of memory in a server, and {} are free; "
                          "verify it on a machine with more",
                          trial_.shard.name, human_bytes(wanted), human_bytes(*free_bytes)));
}

Status Trying::load(const local::EngineProgram& engine) {
  Trial trial{
      .folder = trial_.folder,
      .engine = engine,
      .databases = survey_.last_database() + 2,  // one more, for samples
      .header = survey_.header.value_or(rdb::Header{}),
      .shard = trial_.shard,
      .interrupted = trial_.options.interrupted,
      .loading = [this](int64_t bytes) { report("loading", bytes, trial_.shard.sums.raw_bytes, "bytes"); }};
  Result<std::unique_ptr<TrialServer>> server = TrialServer::start(trial);
  if (!server) return fail(server.error());
  Comparison comparison{
      .survey = survey_,
      .file = trial_.folder.data_file(),
      .scratch_database = survey_.last_database() + 1,
      .interrupted = trial_.options.interrupted,
      .compared = [this](int64_t keys) { report("comparing", keys, survey_.keys, "keys"); }};
  Result<int64_t> compared = compare(**server, comparison);
  if (!compared) return fail(compared.error());
  result.compared = *compared;
  return {};
}

Status Trying::run() {
  Result<local::EngineProgram> engine = trial_.options.find_engine(trial_.shard.engine);
  if (!engine) return fail(engine.error());
  result.engine = fmt::format("{} {}", to_string(engine->kind), engine->version);
  Status fetched = fetch();
  result.keys = survey_.keys;
  result.expired = survey_.expired;
  result.functions = survey_.functions;
  result.by_type = survey_.by_type;
  if (!fetched) return fetched;
  if (Status right = check_counts(); !right) return right;
  if (Status enough = check_memory(); !enough) return enough;
  return load(*engine);
}

}  // namespace

Result<VerifiedShard> try_shard(const ShardTrial& trial) {
  int64_t begun_ms = monotonic_ms();
  Trying trying(trial);
  Status tried = trying.run();
  ::unlink(trial.folder.data_file().c_str());  // the next shard needs the room
  if (!tried && tried.error().code != ErrorCode::kCorrupt) return fail(tried.error());
  VerifiedShard result = std::move(trying.result);
  result.name = trial.shard.name;
  result.raw_bytes = trial.shard.sums.raw_bytes;
  if (!tried) result.problem = tried.error().message;
  result.elapsed_ms = monotonic_ms() - begun_ms;
  return result;
}

}  // namespace keyway::backup
