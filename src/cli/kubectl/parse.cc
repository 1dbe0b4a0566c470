#include "cli/kubectl/parse.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/format.h"
#include "cli/values.h"
#include "cluster/suggest.h"
#include "platform/kubernetes/whole_cluster.h"

namespace keyway::cli {

namespace {

constexpr int kMaxPort = 65'535;
constexpr int kMaxLines = 1'000'000;

struct PluginCommand {
  std::string_view name;
  PluginAction action;
  std::string_view word;  // what the last word is; empty: there is none but [NAME]
  bool word_needed;
  std::string_view summary;
};

constexpr std::array kCommands = {
    PluginCommand{"connect", PluginAction::kConnect, "", false,
                  "Open local ports to a cluster's servers, until Ctrl-C"},
    PluginCommand{"status", PluginAction::kStatus, "", false, "Show shards, pods, and what is under way"},
    PluginCommand{"plan", PluginAction::kPlan, "", false,
                  "Show what applying FILE would do; nothing is touched"},
    PluginCommand{"failover", PluginAction::kFailover, "SHARD", true, "Make a replica the primary of SHARD"},
    PluginCommand{"restart", PluginAction::kRestart, "POD|SHARD", false,
                  "Make pods anew, one at a time, primaries last"},
    PluginCommand{"password", PluginAction::kPassword, "USER", true, "Print a user's password"},
    PluginCommand{"proxy", PluginAction::kProxy, "", false, "Show the proxy before a cluster"},
    PluginCommand{"logs", PluginAction::kLogs, "POD", false,
                  "Print a server's log, or that of the pod that looks after the cluster"},
};

struct PluginFlag {
  std::string_view spelling;
  std::string_view other;  // a second spelling; empty: none
  std::string_view value;  // empty: a switch
  std::optional<PluginAction> only;
  Status (*take)(PluginRequest& request, const std::string& value);
  std::string_view help;
};

template <auto member>
Status take_text(PluginRequest& request, const std::string& value) {
  request.*member = value;
  return {};
}
template <auto member>
Status take_place(PluginRequest& request, const std::string& value) {
  request.kubeconfig.*member = value;
  return {};
}
template <auto member, bool on>
Status take_switch(PluginRequest& request, const std::string&) {
  request.*member = on;
  return {};
}
template <auto member, int least, int most>
Status take_number(PluginRequest& request, const std::string& value) {
  constexpr std::string_view flag = most == kMaxPort ? "--port" : "--tail";
  Result<int> number = number_value(flag, value, least, most);
  if (!number) return fail(number.error());
  request.*member = *number;
  return {};
}
Status take_namespace(PluginRequest& request, const std::string& value) {
  request.kubeconfig.name_space = value;
  if (platform::kubernetes::is_namespace(value)) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("--namespace: {}", platform::kubernetes::kNamespaceRule));
}
Status take_user(PluginRequest& request, const std::string& value) {
  request.login.user = value;
  return {};
}
Status take_password_file(PluginRequest& request, const std::string& value) {
  request.login.password_file = value;
  return {};
}

using platform::kubernetes::KubeconfigChoice;

const std::vector<PluginFlag>& flags() {
  static const std::vector<PluginFlag> all = {
      {"--namespace", "-n", "NAMESPACE", {}, take_namespace, "Where the cluster is (that of the context)"},
      {"--context",
       "",
       "NAME",
       {},
       take_place<&KubeconfigChoice::context>,
       "Which context of the kubeconfig"},
      {"--kubeconfig", "", "FILE", {}, take_place<&KubeconfigChoice::files>, "Instead of $KUBECONFIG"},
      {"--json", "", "", {}, take_switch<&PluginRequest::json, true>, "Print JSON, for programs"},
      {"--proxy", "", "", PluginAction::kConnect, take_switch<&PluginRequest::proxy, true>,
       "One plain address, for clients that know nothing of clusters"},
      {"--port", "", "PORT", PluginAction::kConnect, take_number<&PluginRequest::port, 1, kMaxPort>,
       "The local port, the first of several (7000 or 6379, or the next that is free)"},
      {"--user", "", "USER", PluginAction::kConnect, take_user, "As whom to look at the cluster"},
      {"--password-file", "", "FILE", PluginAction::kConnect, take_password_file,
       "That user's password, where the Secret may not be read"},
      {"--file", "-f", "FILE", PluginAction::kPlan, take_text<&PluginRequest::file>,
       "A KeywayCluster; - reads standard input"},
      {"--to", "", "POD", PluginAction::kFailover, take_text<&PluginRequest::to>,
       "The pod that becomes the primary (the best one)"},
      {"--no-wait", "", "", PluginAction::kFailover, take_switch<&PluginRequest::wait, false>,
       "Return as soon as it is asked for"},
      {"--follow", "-f", "", PluginAction::kLogs, take_switch<&PluginRequest::follow, true>,
       "Go on with what is added, until Ctrl-C"},
      {"--tail", "", "N", PluginAction::kLogs, take_number<&PluginRequest::lines, 1, kMaxLines>,
       "How many of the last lines (100)"},
  };
  return all;
}

tl::unexpected<Error> misuse(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}; see `kubectl keyway --help`", what));
}

const PluginFlag* flag_of(std::string_view spelling, PluginAction action) {
  for (const PluginFlag& flag : flags()) {
    bool named = spelling == flag.spelling || (!flag.other.empty() && spelling == flag.other);
    if (named && (!flag.only || *flag.only == action)) return &flag;
  }
  return nullptr;
}

// Flags wherever they stand; gives the other words.
Result<std::vector<std::string>> take_flags(const std::vector<std::string>& words, PluginRequest& request) {
  std::vector<std::string> rest;
  for (size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with('-') || words[i] == "-") {
      rest.push_back(words[i]);
      continue;
    }
    size_t equals = words[i].find('=');
    std::string spelling = words[i].substr(0, equals);
    const PluginFlag* flag = flag_of(spelling, request.action);
    if (flag == nullptr) return misuse(fmt::format("{}: no such flag here", cluster::excerpt(spelling)));
    std::string value;
    if (flag->value.empty() != (equals == std::string::npos) && flag->value.empty())
      return misuse(fmt::format("{} takes no value", spelling));
    if (!flag->value.empty()) {
      if (equals == std::string::npos && i + 1 == words.size())
        return misuse(fmt::format("{} needs a {}", spelling, flag->value));
      value = equals == std::string::npos ? words[++i] : words[i].substr(equals + 1);
      if (value.empty()) return misuse(fmt::format("{} needs a {}", spelling, flag->value));
    }
    if (Status taken = flag->take(request, value); !taken) return fail(taken.error());
  }
  return rest;
}

// [NAME] and the word.
Status take_words(const PluginCommand& command, std::vector<std::string> words, PluginRequest& request) {
  if (!command.word.empty() && !words.empty()) {
    request.word = std::move(words.back());
    words.pop_back();
  }
  if (command.word_needed && request.word.empty())
    return misuse(fmt::format("kubectl keyway {} needs a {}", command.name, command.word));
  if (words.size() > 1) return misuse(fmt::format("\"{}\" is one word too many", words.back()));
  if (!words.empty()) request.cluster = std::move(words.front());
  if (command.action == PluginAction::kPlan && request.file.empty())
    return misuse("kubectl keyway plan needs -f FILE");
  return {};
}

bool asks_for_help(std::string_view word) { return word == "help" || word == "--help" || word == "-h"; }

}  // namespace

bool is_kubectl_plugin(std::string_view program) {
  return program.substr(program.rfind('/') + 1) == "kubectl-keyway";
}

Result<PluginRequest> parse_plugin(const std::vector<std::string>& words) {
  PluginRequest request;
  if (words.empty() || std::ranges::any_of(words, asks_for_help)) return request;
  // kubectl hands flags on wherever they stand; the command is the first word that is none, nor a value.
  const PluginCommand* command = nullptr;
  std::vector<std::string> rest;
  for (size_t i = 0; i < words.size(); ++i) {
    auto known = std::ranges::find(kCommands, words[i], &PluginCommand::name);
    bool is_value = i > 0 && words[i - 1].starts_with('-') && words[i - 1].find('=') == std::string::npos &&
                    flag_of(words[i - 1], PluginAction::kHelp) != nullptr &&
                    !flag_of(words[i - 1], PluginAction::kHelp)->value.empty();
    if (command == nullptr && !is_value && known != kCommands.end())
      command = &*known;
    else
      rest.push_back(words[i]);
  }
  if (command == nullptr) {
    std::vector<std::string_view> names;
    for (const PluginCommand& one : kCommands) names.push_back(one.name);
    return misuse(fmt::format("\"{}\" is no command; {}", cluster::excerpt(words.front()),
                              cluster::suggest(words.front(), names)));
  }
  request.action = command->action;
  Result<std::vector<std::string>> left = take_flags(rest, request);
  if (!left) return fail(left.error());
  if (Status taken = take_words(*command, std::move(*left), request); !taken) return fail(taken.error());
  return request;
}

std::string plugin_help() {
  std::string text =
      "kubectl keyway COMMAND [NAME] [flags]\n\n"
      "Redis and Valkey on Kubernetes: clusters made by the operator or by `keyway gen`. NAME is the "
      "cluster's; it\nmay be left out where the namespace has one only.\n\n";
  for (const PluginCommand& command : kCommands) {
    std::string words = std::string(command.name) + " [NAME]";
    if (!command.word.empty())
      words += command.word_needed ? fmt::format(" {}", command.word) : fmt::format(" [{}]", command.word);
    text += fmt::format("  {:<30}{}\n", words, command.summary);
  }
  text += "\n";
  for (const PluginFlag& flag : flags()) {
    std::string words = flag.other.empty() ? "    " : std::string(flag.other) + ", ";
    words += std::string(flag.spelling) + (flag.value.empty() ? "" : " " + std::string(flag.value));
    auto command =
        std::ranges::find(kCommands, flag.only.value_or(PluginAction::kHelp), &PluginCommand::action);
    std::string of = command == kCommands.end() ? "" : fmt::format("{}: ", command->name);
    text += fmt::format("  {:<30}{}{}\n", words, of, flag.help);
  }
  return text;
}

}  // namespace keyway::cli
