#include "cli/kubernetes_arguments.h"

#include <array>

#include "base/format.h"
#include "cli/gen_words.h"
#include "cli/grammar.h"
#include "cluster/suggest.h"
#include "platform/kubernetes/cluster_definition.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/whole_cluster.h"

namespace keyway::cli {

namespace {

Result<InstallCommand::Print> print_value(const std::string& text) {
  using enum InstallCommand::Print;
  if (text == "all") return kAll;
  if (text == "definition") return kDefinition;
  if (text == "operator") return kOperator;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("--print: \"{}\" is not known; {}", cluster::excerpt(text),
                          cluster::suggest(text, {"all", "definition", "operator"})));
}

}  // namespace

// A flag is another way to write a key.
Result<Command> make_gen(Words& words) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kKeys = {
      {{"mode", "mode"},
       {"name", "name"},
       {"namespace", "namespace"},
       {"force", "force"},
       {"new_passwords", "newPasswords"}}};
  std::vector<std::string> given = words.positionals;
  for (const auto& [flag, key] : kKeys) {
    if (!words.has(flag)) continue;
    const bool is_switch = flag_named(flag).value.empty();
    given.push_back(fmt::format("{}={}", key, is_switch ? "yes" : words.text(flag)));
  }
  Result<GenCommand> gen = read_gen_words(given);
  if (!gen) return fail(gen.error());
  return std::move(*gen);
}

Result<Command> make_copy_program(Words& words) {
  if (words.positionals.size() != 1) return misuse(*words.syntax, "keyway copy-program needs one folder");
  return CopyProgramCommand{words.positionals.front()};
}

Result<Command> make_operator(Words& words) {
  namespace kubernetes = platform::kubernetes;
  OperatorCommand command;
  if (!words.positionals.empty())
    return misuse(*words.syntax, fmt::format("\"{}\" is one word too many", words.positionals.front()));
  command.name_space = words.text("namespace");
  if (words.has("namespace") && !kubernetes::is_namespace(command.name_space))
    return fail(ErrorCode::kInvalidArgument, fmt::format("--namespace: {}", kubernetes::kNamespaceRule));
  command.image = words.has("image") ? words.text("image") : std::string(kubernetes::kDefaultKeywayImage);
  command.http = {"0.0.0.0", kubernetes::kAgentPort};
  if (!words.has("http")) return command;
  std::optional<Address> http = parse_listen_address(words.text("http"));
  if (!http)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--http: \"{}\" is no address with a port, such as 0.0.0.0:{}",
                            cluster::excerpt(words.text("http")), kubernetes::kAgentPort));
  command.http = *http;
  return command;
}

Result<Command> make_install(Words& words) {
  namespace kubernetes = platform::kubernetes;
  InstallCommand install;
  if (!words.positionals.empty())
    return misuse(*words.syntax, fmt::format("\"{}\" is one word too many", words.positionals.front()));
  if (words.has("print")) {
    Result<InstallCommand::Print> print = print_value(words.text("print"));
    if (!print) return fail(print.error());
    install.print = *print;
  }
  install.name_space = words.text("namespace");
  if (words.has("namespace") && !kubernetes::is_namespace(install.name_space))
    return fail(ErrorCode::kInvalidArgument, fmt::format("--namespace: {}", kubernetes::kNamespaceRule));
  install.image = words.has("image") ? words.text("image") : std::string(kubernetes::kDefaultKeywayImage);
  install.folder = words.text("folder");
  const std::optional<int> minor =
      words.has("kubernetes") ? kubernetes::parse_minor(words.text("kubernetes")) : kubernetes::kPresentMinor;
  if (!minor)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--kubernetes: \"{}\" is no version from 1.20 on; write it like 1.30",
                            cluster::excerpt(words.text("kubernetes"))));
  install.kubernetes_minor = *minor;
  return install;
}

}  // namespace keyway::cli
