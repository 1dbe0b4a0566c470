// The command line as values. Parsing touches nothing: no file, no environment, no terminal. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "cluster/spec.h"

namespace keyway::cli {

// Fields of a spec that were given by flags; they win over those of a file.
struct SpecFlags {
  std::optional<int> shards;
  std::optional<int> replicas;
  std::optional<cluster::Mode> mode;
  std::optional<std::string> engine;  // "redis", "valkey" or a path
  std::optional<int> port;
  std::optional<int64_t> memory_bytes;

  bool empty() const { return !shards && !replicas && !mode && !engine && !port && !memory_bytes; }
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
struct CompletionCommand {
  std::string shell;  // "bash", "zsh"
};
struct VersionCommand {};
struct SuperviseCommand {
  std::string cluster;
};
struct CompleteCommand {
  std::vector<std::string> words;  // after the program's name; the last one is being typed
};
struct HelpCommand {
  std::string text;
};

using Command =
    std::variant<UpCommand, DownCommand, ListCommand, StatusCommand, LogsCommand, SpecCommand, PlanCommand,
                 ApplyCommand, ScaleCommand, FailoverCommand, RestartCommand, ExecCommand, PasswordCommand,
                 CompletionCommand, VersionCommand, SuperviseCommand, CompleteCommand, HelpCommand>;

struct Invocation {
  Command command;
  bool json = false;
};

// `words` are the arguments after the program's name. Errors are kInvalidArgument and name the flag and the
// remedy.
Result<Invocation> parse_arguments(const std::vector<std::string>& words);

// Whether JSON was asked for, for errors that are found before the words could be parsed.
bool asks_for_json(const std::vector<std::string>& words);

}  // namespace keyway::cli
