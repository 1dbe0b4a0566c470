#include "cli/grammar.h"

#include <algorithm>
#include <cassert>

namespace keyway::cli {

std::string_view Flag::long_spelling() const {
  size_t comma = spelling.find(',');
  return comma == std::string_view::npos ? spelling : spelling.substr(comma + 1);
}

std::string_view Flag::short_spelling() const {
  size_t comma = spelling.find(',');
  return comma == std::string_view::npos ? std::string_view{} : spelling.substr(0, comma);
}

const std::vector<Flag>& all_flags() {
  static const std::vector<Flag> flags = {
      {"cluster", "--cluster", "NAME", Word::kCluster, "The cluster; the same as NAME"},
      {"json", "--json", "", Word::kNone, "Print JSON, for programs"},
      {"help", "-h,--help", "", Word::kNone, "Print this help"},
      {"file", "-f,--file", "FILE", Word::kFile,
       "The cluster's spec, a YAML document; - reads standard input"},
      {"shards", "--shards", "N", Word::kNone, "How many shards the keys are split over"},
      {"replicas", "--replicas", "N", Word::kNone, "How many replicas each shard has beside its primary"},
      {"mode", "--mode", "MODE", Word::kMode,
       "sharded (a cluster) or replicated (one primary and its replicas)"},
      {"engine", "--engine", "ENGINE", Word::kEngine, "redis, valkey, or the path of a server program"},
      {"port", "--port", "N", Word::kNone, "The first port; each server takes the next one"},
      {"memory", "--memory", "SIZE", Word::kNone, "Memory limit of each server (maxmemory), such as 512Mi"},
      {"detach", "-d,--detach", "", Word::kNone,
       "Leave a supervisor behind and return when the cluster is whole"},
      {"timeout", "--timeout", "S", Word::kNone, "Wait at most S seconds (also 90s, 5m)"},
      {"no_wait", "--no-wait", "", Word::kNone, "Return as soon as the supervisor has taken the order"},
      {"watch", "-w,--watch", "", Word::kNone, "Show it again each second until Ctrl-C"},
      {"to", "--to", "NODE", Word::kNode, "The replica that becomes primary; the best one if not given"},
      {"rolling", "--rolling", "", Word::kNone,
       "All nodes, one at a time: replicas first, then a switchover"},
      {"follow", "-f,--follow", "", Word::kNone, "Go on printing what is added until Ctrl-C"},
      {"lines", "-n,--lines", "N", Word::kNone, "How many of the last lines to print (100)"},
      {"purge", "--purge", "", Word::kNone, "Delete the cluster's folder too: data, passwords, logs"},
      {"yes", "-y,--yes", "", Word::kNone, "Do not ask"},
  };
  return flags;
}

namespace {

constexpr std::string_view kUpDetails =
    "A new cluster takes its spec from -f, else from the flags, else it gets 3 shards with 1 replica each. A "
    "cluster\n"
    "that was stopped comes back as it was; one whose supervisor is gone is taken over, restarting nothing. "
    "Flags on a\n"
    "cluster that exists change it. Without NAME it is the name in the spec, else \"default\".\n"
    "In the foreground, Ctrl-C stops the servers and keeps their data.\n"
    "\n"
    "Examples:\n"
    "  keyway up                                    3 shards, 1 replica each, here in the foreground\n"
    "  keyway up shop --shards 6 --detach           a second cluster, in the background\n"
    "  keyway up cache --mode replicated --replicas 2 --memory 512Mi\n"
    "  keyway up -f shop.yaml --engine /opt/valkey/bin/valkey-server\n";

constexpr std::string_view kScaleDetails =
    "Slots and their keys move while clients work. A node is removed only when it holds no slots.\n"
    "\n"
    "Examples:\n"
    "  keyway scale --shards 5\n"
    "  keyway scale shop --replicas 2\n";

constexpr std::string_view kRestartDetails =
    "A primary hands over to a replica before it is restarted, so that its shard goes on taking writes.\n"
    "\n"
    "Examples:\n"
    "  keyway restart p2-0\n"
    "  keyway restart shop --rolling\n";

constexpr std::string_view kExecDetails =
    "redis-cli and valkey-cli are told where the node is. In the environment of any program are "
    "KEYWAY_HOST,\n"
    "KEYWAY_PORT and, as REDISCLI_AUTH and VALKEYCLI_AUTH, the administrator's password. Without a program "
    "it is\n"
    "the cli of the node's engine. The exit code is the program's.\n"
    "\n"
    "Examples:\n"
    "  keyway exec p1-0                             an interactive session\n"
    "  keyway exec p1-0 -- redis-cli -c get user:1\n"
    "  keyway exec shop p2-1 -- sh -c './load --port $KEYWAY_PORT'\n";

constexpr std::string_view kPlanDetails =
    "Nothing is touched. The steps are those that `keyway apply` would carry out, found by running the "
    "planner against\n"
    "the cluster as it stands until nothing is left to do.\n"
    "\n"
    "Examples:\n"
    "  keyway plan -f shop.yaml\n"
    "  keyway plan --shards 5\n";

constexpr std::string_view kCompletionDetails =
    "Examples:\n"
    "  source <(keyway completion bash)             in ~/.bashrc\n"
    "  source <(keyway completion zsh)              in ~/.zshrc, after compinit\n";

std::vector<CommandSyntax> keeping_commands() {
  using enum Word;
  constexpr std::string_view run = "Run a cluster", look = "Look at it";
  return {
      {"up",
       "[NAME]",
       {kCluster},
       "Make a cluster on this machine, or bring it back",
       run,
       {"file", "shards", "replicas", "mode", "engine", "port", "memory", "detach", "timeout", "cluster",
        "json"},
       kUpDetails},
      {"down",
       "[NAME]",
       {kCluster},
       "Stop a cluster; its data stays unless --purge",
       run,
       {"purge", "yes", "timeout", "cluster", "json"},
       ""},
      {"ls", "", {}, "List the clusters of this machine", look, {"json"}, ""},
      {"status",
       "[NAME]",
       {kCluster},
       "Show shards, nodes, keys, memory and health",
       look,
       {"watch", "cluster", "json"},
       ""},
      {"logs",
       "[NAME] [NODE]",
       {kCluster, kNode},
       "Print a node's log; without NODE the supervisor's",
       look,
       {"follow", "lines", "cluster"},
       ""},
      {"spec", "[NAME]", {kCluster}, "Print a cluster's spec as YAML", look, {"cluster"}, ""},
      {"plan",
       "[NAME]",
       {kCluster},
       "Show what a change would do, why, and what it costs",
       look,
       {"file", "shards", "replicas", "memory", "cluster", "json"},
       kPlanDetails},
  };
}

std::vector<CommandSyntax> changing_commands() {
  using enum Word;
  constexpr std::string_view change = "Change it";
  return {
      {"apply",
       "[NAME] -f FILE",
       {kCluster},
       "Change a cluster to a new spec",
       change,
       {"file", "timeout", "no_wait", "cluster", "json"},
       ""},
      {"scale",
       "[NAME]",
       {kCluster},
       "Change the number of shards or replicas",
       change,
       {"shards", "replicas", "timeout", "no_wait", "cluster", "json"},
       kScaleDetails},
      {"failover",
       "[NAME] SHARD",
       {kCluster, kShard},
       "Make a replica the primary of its shard; no write is lost",
       change,
       {"to", "timeout", "no_wait", "cluster", "json"},
       ""},
      {"restart",
       "[NAME] NODE | --rolling",
       {kCluster, kNode},
       "Restart one node, or all of them one at a time",
       change,
       {"rolling", "timeout", "no_wait", "cluster", "json"},
       kRestartDetails},
  };
}

std::vector<CommandSyntax> other_commands() {
  using enum Word;
  constexpr std::string_view more = "More";
  return {
      {"exec",
       "[NAME] NODE [-- PROGRAM ARGS...]",
       {kCluster, kNode},
       "Run a program, such as redis-cli, against a node",
       more,
       {"cluster"},
       kExecDetails},
      {"password",
       "[NAME] USER",
       {kCluster, kUser},
       "Print the password of a user",
       more,
       {"cluster", "json"},
       ""},
      {"completion",
       "bash | zsh",
       {kShell},
       "Print the script that completes commands in a shell",
       more,
       {},
       kCompletionDetails},
      {"version", "", {}, "Print the program's version", more, {"json"}, ""},
      {"supervise", "NAME", {kCluster}, "Keep a cluster whole (started by up --detach)", "", {}, ""},
  };
}

// In the order in which help shows them.
std::vector<CommandSyntax> make_commands() {
  std::vector<CommandSyntax> commands = keeping_commands();
  for (const auto& group : {changing_commands(), other_commands()}) {
    commands.insert(commands.end(), group.begin(), group.end());
  }
  return commands;
}

}  // namespace

const std::vector<CommandSyntax>& all_commands() {
  static const std::vector<CommandSyntax> commands = make_commands();
  return commands;
}

const Flag& flag_named(std::string_view name) {
  auto found = std::ranges::find(all_flags(), name, &Flag::name);
  assert(found != all_flags().end());
  return *found;
}

const CommandSyntax* command_named(std::string_view name) {
  auto found = std::ranges::find(all_commands(), name, &CommandSyntax::name);
  return found == all_commands().end() ? nullptr : &*found;
}

}  // namespace keyway::cli
