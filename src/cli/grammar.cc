#include "cli/grammar.h"

#include <algorithm>
#include <cassert>

#include "cli/backup_grammar.h"

namespace keyway::cli {

std::string_view Flag::long_spelling() const {
  size_t comma = spelling.find(',');
  return comma == std::string_view::npos ? spelling : spelling.substr(comma + 1);
}

std::string_view Flag::short_spelling() const {
  size_t comma = spelling.find(',');
  return comma == std::string_view::npos ? std::string_view{} : spelling.substr(0, comma);
}

namespace {

std::vector<Flag> own_flags() {
  return {
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
      {"accept_data_loss", "--accept-data-loss", "", Word::kNone, "Yes: what it held is lost"},
      {"rolling", "--rolling", "", Word::kNone,
       "All nodes, one at a time: replicas first, then a switchover"},
      {"follow", "-f,--follow", "", Word::kNone, "Go on printing what is added until Ctrl-C"},
      {"lines", "-n,--lines", "N", Word::kNone, "How many of the last lines to print (100)"},
      {"history_file", "-f,--file", "FILE", Word::kFile, "Read this file, not the cluster's own"},
      {"shard", "--shard", "SHARD", Word::kShard, "Of this shard only"},
      {"since", "--since", "S", Word::kNone, "No older than S seconds (also 90s, 5m, 1h)"},
      {"replay", "--replay", "", Word::kNone, "Plan again from what was seen, and tell what differs"},
      {"purge", "--purge", "", Word::kNone, "Delete the cluster's folder too: data, passwords, logs"},
      {"yes", "-y,--yes", "", Word::kNone, "Do not ask"},
      {"proxy", "--proxy", "[PORT]", Word::kNone,
       "A proxy beside it: the whole cluster behind one plain address"},
      {"no_proxy", "--no-proxy", "", Word::kNone, "No proxy any more"},
  };
}

// Of `keyway proxy` and what belongs to it.
std::vector<Flag> proxy_flags() {
  return {
      {"config", "--config", "FILE", Word::kFile, "A configuration in YAML; flags outweigh it"},
      {"check", "--check", "", Word::kNone, "Only say whether the configuration is fine, and what it means"},
      {"listen", "--listen", "ADDR:PORT", Word::kNone, "Where clients connect; port 0 takes a free one"},
      {"workers", "--workers", "N", Word::kNone, "How many threads serve clients (one for each core)"},
      {"user", "--user", "USER", Word::kNone, "As whom the proxy itself looks at the cluster"},
      {"password_file", "--password-file", "FILE", Word::kFile, "FILE has the password, or is a users.acl"},
      {"metrics", "--metrics", "ADDR:PORT", Word::kNone, "Where /metrics, /healthz and others are served"},
      {"tls_cert", "--tls-cert", "FILE", Word::kFile, "Speak TLS to clients, with this certificate (PEM)"},
      {"tls_key", "--tls-key", "FILE", Word::kFile, "Its private key"},
      {"tls_ca", "--tls-ca", "FILE", Word::kFile, "The authority that clients' certificates must be of"},
      {"tls_clients", "--tls-clients", "WHICH", Word::kNone,
       "Whether clients must show a certificate: require (with --tls-ca), optional or no"},
      {"tls", "--tls", "", Word::kNone, "Speak TLS to the servers"},
      {"cacert", "--cacert", "FILE", Word::kFile, "The servers' certificate authority (the system's)"},
      {"cert", "--cert", "FILE", Word::kFile, "The proxy's own certificate, for the servers"},
      {"key", "--key", "FILE", Word::kFile, "Its private key"},
      {"sni", "--sni", "NAME", Word::kNone, "The name that the servers' certificates must bear (the host)"},
      {"insecure", "--insecure", "", Word::kNone, "Accept any certificate of a server"},
      {"users_file", "--users-file", "FILE", Word::kFile,
       "The proxy's own users, and as whom each acts at the servers"},
      {"log_format", "--log-format", "text|json", Word::kNone, "How the proxy logs (text)"},
      {"log_file", "--log-file", "FILE", Word::kFile,
       "Where it logs, 8 MiB and as much before; standard error"},
      {"open", "--open", "", Word::kNone, "Clients that do not log in act as that user too"},
      {"reads", "--reads", "POLICY", Word::kReads, "Who answers reads: primary, prefer-replica or nearest"},
      {"max_lag_bytes", "--max-lag-bytes", "SIZE", Word::kNone,
       "A replica that is further behind answers no reads"},
      {"max_lag_s", "--max-lag-s", "S", Word::kNone, "The same in seconds (10)"},
      {"slowlog_us", "--slowlog-us", "N", Word::kNone,
       "Requests that take so many microseconds are in the slow log (10000); -1: none"},
      {"once", "--once", "", Word::kNone, "Show one second, then end"},
      {"zone", "--zone", "ZONE", Word::kNone, "Where the proxy is, for --reads nearest"},
      {"translate", "--translate", "", Word::kNone,
       "One local port for each node, for clients that know clusters"},
      {"format", "--format", "FORMAT", Word::kNone,
       "json or python, which redis-py-cluster takes as host_port_remap"},
      {"open_as", "--open-as", "USER", Word::kNone,
       "Or as this user of a cluster of this machine, whose password is known"},
  };
}

// Of `keyway agent`.
std::vector<Flag> agent_flags() {
  return {
      {"pod", "--pod", "NAME", Word::kNone, "The pod's name (POD_NAME)"},
      {"address", "--address", "IP", Word::kNone, "Where others reach the pod (POD_IP)"},
      {"partitions", "--partitions", "NAMES", Word::kNone, "All partitions, p1,p2 (KEYWAY_PARTITIONS)"},
      {"bind", "--bind", "IP", Word::kNone, "The only address at which the server listens (all)"},
      {"http", "--http", "ADDR:PORT", Word::kNone, "Where probes and counts are served (0.0.0.0:9121)"},
      {"data", "--data", "DIR", Word::kFile, "The server's folder (/data)"},
      {"server_config", "--server-config", "FILE", Word::kFile,
       "Lines of redis.conf (/etc/keyway/server.conf)"},
      {"users", "--users", "FILE", Word::kFile, "Users and passwords (/etc/redis/users.acl)"},
      {"registry", "--registry", "DIR", Word::kFile, "A folder in place of the API server, for one machine"},
  };
}

constexpr std::string_view kUpDetails =
    "A new cluster takes its spec from -f, else from the flags, else it gets 3 shards with 1 replica each. A "
    "cluster\n"
    "that was stopped comes back as it was; one whose supervisor is gone is taken over, restarting nothing. "
    "Flags on a\n"
    "cluster that exists change it. Without NAME it is the name in the spec, else \"default\".\n"
    "In the foreground, Ctrl-C stops the servers and keeps their data.\n"
    "--proxy puts all of it behind one address, port 6379 or the next that is free, for clients that know "
    "nothing of\n"
    "clusters; whoever does not log in there acts as the first user of the spec.\n"
    "\n"
    "Examples:\n"
    "  keyway up --proxy --detach && redis-cli set AAA 10\n"
    "  keyway up                                    3 shards, 1 replica each, here in the foreground\n"
    "  keyway up shop --shards 6 --detach           a second cluster, in the background\n"
    "  keyway up cache --mode replicated --replicas 2 --memory 512Mi\n"
    "  keyway up -f shop.yaml --engine /opt/valkey/bin/valkey-server\n";

constexpr std::string_view kHistoryDetails =
    "The supervisor keeps it, the last 8 to 16 MiB, in history.jsonl in the cluster's folder, and it "
    "outlives "
    "it. --json\n"
    "prints the records themselves, one a line, with all facts that the planner had. --replay runs the "
    "planner of this\n"
    "version on them and ends with 1 if it plans otherwise.\n"
    "\n"
    "Examples:\n"
    "  keyway history --since 1h\n"
    "  keyway history shop --shard p2\n"
    "  keyway history --replay -f history.jsonl     of another machine\n";

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

constexpr std::string_view kProxyDetails =
    "Clients need to know nothing of clusters: they see one server. SEED is a node of the cluster, or the "
    "name of a\n"
    "cluster of this machine. A client's AUTH is checked by the servers, and its commands run as its user. "
    "Without\n"
    "--password-file the proxy's own password is taken from KEYWAY_PASSWORD. Ctrl-C or SIGTERM ends it when "
    "all\n"
    "clients have had their answers; SIGHUP makes it read its files again.\n"
    "\n"
    "Examples:\n"
    "  keyway proxy --listen 127.0.0.1:6379 10.0.0.1:7001 10.0.0.2:7001\n"
    "  keyway proxy --listen 127.0.0.1:6379 --open shop\n"
    "  keyway proxy --listen 0.0.0.0:6380 --tls-cert proxy.crt --tls-key proxy.key --tls --cacert ca.crt "
    "10.0.0.1:7001\n"
    "  keyway proxy --config /etc/keyway/proxy.yaml --check\n"
    "\n"
    "--translate is for clients that know clusters and do not reach its nodes: each node gets a local port, "
    "from "
    "PORT\n"
    "upward, and what servers say of addresses leads there. `keyway proxy map` prints which port stands for "
    "which\n"
    "node.\n"
    "\n"
    "  keyway proxy --translate --listen 127.0.0.1:7500 --metrics 127.0.0.1:9500 10.0.0.1:7001\n";

constexpr std::string_view kProxyMapDetails =
    "ADDR:PORT is the address that the proxy was given by --metrics.\n"
    "\n"
    "Examples:\n"
    "  keyway proxy map 127.0.0.1:9500\n"
    "  keyway proxy map --format python 127.0.0.1:9500\n";

constexpr std::string_view kProxyTopDetails =
    "ADDR:PORT is the address that the proxy was given by --metrics; NAME is a cluster of this machine, "
    "whose "
    "own\n"
    "proxy is meant. Shows requests and their times by sort "
    "and "
    "by\n"
    "server, hot and big keys as found by samples, and the slowest requests of late. Ctrl-C ends it.\n"
    "\n"
    "Examples:\n"
    "  keyway proxy top shop\n"
    "  keyway proxy top 127.0.0.1:9121\n"
    "  keyway proxy top 127.0.0.1:9121 --once --json\n";

std::vector<CommandSyntax> keeping_commands() {
  using enum Word;
  constexpr std::string_view run = "Run a cluster", look = "Look at it";
  return {
      {"up",
       "[NAME]",
       {kCluster},
       "Make a cluster on this machine, or bring it back",
       run,
       {"file", "shards", "replicas", "mode", "engine", "port", "memory", "proxy", "no_proxy", "detach",
        "timeout", "cluster", "json"},
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
       "Print a node's log, or with `proxy` the proxy's; without NODE the supervisor's",
       look,
       {"follow", "lines", "cluster"},
       ""},
      {"history",
       "[NAME]",
       {kCluster},
       "Tell what has happened: what was seen, planned and done, and why",
       look,
       {"shard", "since", "lines", "replay", "history_file", "cluster", "json"},
       kHistoryDetails},
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
      {"recover",
       "[NAME] SHARD --accept-data-loss",
       {kCluster, kShard},
       "Let a shard of which no copy is left begin empty",
       change,
       {"accept_data_loss", "timeout", "no_wait", "cluster", "json"},
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
      {"cluster",
       "COMMAND ADDR",
       {},
       "Check, mend, reshard, rebalance or grow any Redis or Valkey cluster",
       "Any running cluster",
       {},
       ""},
      {"proxy",
       "SEED...",
       {},
       "Put a whole cluster behind one plain address",
       "Any running cluster",
       {"config",  "check",     "listen",  "workers",    "user",        "password_file", "open",
        "open_as", "translate", "metrics", "log_format", "reads",       "max_lag_bytes", "max_lag_s",
        "zone",    "tls_cert",  "tls_key", "tls_ca",     "tls_clients", "tls",           "cacert",
        "cert",    "key",       "sni",     "insecure",   "slowlog_us",  "users_file",    "log_file"},
       kProxyDetails},
      {"proxy map",
       "ADDR:PORT | [NAME]",
       {kCluster},
       "Show which local port of a translating proxy stands for which node",
       "Any running cluster",
       {"format", "cluster"},
       kProxyMapDetails},
      {"proxy top",
       "ADDR:PORT | [NAME]",
       {kCluster},
       "Show what a proxy does, again each second",
       "Any running cluster",
       {"once", "cluster", "json"},
       kProxyTopDetails},
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
      {"agent",
       "",
       {},
       "Keep the server of a pod (its first process; see docs/internals/agent.md)",
       "",
       {"pod", "address", "cluster", "mode", "shard", "partitions", "replicas", "bind", "port", "http",
        "data", "server_config", "users", "engine", "registry"},
       ""},
      {"supervise", "NAME", {kCluster}, "Keep a cluster whole (started by up --detach)", "", {}, ""},
  };
}

// In the order in which help shows them.
std::vector<CommandSyntax> make_commands() {
  std::vector<CommandSyntax> commands = keeping_commands();
  for (const auto& group : {changing_commands(), backup_commands(), restore_commands(), other_commands(),
                            kubernetes_commands()}) {
    commands.insert(commands.end(), group.begin(), group.end());
  }
  return commands;
}

}  // namespace

const std::vector<Flag>& all_flags() {
  static const std::vector<Flag> flags = [] {
    std::vector<Flag> all = own_flags();
    for (const Flag& flag : proxy_flags()) all.push_back(flag);
    for (const Flag& flag : agent_flags()) all.push_back(flag);
    for (const Flag& flag : backup_flags()) all.push_back(flag);
    for (const Flag& flag : restore_flags()) all.push_back(flag);
    for (const Flag& flag : kubernetes_flags()) all.push_back(flag);
    return all;
  }();
  return flags;
}

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

std::vector<std::string> join_command_name(std::vector<std::string> words) {
  size_t at = !words.empty() && words.front() == "help" ? 1 : 0;
  if (words.size() < at + 2) return words;
  std::string both = words[at] + " " + words[at + 1];
  if (command_named(both) == nullptr) return words;
  words[at] = std::move(both);
  words.erase(words.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  return words;
}

}  // namespace keyway::cli
