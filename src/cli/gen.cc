// keyway gen: prints a cluster's Kubernetes objects, or writes a folder for `kubectl apply -k`.
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "base/format.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "platform/kubernetes/kustomization.h"
#include "platform/local/files.h"
#include "platform/local/users.h"

namespace keyway::cli {

namespace {

namespace kubernetes = platform::kubernetes;
using kubernetes::FolderFile;

constexpr mode_t kReadableByAll = 0644;

kubernetes::Passwords new_passwords() {
  const cluster::Spec spec = cluster::default_spec("any", cluster::Mode::kReplicated, 1, 0);
  const platform::local::Users users = platform::local::Users::for_spec(spec, {});
  return {users.password("default").value_or(""), users.password("workload").value_or("")};
}

// kAlreadyExists with the files that would be lost.
Status check_free(const GenCommand& command, const std::vector<FolderFile>& files) {
  std::vector<std::string> there;
  for (const FolderFile& file : files) {
    if (platform::local::file_exists(command.folder + "/" + file.name)) there.push_back(file.name);
  }
  if (command.overwrite || there.empty()) return {};
  return fail(
      ErrorCode::kAlreadyExists,
      fmt::format("{} has {} already; give another folder, or --force to write the manifests anew (the "
                  "passwords stay unless you add --new-passwords)",
                  command.folder, join(there, ", ")));
}

Status write_file(const std::string& path, const FolderFile& file) {
  Status written = platform::local::replace_file(path, file.text, platform::local::Durability::kDurable);
  if (!written || file.secret) return written;
  if (::chmod(path.c_str(), kReadableByAll) != 0)
    return fail(platform::local::file_error(errno, "let others read " + path));
  return {};
}

Outcome write_folder(const GenCommand& command, Context& context) {
  const std::vector<FolderFile> files = kubernetes::kustomization(command.whole, new_passwords());
  if (Status status = check_free(command, files); !status) return fail(status.error());
  std::error_code error;
  std::filesystem::create_directories(command.folder, error);
  if (error) return fail(platform::local::file_error(error.value(), "make the folder " + command.folder));
  for (const FolderFile& file : files) {
    const std::string path = command.folder + "/" + file.name;
    if (file.secret && !command.new_passwords && platform::local::file_exists(path)) continue;
    if (Status status = write_file(path, file); !status) return fail(status.error());
  }
  const kubernetes::Naming& naming = command.whole.cluster.naming;
  context.output.print(
      fmt::format("Wrote {} to {}. The passwords are in users.acl, for your eyes only.\n"
                  "Apply it: kubectl apply -k {}\n",
                  count_of(static_cast<int64_t>(files.size()), "file"), command.folder, command.folder));
  context.output.note(fmt::format("the namespace {} must exist: kubectl create namespace {}",
                                  naming.name_space, naming.name_space));
  return kExitDone;
}

std::vector<kubernetes::Value> objects_of(const GenCommand& command) {
  using enum GenCommand::What;
  const kubernetes::WholeCluster& whole = command.whole;
  if (command.what == kShared) return kubernetes::shared_objects(whole);
  if (command.what == kPartition) return kubernetes::shard_objects(whole, whole.shards.front());
  if (command.what == kProxy) return kubernetes::proxy_objects(whole);
  return kubernetes::all_objects(whole);
}

// What somebody may not expect of what is printed.
void warn(const GenCommand& command, Output& output) {
  using enum GenCommand::What;
  if (command.what == kProxy || command.what == kShared) return;
  if (!command.whole.shards.front().storage_bytes)
    output.note("no storage was asked for, so a pod's data end with it; add storage=10Gi for a volume");
  if (command.whole.cluster.naming.name_space.empty()) {
    output.note(
        "no namespace was named, so this is for `default` or for a kustomization that names one; add "
        "namespace=NAMESPACE");
  }
}

}  // namespace

Outcome run(const GenCommand& command, Context& context) {
  warn(command, context.output);
  if (command.what == GenCommand::What::kFolder) return write_folder(command, context);
  context.output.print(kubernetes::to_yaml(objects_of(command)));
  return kExitDone;
}

}  // namespace keyway::cli
