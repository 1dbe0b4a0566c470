#include "cli/restore_arguments.h"

#include "base/format.h"
#include "cli/backup_arguments.h"
#include "cli/cluster/option_values.h"

namespace keyway::cli {

namespace {

constexpr int kMaxDatabase = 1'000'000;
constexpr int kMaxShards = 1000;
constexpr int kMaxReplicas = 16;

Status take_target(Words& words, RestoreCommand& restore) {
  Result<std::string> name = take_cluster(words, 0);
  if (!name) return fail(name.error());
  restore.target.cluster = *name;
  if (Status taken = take(words, "restore_to", restore.target.address, address_value); !taken) return taken;
  if (words.has("restore_to") && !name->empty())
    return misuse(*words.syntax, "NAME and --to name two targets; give one of them");
  if (!words.has("restore_to") && name->empty())
    return misuse(*words.syntax, "keyway restore needs a target: NAME, or --to ADDR");
  return {};
}

Status take_login(const Words& words, RestoreCommand& restore) {
  restore.login.user = words.text("target_user");
  restore.login.password_file = words.text("password_file");
  for (std::string_view name : {"cacert", "target_cert", "target_key", "sni", "insecure"}) {
    if (words.has(name) && !words.has("tls"))
      return misuse(*words.syntax, fmt::format("{} goes with --tls", flag_named(name).long_spelling()));
  }
  if (words.has("tls") && !restore.target.cluster.empty()) {
    return misuse(*words.syntax,
                  "--tls is for servers elsewhere (--to); clusters of this machine speak no TLS");
  }
  restore.tls = {.enabled = words.has("tls"),
                 .ca_file = words.text("cacert"),
                 .certificate_file = words.text("target_cert"),
                 .key_file = words.text("target_key"),
                 .server_name = words.text("sni"),
                 .insecure = words.has("insecure")};
  return {};
}

// How the cluster is made if there is none of that name.
Status take_size(const Words& words, RestoreCommand& restore) {
  Status status = take(words, "shards", restore.flags.shards, number(1, kMaxShards));
  if (status) status = take(words, "replicas", restore.flags.replicas, number(0, kMaxReplicas));
  if (status) status = take(words, "port", restore.flags.port, number(1, 65535));
  if (words.has("engine")) restore.flags.engine = words.text("engine");
  return status;
}

}  // namespace

Result<Command> make_restore(Words& words) {
  RestoreCommand restore;
  if (Status taken = take_target(words, restore); !taken) return fail(taken.error());
  restore.from = words.text("from");
  if (restore.from.empty())
    return misuse(*words.syntax, "keyway restore needs what to restore: --from FILE, DIR or URL");
  if (words.has("replace") && words.has("merge"))
    return misuse(*words.syntax, "--replace and --merge contradict each other; give one of them");
  if (words.has("replace")) restore.existing = admin::Existing::kReplace;
  if (words.has("merge")) restore.existing = admin::Existing::kMerge;
  restore.backup = words.text("backup");
  restore.key_file = words.text("decryption_key");
  restore.s3 = take_s3(words);
  restore.pattern = words.text("pattern");
  restore.dry_run = words.has("dry_run");
  Status status = take(words, "db", restore.database, number(0, kMaxDatabase));
  if (status) status = take_login(words, restore);
  if (status) status = take_size(words, restore);
  if (!status) return fail(status.error());
  return restore;
}

}  // namespace keyway::cli
