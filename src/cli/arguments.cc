#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "base/format.h"
#include "base/strings.h"
#include "cli/grammar.h"
#include "cli/help.h"
#include "cli/values.h"

namespace keyway::cli {

namespace {

constexpr int kMaxShards = 1000;
constexpr int kMaxReplicas = 16;
constexpr int kMaxLines = 1'000'000;

// The words of one command, sorted into flags and the rest, before their meaning is looked at.
struct Words {
  const CommandSyntax* syntax = nullptr;
  std::map<std::string_view, std::string> flags;  // by Flag::name
  std::vector<std::string> positionals;
  std::vector<std::string> program;  // after "--"

  bool has(std::string_view name) const { return flags.contains(name); }
  std::string text(std::string_view name) const {
    auto found = flags.find(name);
    return found == flags.end() ? std::string{} : found->second;
  }
};

tl::unexpected<Error> misuse(const CommandSyntax& syntax, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}; `keyway {} --help` shows how", what, syntax.name));
}

tl::unexpected<Error> unknown_flag(const CommandSyntax& syntax, std::string_view word) {
  std::vector<std::string_view> known = {"--help"};
  for (std::string_view name : syntax.flags) known.push_back(flag_named(name).long_spelling());
  std::string_view meant = nearest(word.substr(0, word.find('=')), known);
  std::string hint = meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant);
  return misuse(syntax, fmt::format("{}: keyway {} has no such flag{}", word, syntax.name, hint));
}

// Runs CLI11 over the words of one command.
Result<Words> sort_words(const CommandSyntax& syntax, std::vector<std::string> words) {
  Words sorted;
  sorted.syntax = &syntax;
  auto dashes = std::ranges::find(words, "--");
  if (syntax.name == "exec" && dashes != words.end()) {
    sorted.program.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
  }
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.add_option("words", sorted.positionals);
  std::vector<std::string_view> names = syntax.flags;
  names.push_back("help");
  for (std::string_view name : names) {
    const Flag& flag = flag_named(name);
    std::string spelling(flag.spelling);
    if (flag.value.empty()) {
      app.add_flag_callback(spelling, [&sorted, name] { sorted.flags[name] = "true"; });
    } else {
      app.add_option_function<std::string>(
          spelling, [&sorted, name](const std::string& value) { sorted.flags[name] = value; });
    }
  }
  try {
    std::ranges::reverse(words);
    app.parse(std::move(words));
  } catch (const CLI::ArgumentMismatch& error) {
    std::string_view what = error.what();
    std::string_view flag = what.substr(0, what.find(':'));
    return misuse(syntax, fmt::format("{} needs one value", flag));
  } catch (const CLI::ParseError& error) {
    return misuse(syntax, error.what());
  }
  if (std::vector<std::string> unknown = app.remaining(); !unknown.empty())
    return unknown_flag(syntax, unknown.front());
  return sorted;
}

// NAME may come first or be left out: with `wanted` words after it. Gives the cluster's name; leaves `wanted`
// words.
Result<std::string> take_cluster(Words& words, size_t wanted, bool fewer_allowed = false) {
  std::vector<std::string>& given = words.positionals;
  if (given.size() > wanted + 1) {
    return misuse(*words.syntax, fmt::format("\"{}\" is one word too many", given[wanted + 1]));
  }
  std::string name;
  if (given.size() == wanted + 1) {
    name = given.front();
    given.erase(given.begin());
  }
  if (given.size() < wanted && !fewer_allowed) {
    return misuse(*words.syntax,
                  fmt::format("keyway {} needs {}", words.syntax->name, words.syntax->positionals));
  }
  std::string flag = words.text("cluster");
  if (!flag.empty() && !name.empty() && flag != name) {
    return misuse(*words.syntax,
                  fmt::format("--cluster {} and {} name two clusters; give one of them", flag, name));
  }
  return flag.empty() ? name : flag;
}

// Reads the value of a flag, if it was given, with `read` into `target`.
template <typename Target, typename Read>
Status take(const Words& words, std::string_view name, Target& target, Read read) {
  if (!words.has(name)) return {};
  auto value = read(flag_named(name).long_spelling(), words.text(name));
  if (!value) return fail(value.error());
  target = *value;
  return {};
}

auto number(int least, int most) {
  return [least, most](std::string_view flag, const std::string& text) {
    return number_value(flag, text, least, most);
  };
}

Result<SpecFlags> take_spec_flags(const Words& words) {
  SpecFlags flags;
  Status status = take(words, "shards", flags.shards, number(1, kMaxShards));
  if (status) status = take(words, "replicas", flags.replicas, number(0, kMaxReplicas));
  if (status) status = take(words, "mode", flags.mode, mode_value);
  if (status) status = take(words, "port", flags.port, number(1, 65535));
  if (status) status = take(words, "memory", flags.memory_bytes, size_value);
  if (!status) return fail(status.error());
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
      {"up", make_up},        {"down", make_down},    {"logs", make_logs},         {"plan", make_change},
      {"apply", make_change}, {"scale", make_change}, {"failover", make_failover}, {"restart", make_restart},
      {"exec", make_exec},
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
  for (const CommandSyntax& command : all_commands()) {
    if (!command.group.empty()) names.push_back(command.name);
  }
  std::string_view meant = nearest(word, names);
  std::string hint = meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: there is no such command{}; `keyway --help` lists all", word, hint));
}

}  // namespace

Result<Invocation> parse_arguments(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" ||
      (words[0] == "help" && words.size() == 1)) {
    return Invocation{HelpCommand{program_help()}};
  }
  if (words[0] == "--version") return Invocation{VersionCommand{}};
  if (words[0] == "__complete") return Invocation{CompleteCommand{{words.begin() + 1, words.end()}}};
  std::string name = words[0] == "help" ? words[1] : words[0];
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
