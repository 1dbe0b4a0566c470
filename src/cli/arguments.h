// The command line as values. Parsing touches nothing: no file, no environment, no terminal. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "admin/restore.h"
#include "base/error.h"
#include "cli/backup_command.h"
#include "cli/cluster/request.h"
#include "cli/gen_words.h"
#include "cluster/spec.h"
#include "proxy/read_plan.h"

namespace keyway::cli {

// Fields of a spec that were given by flags; they win over those of a file.
struct SpecFlags {
  std::optional<int> shards;
  std::optional<int> replicas;
  std::optional<cluster::Mode> mode;
  std::optional<std::string> engine;  // "redis", "valkey" or a path
  std::optional<int> port;
  std::optional<int64_t> memory_bytes;
  std::optional<int> proxy_port;  // a proxy there; 0: wherever a port is free
  bool no_proxy = false;

  bool empty() const {
    return !shards && !replicas && !mode && !engine && !port && !memory_bytes && !proxy_port && !no_proxy;
  }
};

// How to follow a change that the supervisor has taken.
struct Waiting {
  std::optional<int64_t> timeout_ms;  // none: by what the change takes
  bool wait = true;
};

// In all of these, an empty `cluster` is the only cluster there is.
struct UpCommand {
  std::string cluster;  // empty: the name in the spec, else "default"
  std::string file;     // empty: none; "-": standard input
  SpecFlags flags;
  bool detach = false;
  bool show = true;  // the cluster, when it is whole (detach)
  std::optional<int64_t> timeout_ms;
};
struct DownCommand {
  std::string cluster;
  bool purge = false;
  bool yes = false;
  std::optional<int64_t> timeout_ms;
};
struct ListCommand {};
struct StatusCommand {
  std::string cluster;
  bool watch = false;
};
struct LogsCommand {
  std::string cluster;
  std::string node;  // empty: the supervisor's log
  bool follow = false;
  int lines = 100;
};
struct HistoryCommand {
  std::string cluster;
  std::string file;                 // to be read instead; empty: the cluster's own
  std::string shard;                // empty: all
  std::optional<int64_t> since_ms;  // no older than this; none: all
  int lines = 100;
  bool replay = false;
};
struct SpecCommand {
  std::string cluster;
};
struct PlanCommand {
  std::string cluster;
  std::string file;
  SpecFlags flags;
};
struct ApplyCommand {
  std::string cluster;
  std::string file;
  Waiting waiting;
};
struct ScaleCommand {
  std::string cluster;
  SpecFlags flags;  // shards and replicas
  Waiting waiting;
};
struct FailoverCommand {
  std::string cluster;
  std::string shard;
  std::string to_node;  // empty: the best replica
  Waiting waiting;
};
struct RecoverCommand {
  std::string cluster;
  std::string shard;
  Waiting waiting;
};
struct RestartCommand {
  std::string cluster;
  std::string node;  // empty: all, rolling
  Waiting waiting;
};
struct ExecCommand {
  std::string cluster;
  std::string node;
  std::vector<std::string> program;  // with its arguments; empty: the cli of the engine
};
struct PasswordCommand {
  std::string cluster;
  std::string user;
};
// What was not given is left to the configuration.
struct ReadFlags {
  std::optional<proxy::ReadPolicy> policy;
  std::optional<int64_t> max_lag_bytes;
  std::optional<int64_t> max_lag_ms;
  std::string zone;
};
struct ProxyCommand {
  std::string config_file;     // what flags leave out is said there; empty: nowhere
  bool check = false;          // only say whether all is fine
  Address listen;              // empty: see above, as of all that follows
  Address metrics;             // empty: nowhere
  int workers = 0;             // 0: one for each core
  std::vector<Address> seeds;  // or
  std::string cluster;         // the name of a local one
  std::string log_format;      // "text", "json"
  std::string log_file;        // empty: standard error
  std::string users_file;      // of the proxy's own users; empty: there are none
  Login login;
  bool open = false;  // clients that do not log in act as that user
  ReadFlags reads;
  std::string open_as;  // or as this one, of a local cluster; empty: as nobody
  engine::TlsListenOptions client_tls;
  engine::TlsOptions server_tls;
  std::optional<int> slow_us;  // requests that take so long are in the slow log; -1: none
  bool translate = false;      // a local port for each node
};
struct ProxyMapCommand {
  Address metrics;      // of a translating proxy, or
  std::string cluster;  // of this machine, whose proxy is meant
  bool python = false;
};
struct ProxyTopCommand {
  Address metrics;      // or
  std::string cluster;  // of this machine, whose proxy is meant
  bool once = false;
};
struct InstallCommand {
  enum class Print { kAll, kDefinition, kOperator };
  Print print = Print::kAll;
  std::string name_space;  // it runs there and watches only that; empty: all
  std::string image;
  int kubernetes_minor = 0;
  std::string folder;  // to write the files of deploy/ to, instead of printing; empty: none
};
struct OperatorCommand {
  std::string name_space;  // whose clusters it keeps; empty: all of them
  std::string image;       // for pods
  Address http;
};
// What an init container does.
struct CopyProgramCommand {
  std::string folder;
};
struct RestoreCommand {
  Seed target;
  std::string from;      // a file, a folder or the URL of a store
  std::string backup;    // in a store: "ID", "CLUSTER/ID", "CLUSTER/latest"; empty: the newest
  std::string key_file;  // of an encrypted backup
  backup::S3Options s3;
  std::string pattern;
  std::optional<int> database;
  admin::Existing existing = admin::Existing::kRefuse;
  bool dry_run = false;
  Login login;
  engine::TlsOptions tls;
  SpecFlags flags;  // of a cluster that is made for it
};
struct CompletionCommand {
  std::string shell;  // "bash", "zsh"
};
struct VersionCommand {};
struct SuperviseCommand {
  std::string cluster;
};
struct AgentCommand {
  std::map<std::string, std::string>
      settings;  // by the names of flags; what is missing is in the environment
};
struct CompleteCommand {
  std::vector<std::string> words;  // after the program's name; the last one is being typed
};
struct HelpCommand {
  std::string text;
};

using Command =
    std::variant<UpCommand, DownCommand, ListCommand, StatusCommand, LogsCommand, HistoryCommand, SpecCommand,
                 PlanCommand, ApplyCommand, ScaleCommand, FailoverCommand, RecoverCommand, RestartCommand,
                 ExecCommand, PasswordCommand, ProxyCommand, ProxyMapCommand, ProxyTopCommand,
                 CompletionCommand, VersionCommand, SuperviseCommand, AgentCommand, CompleteCommand,
                 HelpCommand, GenCommand, InstallCommand, OperatorCommand, CopyProgramCommand, RestoreCommand,
                 BackupCommand, ToolInvocation>;

struct Invocation {
  Command command;
  bool json = false;
};

// `given` are the arguments after the program's name. Errors are kInvalidArgument and name the flag and the
// remedy.
Result<Invocation> parse_arguments(const std::vector<std::string>& given);

// Whether JSON was asked for, for errors that are found before the words could be parsed.
bool asks_for_json(const std::vector<std::string>& words);

}  // namespace keyway::cli
