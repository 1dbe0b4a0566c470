#include "cli/backup_arguments.h"

#include "base/format.h"
#include "cluster/spec_rules.h"

namespace keyway::cli {

namespace {

constexpr int kMaxCount = 100'000;

Status check_name(const Words& words, const std::string& name) {
  if (auto problem = cluster::label_problem(name))
    return misuse(*words.syntax, fmt::format("\"{}\" cannot name a cluster: {}", name, *problem));
  return {};
}

Status take_access(const Words& words, Access& access) {
  access.login.user = words.text("target_user");
  access.login.password_file = words.text("password_file");
  access.tls.enabled = words.has("tls");
  access.tls.ca_file = words.text("cacert");
  bool any = !access.login.user.empty() || !access.login.password_file.empty() || access.tls.enabled;
  if (any && !words.has("backup_from"))
    return misuse(*words.syntax, "--user, --password-file and --tls are for servers elsewhere (--from)");
  if (!access.tls.ca_file.empty() && !access.tls.enabled)
    return misuse(*words.syntax, "--cacert goes with --tls");
  return {};
}

Status take_retention(Words& words, backup::Retention& retention) {
  struct Count {
    std::string_view flag;
    int* to;
  };
  for (const Count& count : {Count{"keep_last", &retention.last}, Count{"keep_days", &retention.days},
                             Count{"keep_daily", &retention.daily}, Count{"keep_weekly", &retention.weekly},
                             Count{"keep_monthly", &retention.monthly}}) {
    if (Status taken = take(words, count.flag, *count.to, number(1, kMaxCount)); !taken) return taken;
  }
  return {};
}

Result<Command> make_create(Words& words) {
  BackupCommand command;
  BackupCreate create;
  Result<std::string> name = take_cluster(words, 0);
  if (!name) return fail(name.error());
  create.cluster = *name;
  command.url = words.text("to_url");
  command.s3 = take_s3(words);
  if (command.url.empty()) return misuse(*words.syntax, "say where to by --to URL");
  if (words.has("backup_from")) {
    auto address = parse_address(words.text("backup_from"));
    if (!address)
      return misuse(*words.syntax, fmt::format("--from: \"{}\" is no HOST:PORT", words.text("backup_from")));
    if (name->empty()) return misuse(*words.syntax, "with --from, NAME says how its backups are called");
    create.from = *address;
  }
  if (!name->empty()) {
    if (Status fine = check_name(words, *name); !fine) return fail(fine.error());
  }
  if (Status taken = take_access(words, create.access); !taken) return fail(taken.error());
  if (words.has("verify_after"))
    create.verify = BackupVerify{"", words.text("engine"), words.text("scratch")};
  if (!create.verify && (words.has("engine") || words.has("scratch")))
    return misuse(*words.syntax, "--engine and --scratch go with --verify");
  if (Status taken = take_retention(words, create.keep); !taken) return fail(taken.error());
  create.outcome_file = words.text("outcome_file");
  command.request = create;
  return command;
}

Result<Command> make_prune(Words& words, BackupCommand command) {
  BackupPrune prune;
  if (Status taken = take_retention(words, prune.retention); !taken) return fail(taken.error());
  prune.dry_run = words.has("prune_dry_run");
  command.request = prune;
  return command;
}

Result<Command> make_schedules(Words& words) {
  BackupCommand command;
  BackupSchedules request;
  Result<std::string> name = take_cluster(words, 0);
  if (!name) return fail(name.error());
  request.cluster = *name;
  using Action = BackupSchedules::Action;
  int asked = 0;
  for (auto [flag, action] : {std::pair{"schedule_file", Action::kSet},
                              {"schedule_remove", Action::kRemove},
                              {"schedule_suspend", Action::kSuspend},
                              {"schedule_resume", Action::kResume},
                              {"schedule_run", Action::kRun}}) {
    if (!words.has(flag)) continue;
    ++asked;
    request.action = action;
    (action == Action::kSet ? request.file : request.schedule) = words.text(flag);
  }
  if (asked > 1) return misuse(*words.syntax, "one of -f, --remove, --suspend, --resume and --run at a time");
  if (!request.schedule.empty()) {
    if (auto problem = cluster::label_problem(request.schedule))
      return misuse(*words.syntax,
                    fmt::format("\"{}\" cannot name a schedule: {}", request.schedule, *problem));
  }
  command.request = request;
  return command;
}

}  // namespace

backup::S3Options take_s3(const Words& words) {
  return {.endpoint_url = words.text("s3_endpoint"),
          .region = words.text("s3_region"),
          .addressing_style = words.text("s3_style"),
          .sse = words.text("s3_sse"),
          .sse_kms_key_id = words.text("s3_sse_key")};
}

Result<Command> make_backup(Words& words) {
  std::string_view name = words.syntax->name.substr(words.syntax->name.find(' ') + 1);
  if (name == "create") {
    Result<Command> command = make_create(words);
    if (command) std::get<BackupCommand>(*command).key_file = words.text("encryption_key");
    return command;
  }
  if (name == "schedule") return make_schedules(words);
  size_t most = name == "show" || name == "verify" ? 2 : 1;
  if (words.positionals.empty() || words.positionals.size() > most) {
    return misuse(*words.syntax,
                  fmt::format("keyway {} takes {}", words.syntax->name, words.syntax->positionals));
  }
  BackupCommand command;
  command.url = words.positionals.front();
  command.s3 = take_s3(words);
  command.cluster = words.text("backups_of");
  std::string id = words.positionals.size() > 1 ? words.positionals.back() : "";
  if (!command.cluster.empty()) {
    if (Status fine = check_name(words, command.cluster); !fine) return fail(fine.error());
  }
  if (!id.empty() && !backup::is_backup_id(id))
    return misuse(*words.syntax, fmt::format("\"{}\" is no id of a backup, as 20261122T221400Z is", id));
  if (name == "prune") return make_prune(words, std::move(command));
  if (name == "verify") {
    command.key_file = words.text("decryption_key");
    command.request = BackupVerify{id, words.text("engine"), words.text("scratch")};
  }
  if (name == "show") command.request = BackupShow{id};
  if (name == "key") command.request = BackupKey{command.url};
  if (name == "ls") command.request = BackupList{};
  return command;
}

}  // namespace keyway::cli
