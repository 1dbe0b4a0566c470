// Commands of a few lines each: spec, password, completion, version, help.
#include <array>

#include "base/format.h"
#include "base/json_text.h"
#include "cli/clusters.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cluster/spec.h"
#include "platform/local/users.h"

namespace keyway::cli {

Outcome run(const SpecCommand& command, Context& context) {
  Result<Chosen> cluster = choose_cluster(context.home, command.cluster);
  if (!cluster) return fail(cluster.error());
  context.output.print(cluster::to_yaml(cluster->state.spec));
  return kExitDone;
}

Outcome run(const PasswordCommand& command, Context& context) {
  Result<Chosen> cluster = choose_cluster(context.home, command.cluster);
  if (!cluster) return fail(cluster.error());
  Result<platform::local::Users> users = platform::local::load_users(cluster->paths.users_file());
  if (!users) return fail(users.error());
  Result<std::string> password = users->password(command.user);
  if (!password) return fail(password.error());
  if (!context.output.json()) {
    context.output.print(*password + "\n");
    return kExitDone;
  }
  JsonText json;
  json.open_object();
  json.text("user", command.user);
  json.text("password", *password);
  json.close();
  context.output.print(json.take());
  return kExitDone;
}

Outcome run(const CompletionCommand& command, Context& context) {
  context.output.print(completion_script(command.shell));
  return kExitDone;
}

Outcome run(const CompleteCommand& command, Context& context) {
  RecordedNames names(context.home);
  context.output.print(to_lines(complete(command.words, names)));
  return kExitDone;
}

Outcome run(const VersionCommand&, Context& context) {
  if (!context.output.json()) {
    context.output.print(fmt::format("keyway {}\n", KEYWAY_VERSION));
    return kExitDone;
  }
  JsonText json;
  json.open_object();
  json.text("version", KEYWAY_VERSION);
  json.close();
  context.output.print(json.take());
  return kExitDone;
}

Outcome run(const HelpCommand& command, Context& context) {
  context.output.print(command.text);
  return kExitDone;
}

}  // namespace keyway::cli
