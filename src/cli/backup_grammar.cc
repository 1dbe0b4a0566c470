#include "cli/backup_grammar.h"

namespace keyway::cli {

namespace {

constexpr std::string_view kGroup = "Backups";

constexpr std::string_view kCreateDetails =
    "Each shard is taken from a replica that is in sync, else from its primary, compressed on its way and\n"
    "checked. Ctrl-C leaves nothing behind. URL is a folder (/path or file:///path) or a bucket\n"
    "(s3://BUCKET/PREFIX); several clusters may share it. With --from it is any cluster or server, and NAME "
    "says\n"
    "how its backups are called. `keyway restore` brings it back. Credentials for S3 are where the AWS CLI "
    "looks\n"
    "for them: the environment, ~/.aws/credentials, a web identity token.\n"
    "\n"
    "Examples:\n"
    "  keyway backup create shop --to /mnt/backups\n"
    "  keyway backup create old --from 10.0.0.1:7001 --to /mnt/backups --verify\n"
    "  keyway backup create shop --to s3://backups/keyway --region eu-central-1\n"
    "  keyway backup create shop --to s3://backups --endpoint-url https://minio.example:9000\n";

constexpr std::string_view kVerifyDetails =
    "Each shard is read with its checksums and loaded by a server of its own that lives for that moment, and "
    "what it holds is\n"
    "compared with the file and the manifest. The outcome is kept beside the backup: `ls` and `show` tell "
    "it, "
    "and `prune` takes\n"
    "one that failed for no good one. It takes disk (--scratch, else $TMPDIR, else /var/tmp) and memory for "
    "one "
    "shard.\n"
    "\n"
    "Examples:\n"
    "  keyway backup verify /mnt/backups --cluster shop\n"
    "  keyway backup verify /mnt/backups 20261122T221400Z --key-file shop.key --scratch /mnt/scratch\n";

constexpr std::string_view kPruneDetails =
    "A backup stays if any of the flags wants it; the newest good one always stays. What was begun and never "
    "finished is\n"
    "removed once it is a day old.\n"
    "\n"
    "Examples:\n"
    "  keyway backup prune /mnt/backups --keep-last 3 --keep-daily 7 --keep-weekly 5 --dry-run\n";

constexpr std::string_view kScheduleDetails =
    "With -f FILE a KeywayBackupSchedule is kept for the cluster, in place of one of the same name. The\n"
    "cluster's supervisor makes the backups, and deletes those that need not be kept; a time that passed\n"
    "while it did not run is made up for, once. Without flags: the schedules, what is next, how it went.\n"
    "\n"
    "Examples:\n"
    "  keyway backup schedule shop -f nightly.yaml\n"
    "  keyway backup schedule shop\n"
    "  keyway backup schedule shop --run nightly\n";

}  // namespace

std::vector<Flag> backup_flags() {
  return {
      {"to_url", "--to", "URL", Word::kFolder, "Where backups are kept: a folder, or s3://BUCKET/PREFIX"},
      {"backup_from", "--from", "ADDR", Word::kNone, "A server, or any node of a cluster, elsewhere"},
      {"encryption_key", "--key-file", "FILE", Word::kFile, "Encrypt it with the key in FILE"},
      {"s3_endpoint", "--endpoint-url", "URL", Word::kNone, "Of S3: another server than AWS's"},
      {"s3_region", "--region", "REGION", Word::kNone, "Of S3: where the bucket is"},
      {"s3_style", "--addressing-style", "path|virtual", Word::kNone,
       "Of S3: the bucket in the path or in the host's name"},
      {"s3_sse", "--sse", "AES256|aws:kms", Word::kNone, "Of S3: how the server encrypts what it keeps"},
      {"s3_sse_key", "--sse-kms-key-id", "ID", Word::kNone, "Of S3: with which key"},
      {"backups_of", "--cluster", "NAME", Word::kNone, "Of this cluster only"},
      {"verify_after", "--verify", "", Word::kNone, "Verify it as soon as it is made"},
      {"outcome_file", "--outcome-file", "FILE", Word::kFile,
       "Write to FILE what came of it, in a line of JSON"},
      {"scratch", "--scratch", "FOLDER", Word::kFolder, "Where servers try it, a shard at a time"},
      {"keep_last", "--keep-last", "N", Word::kNone, "Keep the newest N"},
      {"keep_days", "--keep-days", "N", Word::kNone, "Keep those of the last N days"},
      {"keep_daily", "--keep-daily", "N", Word::kNone, "Keep the newest of each of N days that have any"},
      {"keep_weekly", "--keep-weekly", "N", Word::kNone, "The same by weeks"},
      {"keep_monthly", "--keep-monthly", "N", Word::kNone, "The same by months"},
      {"schedule_file", "-f,--file", "FILE", Word::kFile,
       "A KeywayBackupSchedule, a YAML document; - reads standard input"},
      {"schedule_remove", "--remove", "SCHEDULE", Word::kNone, "Keep it no longer; backups stay"},
      {"schedule_suspend", "--suspend", "SCHEDULE", Word::kNone, "Make no more backups by it for now"},
      {"schedule_resume", "--resume", "SCHEDULE", Word::kNone, "Make backups by it again"},
      {"schedule_run", "--run", "SCHEDULE", Word::kNone, "Make one by it now, besides"},
      {"prune_dry_run", "--dry-run", "", Word::kNone, "Only say what would be deleted"},
  };
}

std::vector<CommandSyntax> backup_commands() {
  using enum Word;
  return {
      {"backup create",
       "[NAME] --to URL",
       {kCluster},
       "Take a backup of a cluster",
       kGroup,
       {"to_url",       "backup_from",   "encryption_key",
        "verify_after", "engine",        "scratch",
        "keep_last",    "keep_days",     "keep_daily",
        "keep_weekly",  "keep_monthly",  "outcome_file",
        "target_user",  "password_file", "tls",
        "cacert",       "s3_endpoint",   "s3_region",
        "s3_style",     "s3_sse",        "s3_sse_key",
        "cluster",      "json"},
       kCreateDetails},
      {"backup ls",
       "URL",
       {kFolder},
       "List backups",
       kGroup,
       {"backups_of", "s3_endpoint", "s3_region", "s3_style", "json"},
       ""},
      {"backup show",
       "URL [ID]",
       {kFolder},
       "Show what a backup holds (the newest)",
       kGroup,
       {"backups_of", "s3_endpoint", "s3_region", "s3_style", "json"},
       ""},
      {"backup verify",
       "URL [ID]",
       {kFolder},
       "Try whether a backup can be restored (the newest)",
       kGroup,
       {"backups_of", "decryption_key", "engine", "scratch", "s3_endpoint", "s3_region", "s3_style", "json"},
       kVerifyDetails},
      {"backup prune",
       "URL",
       {kFolder},
       "Delete backups that need not be kept",
       kGroup,
       {"keep_last", "keep_days", "keep_daily", "keep_weekly", "keep_monthly", "prune_dry_run", "backups_of",
        "s3_endpoint", "s3_region", "s3_style", "json"},
       kPruneDetails},
      {"backup schedule",
       "[NAME]",
       {kCluster},
       "Have backups made by the clock, or list by which",
       kGroup,
       {"schedule_file", "schedule_remove", "schedule_suspend", "schedule_resume", "schedule_run", "cluster",
        "json"},
       kScheduleDetails},
      {"backup key", "FILE", {kFile}, "Make a key to encrypt backups with", kGroup, {}, ""},
  };
}

}  // namespace keyway::cli
