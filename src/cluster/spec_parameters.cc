// What is known of the servers' parameters by name.
#include <algorithm>
#include <array>

#include "base/strings.h"
#include "cluster/spec.h"

namespace keyway::cluster {

namespace {

// A name that ends in * stands for all that begin so.
struct Reserved {
  std::string_view name;
  std::string_view reason;
};

constexpr std::string_view kPorts =
    "Keyway gives each server its own port; set the first one with local.port";
constexpr std::string_view kAddress =
    "Keyway chooses the address that servers listen on; set it with local.host";
constexpr std::string_view kSocket =
    "the servers of one machine cannot share a socket's path; connect by TCP";
constexpr std::string_view kFiles = "Keyway keeps each server's files in the server's own folder; remove it";
constexpr std::string_view kLog = "Keyway keeps each server's log, see `keyway logs`; remove it";
constexpr std::string_view kProcess = "Keyway runs the servers' processes itself; remove it";
constexpr std::string_view kUsers = "users and passwords are Keyway's; list users in spec.users";
constexpr std::string_view kFollow =
    "Keyway decides which server follows which; set the number with replicas";
constexpr std::string_view kMode = "the mode of a cluster is set by spec.mode; remove it";
constexpr std::string_view kAnnounce = "Keyway decides which address servers announce; remove it";
constexpr std::string_view kPlacement =
    "Keyway decides where replicas belong; list shards with replicas of their own instead";
constexpr std::string_view kWrites =
    "what is written to a replica is lost; remove it, clients write to the primary";
constexpr std::string_view kTls = "this version runs servers without TLS; remove it";
constexpr std::string_view kInclude =
    "Keyway must know each parameter; write those of the file into spec.config";
constexpr std::string_view kRename =
    "Keyway needs the commands under their names; forbid commands with ACL rules in spec.users";
constexpr std::string_view kProtected =
    "Keyway limits access by address and password, with which this would collide; remove it";

constexpr std::array kReserved = {
    Reserved{"port", kPorts},
    Reserved{"cluster-port", kPorts},
    Reserved{"bind", kAddress},
    Reserved{"bind-source-addr", kAddress},
    Reserved{"rdma-bind", kAddress},
    Reserved{"rdma-port", kPorts},
    Reserved{"unixsocket*", kSocket},
    Reserved{"dir", kFiles},
    Reserved{"dbfilename", kFiles},
    Reserved{"appendfilename", kFiles},
    Reserved{"appenddirname", kFiles},
    Reserved{"pidfile", kFiles},
    Reserved{"aclfile", kUsers},
    Reserved{"cluster-config-file", kFiles},
    Reserved{"logfile", kLog},
    Reserved{"daemonize", kProcess},
    Reserved{"supervised", kProcess},
    Reserved{"requirepass", kUsers},
    Reserved{"user", kUsers},
    Reserved{"masteruser", kUsers},
    Reserved{"masterauth", kUsers},
    Reserved{"primaryuser", kUsers},
    Reserved{"primaryauth", kUsers},
    Reserved{"replicaof", kFollow},
    Reserved{"slaveof", kFollow},
    Reserved{"cluster-enabled", kMode},
    Reserved{"cluster-announce-*", kAnnounce},
    Reserved{"replica-announce-*", kAnnounce},
    Reserved{"slave-announce-*", kAnnounce},
    Reserved{"cluster-allow-replica-migration", kPlacement},
    Reserved{"replica-read-only", kWrites},
    Reserved{"slave-read-only", kWrites},
    Reserved{"tls-*", kTls},
    Reserved{"include", kInclude},
    Reserved{"rename-command", kRename},
    Reserved{"protected-mode", kProtected},
};

// What CONFIG SET answers "can't set immutable config" or "can't set protected config" to, on Redis 7.0
// and 8.0 or Valkey 8.0, 8.1 and 9.1 (io-threads: not on Valkey 9), and loadmodule, which is no parameter to
// CONFIG. Sorted. The test beside this file asks the installed servers.
constexpr std::array<std::string_view, 47> kNeedRestart = {
    "aclfile",
    "always-show-logo",
    "aof-rewrite-cpulist",
    "aof_rewrite_cpulist",
    "appenddirname",
    "appendfilename",
    "bgsave-cpulist",
    "bgsave_cpulist",
    "bio-cpulist",
    "bio_cpulist",
    "cluster-config-file",
    "cluster-databases",
    "cluster-enabled",
    "cluster-port",
    "daemonize",
    "databases",
    "dbfilename",
    "dir",
    "disable-thp",
    "enable-debug-command",
    "enable-module-command",
    "enable-protected-configs",
    "hash-seed",
    "io-threads",
    "io-threads-do-reads",
    "loadmodule",
    "logfile",
    "mptcp",
    "pidfile",
    "rdbchecksum",
    "rdma-completion-vector",
    "rdma-rx-size",
    "repl-mptcp",
    "replicaof",
    "server-cpulist",
    "server_cpulist",
    "set-proc-title",
    "slaveof",
    "socket-mark-id",
    "supervised",
    "syslog-enabled",
    "syslog-facility",
    "syslog-ident",
    "tcp-backlog",
    "unixsocket",
    "unixsocketgroup",
    "unixsocketperm",
};

static_assert(std::is_sorted(kNeedRestart.begin(), kNeedRestart.end()));

bool fits(std::string_view pattern, std::string_view name) {
  if (pattern.back() != '*') return name == pattern;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

std::optional<std::string_view> reserved_parameter(std::string_view name) {
  const std::string lower = to_lower(name);
  for (const Reserved& reserved : kReserved) {
    if (fits(reserved.name, lower)) return reserved.reason;
  }
  return std::nullopt;
}

bool needs_restart(std::string_view parameter) {
  return std::binary_search(kNeedRestart.begin(), kNeedRestart.end(), std::string_view(to_lower(parameter)));
}

}  // namespace keyway::cluster
