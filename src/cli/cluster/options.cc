// The table of options.
#include <algorithm>
#include <cassert>

#include "base/strings.h"
#include "cli/cluster/grammar.h"

namespace keyway::cli {

namespace {

using Options = std::vector<ToolOption>;

// What redis-cli and redis-trib have no name for has Keyway's own in all spellings.
Options create_and_check_options() {
  return {
      {"replicas", "--replicas", "--cluster-replicas", "--replicas", "N",
       "How many replicas each primary gets (0)"},
      {"zones", "--zone", "--zone", "--zone", "ADDR=ZONE",
       "The availability zone of a node; else what it announces itself", true},
      {"dry_run", "--dry-run", "--cluster-simulate,--dry-run", "--simulate,--dry-run", "",
       "Show what would be done; touch nothing"},
      {"wait", "--wait", "--wait", "--wait", "S",
       "How long to wait until the cluster is whole (also 90s, 5m)"},
      {"search_keys", "--search-keys", "--cluster-search-multiple-owners,--search-keys", "--search-keys", "",
       "Count the keys of every slot on every primary too, to find those that no client can see"},
      {"prefer", "--prefer", "--prefer", "--prefer", "NODE",
       "Whose value stays where two nodes hold a key with different values"},
      {"give_up", "--give-up-unreachable",
       "--cluster-fix-with-unreachable-masters,--cluster-fix-with-unreachable-primaries",
       "--give-up-unreachable", "",
       "Give the slots of dead primaries without a replica to others (their keys are lost), and finish moves "
       "to one that was replaced though it may come back"},
  };
}

// Of redis-cli's and redis-trib's fix, where they say how keys are moved.
Options old_fix_options() {
  return {
      {"fix_timeout", "", "--cluster-timeout", "--timeout", "MS",
       "Taken for the sake of scripts; `fix` finds out itself how long a move may take"},
      {"fix_pipeline", "", "--cluster-pipeline", "--pipeline", "N",
       "Taken for the sake of scripts; `fix` finds out itself how many keys it may move at once"},
      {"fix_replace", "", "--cluster-replace", "--replace", "",
       "Taken for the sake of scripts; --prefer says whose value stays"},
  };
}

Options moving_options() {
  return {
      {"migrate_timeout", "--migrate-timeout-ms", "--cluster-timeout", "--timeout", "MS",
       "How long a server waits for another one in a MIGRATE (60000)"},
      {"batch_keys", "--batch-keys", "--cluster-pipeline", "--pipeline", "N",
       "Keys in a MIGRATE at most; else as many as --max-call-ms allows"},
      {"replace", "--replace", "--cluster-replace", "--replace", "",
       "Overwrite keys that the target has already"},
      {"atomic", "--atomic", "--cluster-use-atomic-slot-migration,--atomic", "--atomic", "",
       "Move by the servers' own atomic slot migration; an error where they have none"},
      {"classic", "--classic", "--classic", "--classic", "",
       "Move by MIGRATE also where the servers have atomic slot migration"},
      {"max_bytes", "--max-bytes-per-s", "--max-bytes-per-s", "--max-bytes-per-s", "SIZE",
       "Move no more than this in a second, such as 50mb (no limit)"},
      {"max_latency", "--max-latency-ms", "--max-latency-ms", "--max-latency-ms", "MS",
       "Slow down while a server takes longer to answer (no limit)"},
      {"max_call", "--max-call-ms", "--max-call-ms", "--max-call-ms", "MS",
       "No single call shall block a server for longer (20)"},
      {"parallel", "--parallel", "--parallel", "--parallel", "N", "Pairs of primaries at work at once (4)"},
  };
}

Options reshard_and_rebalance_options() {
  return {
      {"from", "--from", "--cluster-from", "--from", "NODE",
       "Where slots are taken from: ids, beginnings of ids or addresses, parted by commas, or all", true},
      {"to", "--to", "--cluster-to", "--to", "NODE", "Who gets the slots: id, beginning of an id or address"},
      {"slots", "--slots", "--cluster-slots", "--slots", "N", "How many slots move"},
      {"weight", "--weight", "--cluster-weight", "--weight", "NODE=W",
       "A primary's share of the slots against the others' (1); 0 empties it", true},
      {"auto_weights", "", "", "--auto-weights", "", "Has no effect, as in redis-trib"},
      {"by", "--by", "--by", "--by", "LOAD", "What is evened out: slots (default), memory or ops"},
      {"use_empty", "--use-empty", "--cluster-use-empty-masters,--cluster-use-empty-primaries",
       "--use-empty-masters", "", "Give slots to primaries that have none, too"},
      {"threshold", "--threshold", "--cluster-threshold", "--threshold", "PERCENT",
       "Move nothing while every primary is within so much of its share (2)"},
  };
}

Options membership_options() {
  return {
      {"replica", "--replica", "--cluster-slave,--cluster-replica", "--slave,--replica", "",
       "The new node follows a primary: the one with the fewest replicas, or --of"},
      {"of", "--of", "--cluster-master-id,--cluster-primaries-id,--cluster-primary-id", "--master-id", "NODE",
       "The primary that it follows"},
      {"zone", "--zone", "--zone", "--zone", "ZONE",
       "The availability zone of the new node; else what it announces itself"},
      {"drain", "--drain", "--drain", "--drain", "", "Move its slots and replicas to other primaries first"},
      {"primaries", "--primaries", "--cluster-only-masters,--cluster-only-primaries", "--primaries", "",
       "Primaries only"},
      {"only_replicas", "--replicas", "--cluster-only-replicas", "--replicas", "", "Replicas only"},
  };
}

Options transfer_options() {
  return {
      {"source", "--from", "--cluster-from", "--from", "ADDR",
       "The server or cluster to import from: host:port, or the name of a local cluster", false,
       Word::kCluster},
      {"from_user", "--from-user", "--cluster-from-user", "--from-user", "NAME", "The user there"},
      {"from_pass", "--from-pass", "--cluster-from-pass", "--from-pass", "PASSWORD",
       "The password there, for all to see; better: --from-password-file"},
      {"from_password_file", "--from-password-file", "--from-password-file", "--from-password-file", "FILE",
       "A file with the password there", false, Word::kFile},
      {"from_askpass", "--from-askpass", "--cluster-from-askpass", "--from-askpass", "",
       "Ask for the password there"},
      {"from_tls", "--from-tls", "--from-tls", "--from-tls", "",
       "The source speaks TLS, with the same certificates"},
      {"from_database", "--from-db", "--from-db", "--from-db", "N",
       "The database of a standalone source (0)"},
      {"copy", "--copy", "--cluster-copy", "--copy", "", "Leave the keys at the source too"},
      {"from_primaries", "--from-primaries", "--from-primaries", "--from-primaries", "",
       "Take the data of primaries, also where a replica is in sync"},
  };
}

Options login_options() {
  return {
      {"json", "--json", "--json", "--json", "", "Print JSON, for programs"},
      {"yes", "-y,--yes", "--cluster-yes,--yes", "--yes", "", "Do not ask"},
      {"user", "--user", "--user", "--user", "NAME", "The user to log in as"},
      {"password_file", "--password-file", "--password-file", "--password-file", "FILE",
       "A file with the password; else it is in KEYWAY_PASSWORD, VALKEYCLI_AUTH or REDISCLI_AUTH", false,
       Word::kFile},
      {"askpass", "--askpass", "--askpass", "--askpass", "", "Ask for the password"},
      {"pass", "--pass,-a", "-a,--pass", "--password,-a,--pass", "PASSWORD",
       "The password, for all to see; better: one of the others"},
      {"no_auth_warning", "--no-auth-warning", "--no-auth-warning", "--no-auth-warning", "",
       "Say nothing about a password on the command line"},
      {"timeout", "--timeout", "-t", "-t", "S", "How long one answer of a server may take (3)"},
      {"map", "--map", "--map", "--map", "ANNOUNCED=REACHABLE",
       "Where a node is reached that announces an address that cannot be reached from here", true},
      {"help", "--help,-h", "--help", "--help,-h", "", "Print this help"},
  };
}

Options tls_options() {
  return {
      {"tls", "--tls", "--tls", "--tls", "", "Speak TLS"},
      {"cacert", "--cacert", "--cacert", "--cacert", "FILE", "The certificate authority (the system's)",
       false, Word::kFile},
      {"cacertdir", "--cacertdir", "--cacertdir", "--cacertdir", "FOLDER", "A folder of authorities", false,
       Word::kFolder},
      {"cert", "--cert", "--cert", "--cert", "FILE", "The client's certificate", false, Word::kFile},
      {"key", "--key", "--key", "--key", "FILE", "Its private key", false, Word::kFile},
      {"sni", "--sni", "--sni", "--sni", "NAME", "The name that certificates must bear (the host)"},
      {"insecure", "--insecure", "--insecure", "--insecure", "", "Accept any certificate"},
      {"tls_ciphers", "--tls-ciphers", "--tls-ciphers", "--tls-ciphers", "LIST", "Ciphers up to TLS 1.2"},
      {"tls_ciphersuites", "--tls-ciphersuites", "--tls-ciphersuites", "--tls-ciphersuites", "LIST",
       "Ciphers of TLS 1.3"},
  };
}

// Of redis-cli as a whole.
Options redis_cli_options() {
  return {
      {"host", "", "-h", "", "HOST", "The host, where the command names no server"},
      {"port", "", "-p", "", "PORT", "The port, where the command names no server"},
      {"uri", "", "-u", "", "URI", "redis://user:password@host:port, also rediss:// and valkey://"},
      {"harmless", "", "-c,-e,-2,-3,-4,-6,--verbose,--raw,--no-raw", "", "",
       "Taken for the sake of scripts; these have no effect"},
  };
}

Options make_options() {
  Options all;
  for (const Options& part :
       {create_and_check_options(), old_fix_options(), moving_options(), reshard_and_rebalance_options(),
        membership_options(), transfer_options(), login_options(), tls_options(), redis_cli_options()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

std::vector<std::string_view> ToolOption::spelled(Spelling spelling) const {
  std::string_view text = spelling == Spelling::kOwn        ? own
                          : spelling == Spelling::kRedisCli ? redis_cli
                                                            : redis_trib;
  return text.empty() ? std::vector<std::string_view>{} : split(text, ',');
}

const std::vector<ToolOption>& tool_options() {
  static const Options options = make_options();
  return options;
}

const std::vector<std::string_view>& common_tool_options() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const Options& part : {login_options(), tls_options(), redis_cli_options()}) {
      for (const ToolOption& option : part) all.push_back(option.name);
    }
    return all;
  }();
  return names;
}

const ToolOption& tool_option_named(std::string_view name) {
  auto found = std::ranges::find(tool_options(), name, &ToolOption::name);
  assert(found != tool_options().end());
  return *found;
}

const ToolOption* tool_option_spelled(const ToolCommand& command, Spelling spelling, std::string_view word) {
  auto fits = [&](std::string_view name) {
    std::vector<std::string_view> spellings = tool_option_named(name).spelled(spelling);
    return std::ranges::find(spellings, word) != spellings.end();
  };
  for (const auto* names : {&command.options, &common_tool_options()}) {
    auto found = std::ranges::find_if(*names, fits);
    if (found != names->end()) return &tool_option_named(*found);
  }
  return nullptr;
}

}  // namespace keyway::cli
