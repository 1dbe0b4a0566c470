// keyway backup create
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "backup/create.h"
#include "backup/prune.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/strings.h"
#include "cli/backup_actions.h"
#include "cli/cluster/access.h"
#include "cli/cluster/interruption.h"
#include "cli/cluster/reporter.h"
#include "cli/clusters.h"
#include "cli/observer.h"
#include "cluster/backup_outcome.h"
#include "engine/observe.h"
#include "engine/survey.h"
#include "platform/local/files.h"
#include "platform/local/lock.h"

namespace keyway::cli {

namespace {

namespace local = platform::local;

// A cluster that is reached by one address: sharded, or one server.
Result<cluster::Observed> survey_any(engine::Servers& servers, const Address& seed, int64_t timeout_ms,
                                     cluster::Mode& mode) {
  mode = cluster::Mode::kSharded;
  Result<cluster::Observed> observed = engine::survey(servers, seed, {.timeout_ms = timeout_ms, .reach = {}});
  if (observed || observed.error().code != ErrorCode::kConflict) return observed;
  mode = cluster::Mode::kReplicated;
  cluster::Observed one;
  cluster::NodeFacts& node = one.nodes.emplace_back();
  node.name = to_string(seed);
  node.address = seed;
  node.process = cluster::Process::kRunning;
  engine::observe(servers, mode, one, timeout_ms);
  if (!node.answering()) return fail(ErrorCode::kUnavailable, node.note);
  // Of a replica's data set, too, a backup can be taken: it is what was asked for.
  node.server.role = cluster::Role::kPrimary;
  return one;
}

class CreateRun {
 public:
  CreateRun(const BackupCommand& command, const BackupCreate& create, Context& context)
      : command_(command),
        create_(create),
        context_(context),
        reporter_(context.output, Spelling::kOwn, /*yes=*/false) {}

  Outcome run();

 private:
  Outcome make();
  Status prepare();
  Status prepare_local();
  Status prepare_any();
  void tell(const backup::Manifest& manifest);
  void thin_out();
  void write_outcome() const;

  const BackupCommand& command_;
  const BackupCreate& create_;
  Context& context_;
  ToolReporter reporter_;
  backup::Creation creation_;
  std::optional<Observer> observer_;
  std::unique_ptr<engine::Servers> servers_;
  std::optional<local::FileLock> lock_;  // one backup of a local cluster at a time
  cluster::BackupOutcome outcome_;
};

Status CreateRun::prepare_local() {
  Result<Chosen> chosen = choose_cluster(context_.home, create_.cluster);
  if (!chosen) return fail(chosen.error());
  Result<local::FileLock> lock = local::FileLock::take(chosen->paths.folder + "/backup.lock");
  if (!lock && lock.error().code == ErrorCode::kConflict)
    return fail(ErrorCode::kConflict, "a backup of it is under way: " + lock.error().message);
  if (!lock) return fail(lock.error());
  lock_ = std::move(*lock);
  Result<Observer> observer = Observer::open(context_.home, chosen->name);
  if (!observer) return fail(observer.error());
  observer_ = std::move(*observer);
  creation_.cluster = chosen->name;
  creation_.mode = chosen->state.spec.mode;
  creation_.spec = cluster::to_yaml(chosen->state.spec);
  Result<local::Users> users = local::load_users(chosen->paths.users_file());
  if (!users) return fail(users.error());
  for (const local::User& user : users->all())
    creation_.users.push_back({user.name, user.rules, user.enabled});
  platform::Platform::Account account = observer_->platform().account();
  creation_.account = {account.user, account.password};
  creation_.look = [this]() -> Result<cluster::Observed> {
    Result<Seen> seen = observer_->look();
    if (!seen) return fail(seen.error());
    return std::move(seen->observed);
  };
  return {};
}

Status CreateRun::prepare_any() {
  Result<Reached> reached = reach({.address = create_.from, .cluster = ""}, create_.access.login,
                                  create_.access.tls, create_.access.timeout_ms, context_.home);
  if (!reached) return fail(reached.error());
  servers_ = make_servers(*reached);
  creation_.cluster = create_.cluster;
  creation_.account = reached->account;
  creation_.fleet = reached->fleet;
  creation_.look = [this] {
    cluster::Mode mode = creation_.mode;
    return survey_any(*servers_, create_.from, create_.access.timeout_ms, mode);
  };
  Result<cluster::Observed> seen =
      survey_any(*servers_, create_.from, create_.access.timeout_ms, creation_.mode);
  return seen ? Status{} : fail(seen.error());
}

Status CreateRun::prepare() {
  Result<std::optional<backup::EncryptionKey>> key = key_of(command_);
  if (!key) return fail(key.error());
  creation_.key = *key;
  creation_.tool_version = KEYWAY_VERSION;
  creation_.interrupted = Interruption::seen;
  creation_.open_store = [this] { return open_place(command_); };
  return create_.from.empty() ? prepare_local() : prepare_any();
}

void CreateRun::tell(const backup::Manifest& manifest) {
  if (context_.output.json()) return context_.output.print(to_json(manifest));
  int64_t raw_bytes = 0;
  for (const backup::BackedUpShard& shard : manifest.shards) raw_bytes += shard.sums.raw_bytes;
  int64_t took_ms = std::max<int64_t>(1, manifest.ended_ms - manifest.begun_ms);
  reporter_.say(
      {fmt::format("Backed up {} as {}: {}, {} of data in {} ({}/s), {} stored{}.", manifest.cluster,
                   manifest.id, count_of(static_cast<int64_t>(manifest.shards.size()), "shard"),
                   human_bytes(raw_bytes), human_duration(took_ms), human_bytes(raw_bytes * 1000 / took_ms),
                   human_bytes(outcome_.stored_bytes), manifest.encrypted ? ", encrypted" : "")});
}

// Whatever comes of that, the backup was made.
void CreateRun::thin_out() {
  if (create_.keep.keeps_all()) return;
  Result<std::unique_ptr<backup::Store>> store = open_place(command_);
  Result<std::vector<backup::Pruned>> pruned =
      store ? backup::prune(**store, creation_.cluster, create_.keep, /*dry_run=*/false, wall_ms())
            : Result<std::vector<backup::Pruned>>(fail(store.error()));
  if (!pruned) {
    outcome_.trouble = "older backups could not be deleted: " + pruned.error().message;
    return reporter_.warn(outcome_.trouble);
  }
  outcome_.deleted = std::ranges::count_if(*pruned, [](const backup::Pruned& one) { return !one.keep; });
  if (outcome_.deleted > 0)
    reporter_.say({fmt::format("Deleted {}.", count_of(outcome_.deleted, "older backup"))});
}

// In place: a container's termination message cannot be replaced by another file.
void CreateRun::write_outcome() const {
  local::Fd fd(::open(create_.outcome_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  std::string text = to_json(outcome_);
  if (fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return;
  context_.output.note(local::file_error(errno, "write " + create_.outcome_file).message);
}

Outcome CreateRun::run() {
  Outcome ended = make();
  if (!ended) outcome_.error = ended.error().error.message;
  if (!create_.outcome_file.empty()) write_outcome();
  return ended;
}

cluster::BackupOutcome outcome_of(const backup::Manifest& manifest) {
  cluster::BackupOutcome outcome;
  outcome.id = manifest.id;
  outcome.keys = 0;
  for (const backup::BackedUpShard& shard : manifest.shards) {
    outcome.keys = outcome.keys < 0 || shard.keys < 0 ? -1 : outcome.keys + shard.keys;
    outcome.stored_bytes += shard.sums.stored_bytes;
  }
  return outcome;
}

Outcome CreateRun::make() {
  Status prepared = prepare();
  Result<backup::Manifest> made =
      prepared ? backup::create(creation_, reporter_) : Result<backup::Manifest>(fail(prepared.error()));
  if (Interruption::seen() && !made)
    return tl::unexpected(Failure({made.error().code, "interrupted: no backup was made"}, kExitInterrupted));
  if (!made) return fail(made.error());
  lock_.reset();  // it is made
  outcome_ = outcome_of(*made);
  // With JSON one thing is printed: the manifest, or why the backup cannot be relied on.
  bool tells_first = !create_.verify || !context_.output.json();
  if (tells_first) tell(*made);
  if (create_.verify) {
    Outcome verified = verify_backup(*create_.verify, command_, *made, /*report_json=*/false, context_);
    if (!verified) return verified;
    outcome_.verified = true;
  }
  if (!tells_first) tell(*made);
  thin_out();
  return kExitDone;
}

}  // namespace

Outcome run_backup(const BackupCreate& create, const BackupCommand& command, Context& context) {
  std::signal(SIGPIPE, SIG_IGN);  // a terminal that goes away must not leave half a backup
  Interruption interruption;
  return CreateRun(command, create, context).run();
}

}  // namespace keyway::cli
