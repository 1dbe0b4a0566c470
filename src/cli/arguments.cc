#include "cli/arguments.h"

#include <algorithm>
#include <map>

#include "base/format.h"
#include "base/strings.h"
#include "cli/backup_arguments.h"
#include "cli/cluster/parse.h"
#include "cli/command_words.h"
#include "cli/grammar.h"
#include "cli/help.h"
#include "cli/kubernetes_arguments.h"
#include "cli/proxy_arguments.h"
#include "cli/restore_arguments.h"
#include "cli/values.h"

namespace keyway::cli {

namespace {

constexpr int kMaxShards = 1000;
constexpr int kMaxReplicas = 16;
constexpr int kMaxLines = 1'000'000;

Result<SpecFlags> take_spec_flags(const Words& words) {
  SpecFlags flags;
  Status status = take(words, "shards", flags.shards, number(1, kMaxShards));
  if (status) status = take(words, "replicas", flags.replicas, number(0, kMaxReplicas));
  if (status) status = take(words, "mode", flags.mode, mode_value);
  if (status) status = take(words, "port", flags.port, number(1, 65535));
  if (status) status = take(words, "memory", flags.memory_bytes, size_value);
  if (status) status = take(words, "proxy", flags.proxy_port, number(0, 65535));
  if (!status) return fail(status.error());
  flags.no_proxy = words.has("no_proxy");
  if (flags.no_proxy && flags.proxy_port)
    return misuse(*words.syntax, "--proxy and --no-proxy contradict each other; give one of them");
  if (words.has("engine")) flags.engine = words.text("engine");
  if (flags.engine && flags.engine->empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "--engine: is empty; write --engine redis, --engine valkey or the path of a server program");
  }
  return flags;
}

Result<Waiting> take_waiting(const Words& words) {
  Waiting waiting;
  waiting.wait = !words.has("no_wait");
  if (Status status = take(words, "timeout", waiting.timeout_ms, duration_value); !status)
    return fail(status.error());
  return waiting;
}

Result<Command> make_up(Words& words) {
  UpCommand up;
  Result<std::string> name = take_cluster(words, 0);
  if (!name) return fail(name.error());
  up.cluster = *name;
  up.file = words.text("file");
  up.detach = words.has("detach");
  if (Status status = take(words, "timeout", up.timeout_ms, duration_value); !status)
    return fail(status.error());
  if (up.timeout_ms && !up.detach)
    return misuse(*words.syntax, "--timeout goes with --detach; in the foreground there is no limit");
  Result<SpecFlags> flags = take_spec_flags(words);
  if (!flags) return fail(flags.error());
  up.flags = *flags;
  return up;
}

Result<Command> make_down(Words& words) {
  Result<std::string> name = take_cluster(words, 0);
  if (!name) return fail(name.error());
  DownCommand down{*name, words.has("purge"), words.has("yes"), {}};
  if (Status status = take(words, "timeout", down.timeout_ms, duration_value); !status)
    return fail(status.error());
  return down;
}

Result<Command> make_logs(Words& words) {
  LogsCommand logs;
  // One word may be a node or a cluster; which of them is known only where the clusters are.
  Result<std::string> name = take_cluster(words, 1, true);
  if (!name) return fail(name.error());
  logs.cluster = *name;
  if (!words.positionals.empty()) logs.node = words.positionals.front();
  logs.follow = words.has("follow");
  if (Status status = take(words, "lines", logs.lines, number(0, kMaxLines)); !status)
    return fail(status.error());
  return logs;
}

Result<Command> make_history(Words& words) {
  HistoryCommand history;
  Result<std::string> name = take_cluster(words, 0);
  if (!name) return fail(name.error());
  history.cluster = *name;
  history.file = words.text("history_file");
  if (!history.file.empty() && !history.cluster.empty())
    return misuse(*words.syntax, "-f FILE is read instead of a cluster's own history; leave out the cluster");
  history.shard = words.text("shard");
  history.replay = words.has("replay");
  Status status = take(words, "since", history.since_ms, duration_value);
  if (status) status = take(words, "lines", history.lines, number(1, kMaxLines));
  if (!status) return fail(status.error());
  return history;
}

Result<Command> make_change(Words& words) {
  Result<std::string> name = take_cluster(words, 0);
  if (!name) return fail(name.error());
  Result<SpecFlags> flags = take_spec_flags(words);
  if (!flags) return fail(flags.error());
  std::string file = words.text("file");
  if (words.syntax->name == "plan") {
    if (file.empty() && flags->empty())
      return misuse(*words.syntax, "keyway plan needs the change: -f FILE, --shards N or --replicas N");
    return PlanCommand{*name, file, *flags};
  }
  Result<Waiting> waiting = take_waiting(words);
  if (!waiting) return fail(waiting.error());
  if (words.syntax->name == "apply") {
    if (file.empty()) return misuse(*words.syntax, "keyway apply needs the new spec: -f FILE");
    return ApplyCommand{*name, file, *waiting};
  }
  if (flags->empty())
    return misuse(*words.syntax, "keyway scale needs the new size: --shards N, --replicas N or both");
  return ScaleCommand{*name, *flags, *waiting};
}

Result<Command> make_failover(Words& words) {
  Result<std::string> name = take_cluster(words, 1);
  if (!name) return fail(name.error());
  Result<Waiting> waiting = take_waiting(words);
  if (!waiting) return fail(waiting.error());
  return FailoverCommand{*name, words.positionals.front(), words.text("to"), *waiting};
}

Result<Command> make_recover(Words& words) {
  Result<std::string> name = take_cluster(words, 1);
  if (!name) return fail(name.error());
  if (!words.has("accept_data_loss"))
    return misuse(*words.syntax,
                  "keyway recover begins a shard empty, if no copy of its data is left; say so with "
                  "--accept-data-loss");
  Result<Waiting> waiting = take_waiting(words);
  if (!waiting) return fail(waiting.error());
  return RecoverCommand{*name, words.positionals.front(), *waiting};
}

Result<Command> make_restart(Words& words) {
  bool rolling = words.has("rolling");
  Result<std::string> name = take_cluster(words, rolling ? 0 : 1);
  if (!name) return fail(name.error());
  Result<Waiting> waiting = take_waiting(words);
  if (!waiting) return fail(waiting.error());
  return RestartCommand{*name, rolling ? "" : words.positionals.front(), *waiting};
}

Result<Command> make_exec(Words& words) {
  if (words.positionals.size() > 2 && words.program.empty()) {
    return misuse(*words.syntax, fmt::format("put -- before the program: keyway exec {} -- {} ...",
                                             words.positionals[0], words.positionals[1]));
  }
  Result<std::string> name = take_cluster(words, 1);
  if (!name) return fail(name.error());
  return ExecCommand{*name, words.positionals.front(), words.program};
}

Result<Command> make_completion(const Words& words) {
  std::string shell = words.positionals.empty() ? "" : words.positionals.front();
  if (words.positionals.size() == 1 && (shell == "bash" || shell == "zsh")) return CompletionCommand{shell};
  return misuse(*words.syntax, fmt::format("keyway completion needs the shell, bash or zsh{}",
                                           shell.empty() ? "" : ", not " + shell));
}

Result<Command> make_agent(Words& words) {
  if (!words.positionals.empty())
    return misuse(*words.syntax, fmt::format("\"{}\" is one word too many", words.positionals.front()));
  AgentCommand agent;
  for (const auto& [name, value] : words.flags) agent.settings[std::string(name)] = value;
  return agent;
}

Result<Command> make_plain(Words& words) {
  std::string_view name = words.syntax->name;
  if (name == "completion") return make_completion(words);
  if (name == "password") {
    Result<std::string> cluster = take_cluster(words, 1);
    if (!cluster) return fail(cluster.error());
    return PasswordCommand{*cluster, words.positionals.front()};
  }
  if ((name == "ls" || name == "version") && !words.positionals.empty()) {
    return misuse(*words.syntax, fmt::format("\"{}\" is one word too many", words.positionals.front()));
  }
  if (name == "ls") return ListCommand{};
  if (name == "version") return VersionCommand{};
  Result<std::string> cluster = take_cluster(words, 0);
  if (!cluster) return fail(cluster.error());
  if (name == "spec") return SpecCommand{*cluster};
  if (name == "status") return StatusCommand{*cluster, words.has("watch")};
  if (cluster->empty()) return misuse(*words.syntax, "keyway supervise needs the cluster's name");
  return SuperviseCommand{*cluster};
}

Result<Command> make_command(Words& words) {
  using Make = Result<Command> (*)(Words&);
  static const std::map<std::string_view, Make> makers = {
      {"up", make_up},
      {"down", make_down},
      {"logs", make_logs},
      {"history", make_history},
      {"plan", make_change},
      {"apply", make_change},
      {"scale", make_change},
      {"failover", make_failover},
      {"recover", make_recover},
      {"restart", make_restart},
      {"restore", make_restore},
      {"exec", make_exec},
      {"proxy", make_proxy},
      {"proxy top", make_proxy_top},
      {"gen", make_gen},
      {"copy-program", make_copy_program},
      {"install", make_install},
      {"agent", make_agent},
      {"proxy map", make_proxy_map},
      {"operator", make_operator},
      {"backup create", make_backup},
      {"backup ls", make_backup},
      {"backup show", make_backup},
      {"backup prune", make_backup},
      {"backup verify", make_backup},
      {"backup key", make_backup},
      {"backup schedule", make_backup},
  };
  auto found = makers.find(words.syntax->name);
  return found == makers.end() ? make_plain(words) : found->second(words);
}

tl::unexpected<Error> unknown_command(const std::string& word) {
  if (word.starts_with('-')) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "{}: flags come after the command, as in `keyway status {}`; `keyway --help` lists all commands",
            word, word));
  }
  std::vector<std::string_view> names;
  std::vector<std::string> longer;  // of two words, of which this is the first
  for (const CommandSyntax& command : all_commands()) {
    if (command.group.empty()) continue;
    names.push_back(command.name);
    if (command.name.starts_with(fmt::format("{} ", word))) longer.emplace_back(command.name);
  }
  if (!longer.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: which of them? {}; --help behind one tells more", word, join(longer, ", ")));
  }
  std::string_view meant = nearest(word, names);
  std::string hint = meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: there is no such command{}; `keyway --help` lists all", word, hint));
}

// `cluster COMMAND …`, and `help cluster [COMMAND]`.
Result<Invocation> parse_cluster(std::vector<std::string> words) {
  if (words[0] == "help") {
    words[1] = "help";
  }
  return parse_tool(Spelling::kOwn, {words.begin() + 1, words.end()});
}

}  // namespace

Result<Invocation> parse_arguments(const std::vector<std::string>& given) {
  std::vector<std::string> words = join_command_name(given);
  if (is_redis_cli_spelling(words)) return parse_tool(Spelling::kRedisCli, words);
  if (words.empty() || words[0] == "--help" || words[0] == "-h" ||
      (words[0] == "help" && words.size() == 1)) {
    return Invocation{HelpCommand{program_help()}};
  }
  if (words[0] == "--version") return Invocation{VersionCommand{}};
  if (words[0] == "__complete") return Invocation{CompleteCommand{{words.begin() + 1, words.end()}}};
  std::string name = words[0] == "help" ? words[1] : words[0];
  if (name == "cluster") return parse_cluster(words);
  const CommandSyntax* syntax = command_named(name);
  if (syntax == nullptr) return unknown_command(name);
  if (words[0] == "help") return Invocation{HelpCommand{command_help(*syntax)}};
  Result<Words> sorted = sort_words(*syntax, {words.begin() + 1, words.end()});
  if (!sorted) return fail(sorted.error());
  if (sorted->has("help")) return Invocation{HelpCommand{command_help(*syntax)}};
  Result<Command> command = make_command(*sorted);
  if (!command) return fail(command.error());
  return Invocation{std::move(*command), sorted->has("json")};
}

bool asks_for_json(const std::vector<std::string>& words) {
  auto end = std::ranges::find(words, "--");
  return std::find(words.begin(), end, "--json") != end;
}

}  // namespace keyway::cli
