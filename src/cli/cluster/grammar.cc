// The table of commands.
#include "cli/cluster/grammar.h"

#include <algorithm>

namespace keyway::cli {

namespace {

constexpr std::string_view kCreateDetails =
    "Returns when every node agrees, every replica is in sync and every shard has taken a write. The nodes "
    "run already,\n"
    "empty, with cluster-enabled yes. Replicas are put on other hosts and in other zones than their primary\n"
    "wherever such a placement exists. Run again after an interruption it finishes what is half made.\n"
    "\n"
    "Example:\n"
    "  keyway cluster create 10.0.0.1:7000 10.0.0.2:7000 10.0.0.3:7000 10.0.0.4:7000 10.0.0.5:7000 "
    "10.0.0.6:7000 --replicas 1\n";

constexpr std::string_view kFixDetails =
    "Mends what `check` finds, the most dangerous first, and finishes interrupted moves. No key is lost "
    "without consent.\n";

constexpr std::string_view kMoveDetails =
    "The plan (from, to, slots, keys, bytes, estimated time) is shown before anything is touched. Keys move "
    "while clients\n"
    "work. Ctrl-C stops between batches and leaves the cluster whole; the same command again finishes it.\n";

constexpr std::string_view kCallDetails =
    "Examples:\n"
    "  keyway cluster call 127.0.0.1:7000 -- config get maxmemory\n"
    "  keyway cluster call shop --replicas -- info replication\n";

constexpr std::string_view kImportDetails =
    "Both sides may be in use meanwhile. Times to live are kept, and what was imported is compared at the "
    "end. Without\n"
    "--copy the keys are moved; without --replace keys that the cluster has already stay, and are told.\n";

std::vector<ToolCommand> looking_commands() {
  return {
      {"create",
       "ADDR...",
       "host1:port1 ... hostN:portN",
       "Make a cluster of running, empty servers",
       {"replicas", "zones", "wait", "dry_run"},
       kCreateDetails},
      {"check", "ADDR", "host:port", "Say what is wrong, and how `fix` would mend it", {"search_keys"}, ""},
      {"info", "ADDR", "host:port", "Show keys, slots, memory, traffic and replicas of each primary", {}, ""},
      {"fix",
       "ADDR",
       "host:port",
       "Mend what `check` finds",
       {"search_keys", "prefer", "give_up", "dry_run", "fix_timeout", "fix_pipeline", "fix_replace"},
       kFixDetails},
      {"call",
       "ADDR -- COMMAND...",
       "host:port command arg arg .. arg",
       "Send the same command to every node",
       {"primaries", "only_replicas"},
       kCallDetails},
      {"set-timeout",
       "ADDR MS",
       "host:port milliseconds",
       "Set the time after which a silent node counts as dead",
       {},
       ""},
  };
}

std::vector<ToolCommand> changing_tool_commands() {
  return {
      {"reshard",
       "ADDR --to NODE --slots N",
       "host:port",
       "Move slots to a primary from others",
       {"from", "to", "slots", "dry_run", "max_bytes", "max_latency", "max_call", "parallel", "atomic",
        "classic", "batch_keys", "migrate_timeout", "replace"},
       kMoveDetails},
      {"rebalance",
       "ADDR",
       "host:port",
       "Even out slots, memory or traffic over the primaries",
       {"weight", "by", "use_empty", "threshold", "dry_run", "max_bytes", "max_latency", "max_call",
        "parallel", "atomic", "classic", "batch_keys", "migrate_timeout", "replace", "auto_weights"},
       kMoveDetails},
      {"add-node",
       "ADDR NEW",
       "new_host:new_port existing_host:existing_port",
       "Add a node, as a primary without slots or as a replica",
       {"replica", "of", "zone", "wait"},
       "Returns when every node knows it and, as a replica, it is in sync.\n"},
      {"del-node",
       "ADDR NODE",
       "host:port node_id",
       "Make every node forget one, and see that it stays forgotten",
       {"drain", "max_bytes", "max_latency", "max_call", "parallel", "atomic", "classic", "batch_keys",
        "migrate_timeout", "replace"},
       "NODE is an id, the beginning of one, or an address; it need not answer any more.\n"},
      {"import",
       "ADDR --from ADDR",
       "host:port",
       "Take the keys of another server or cluster",
       {"source", "from_user", "from_password_file", "from_askpass", "from_pass", "from_tls", "from_database",
        "copy", "replace", "max_bytes"},
       kImportDetails},
      {"backup",
       "ADDR FOLDER",
       "host:port backup_directory",
       "Save an RDB file of every shard, and the topology",
       {"from_primaries"},
       "All or nothing: an unfinished backup is removed.\n"},
  };
}

}  // namespace

const std::vector<ToolCommand>& tool_commands() {
  static const std::vector<ToolCommand> commands = [] {
    std::vector<ToolCommand> all = looking_commands();
    for (const ToolCommand& command : changing_tool_commands()) all.push_back(command);
    return all;
  }();
  return commands;
}

const ToolCommand* tool_command_named(std::string_view name) {
  auto found = std::ranges::find(tool_commands(), name, &ToolCommand::name);
  return found == tool_commands().end() ? nullptr : &*found;
}

}  // namespace keyway::cli
