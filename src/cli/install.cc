// keyway install: prints what installs the operator, or writes the files of deploy/.
#include <filesystem>

#include "base/format.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "platform/kubernetes/cluster_definition.h"
#include "platform/kubernetes/deploy_files.h"
#include "platform/kubernetes/operator_objects.h"
#include "platform/local/files.h"

namespace keyway::cli {

namespace {

namespace kubernetes = platform::kubernetes;

Status write_files(const InstallCommand& command) {
  for (const kubernetes::DeployFile& file : kubernetes::deploy_files(command.image, KEYWAY_VERSION)) {
    const std::filesystem::path path = std::filesystem::path(command.folder) / file.path;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
      return fail(
          platform::local::file_error(error.value(), "make the folder " + path.parent_path().string()));
    Status written =
        platform::local::replace_file(path.string(), file.text, platform::local::Durability::kVolatile);
    if (written) std::filesystem::permissions(path, std::filesystem::perms(0644), error);
    if (!written) return written;
  }
  return {};
}

std::vector<kubernetes::Value> objects_of(const InstallCommand& command) {
  std::vector<kubernetes::Value> objects;
  if (command.print != InstallCommand::Print::kOperator)
    objects.push_back(kubernetes::cluster_definition(command.kubernetes_minor));
  if (command.print == InstallCommand::Print::kDefinition) return objects;
  kubernetes::OperatorObjects given;
  given.image = command.image;
  if (!command.name_space.empty()) {
    given.name_space = command.name_space;
    given.own_namespace_only = true;
    given.make_namespace = false;
  }
  for (kubernetes::Value& object : kubernetes::operator_objects(given)) objects.push_back(std::move(object));
  return objects;
}

}  // namespace

Outcome run(const InstallCommand& command, Context& context) {
  if (!command.folder.empty()) {
    if (Status status = write_files(command); !status) return fail(status.error());
    return kExitDone;
  }
  context.output.print(kubernetes::to_yaml(objects_of(command)));
  return kExitDone;
}

}  // namespace keyway::cli
