// keyway backup create
#include <csignal>

#include "backup/create.h"
#include "base/format.h"
#include "base/strings.h"
#include "cli/backup_actions.h"
#include "cli/cluster/access.h"
#include "cli/cluster/interruption.h"
#include "cli/cluster/reporter.h"
#include "cli/clusters.h"
#include "cli/observer.h"
#include "engine/observe.h"
#include "engine/survey.h"
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
  Status prepare();
  Status prepare_local();
  Status prepare_any();
  void tell(const backup::Manifest& manifest);

  const BackupCommand& command_;
  const BackupCreate& create_;
  Context& context_;
  ToolReporter reporter_;
  backup::Creation creation_;
  std::optional<Observer> observer_;
  std::unique_ptr<engine::Servers> servers_;
  std::optional<local::FileLock> lock_;  // one backup of a local cluster at a time
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
  int64_t stored_bytes = 0;
  for (const backup::BackedUpShard& shard : manifest.shards) {
    raw_bytes += shard.sums.raw_bytes;
    stored_bytes += shard.sums.stored_bytes;
  }
  int64_t took_ms = std::max<int64_t>(1, manifest.ended_ms - manifest.begun_ms);
  reporter_.say(
      {fmt::format("Backed up {} as {}: {}, {} of data in {} ({}/s), {} stored{}.", manifest.cluster,
                   manifest.id, count_of(static_cast<int64_t>(manifest.shards.size()), "shard"),
                   human_bytes(raw_bytes), human_duration(took_ms), human_bytes(raw_bytes * 1000 / took_ms),
                   human_bytes(stored_bytes), manifest.encrypted ? ", encrypted" : "")});
}

Outcome CreateRun::run() {
  Status prepared = prepare();
  Result<backup::Manifest> made =
      prepared ? backup::create(creation_, reporter_) : Result<backup::Manifest>(fail(prepared.error()));
  if (Interruption::seen() && !made)
    return tl::unexpected(Failure({made.error().code, "interrupted: no backup was made"}, kExitInterrupted));
  if (!made) return fail(made.error());
  lock_.reset();  // it is made
  if (!create_.verify) {
    tell(*made);
    return kExitDone;
  }
  // With JSON one thing is printed: the manifest, or why the backup cannot be relied on.
  if (!context_.output.json()) tell(*made);
  Outcome verified = verify_backup(*create_.verify, command_, *made, /*report_json=*/false, context_);
  if (verified && context_.output.json()) tell(*made);
  return verified;
}

}  // namespace

Outcome run_backup(const BackupCreate& create, const BackupCommand& command, Context& context) {
  std::signal(SIGPIPE, SIG_IGN);  // a terminal that goes away must not leave half a backup
  Interruption interruption;
  return CreateRun(command, create, context).run();
}

}  // namespace keyway::cli
