// The words of `keyway restore` as data.
#include "cli/grammar.h"

namespace keyway::cli {

namespace {

constexpr std::string_view kRestoreDetails =
    "The target is a cluster of this machine, or with --to any server or cluster. Each key goes to the shard "
    "that owns\n"
    "it, so it does not matter how many shards the data came from. --from is an RDB file, a folder with RDB "
    "files, or\n"
    "where `keyway backup` keeps backups (a folder or s3://BUCKET/PREFIX); of these the newest is taken, or\n"
    "the one that --backup names. A cluster NAME that does not exist is made by the spec in the backup, "
    "with\n"
    "--shards and --replicas in place of the spec's. A target that holds keys is left alone without "
    "--replace\n"
    "or --merge. If a restore fails or is interrupted, the same command again finishes it.\n"
    "\n"
    "Examples:\n"
    "  keyway restore shop --from dump.rdb\n"
    "  keyway restore shop --from /backups --backup 20261122T221400Z --pattern 'user:*' --replace\n"
    "  keyway restore shop --from s3://backups/keyway --region eu-central-1\n"
    "  keyway restore --to 10.0.0.1:7001 --password-file pw --from /backups --backup shop/latest\n";

}  // namespace

std::vector<Flag> restore_flags() {
  return {
      {"from", "--from", "FILE|DIR|URL", Word::kFile, "What to restore"},
      {"backup", "--backup", "[CLUSTER/]ID", Word::kNone, "Which backup; the newest one if not given"},
      {"decryption_key", "--key-file", "FILE", Word::kFile, "The key of an encrypted backup"},
      {"restore_to", "--to", "ADDR", Word::kNone, "A server, or any node of a cluster, elsewhere"},
      {"pattern", "--pattern", "GLOB", Word::kNone, "Only keys that match, such as 'user:*'; no functions"},
      {"db", "--db", "N", Word::kNone, "Only keys of this database; a cluster has them in database 0"},
      {"replace", "--replace", "", Word::kNone, "Overwrite keys that the target has; its other keys stay"},
      {"merge", "--merge", "", Word::kNone, "Only add keys that the target does not have"},
      {"dry_run", "--dry-run", "", Word::kNone, "Read and check everything, write nothing"},
      {"target_user", "--user", "USER", Word::kNone, "As whom to log in"},
      {"target_cert", "--cert", "FILE", Word::kFile, "The certificate to show to servers"},
      {"target_key", "--key", "FILE", Word::kFile, "Its private key"},
  };
}

std::vector<CommandSyntax> restore_commands() {
  return {
      {"restore",
       "[NAME] --from FILE|DIR|URL",
       {Word::kCluster},
       "Bring keys back from a backup or an RDB file, into any number of shards",
       "Backups",
       {"from",     "backup",      "decryption_key", "restore_to",  "pattern",    "db",
        "replace",  "merge",       "dry_run",        "shards",      "replicas",   "port",
        "engine",   "tls",         "cacert",         "target_cert", "target_key", "sni",
        "insecure", "target_user", "password_file",  "s3_endpoint", "s3_region",  "s3_style",
        "cluster",  "json"},
       kRestoreDetails},
  };
}

}  // namespace keyway::cli
