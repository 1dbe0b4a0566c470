#include "platform/local/paths.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/format.h"
#include "platform/local/files.h"

namespace keyway::platform::local {

namespace {

Result<std::string> absolute_from(const char* variable, const char* value, std::string_view below) {
  std::string path = value;
  if (!path.starts_with('/')) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} is \"{}\", which is no absolute path; set it to one or unset it", variable, path));
  }
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path + std::string(below);
}

const char* environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

Status check_writable(const std::string& folder, std::string_view remedy) {
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return fail(ErrorCode::kDenied,
              fmt::format("cannot write to {}: {}; {}", folder, errno_text(errno), remedy));
}

Status check_folder(const std::string& folder) {
  struct stat about{};
  if (::stat(folder.c_str(), &about) != 0) return fail(file_error(errno, fmt::format("look at {}", folder)));
  if (!S_ISDIR(about.st_mode)) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} is no folder; move it away or set KEYWAY_HOME to another place", folder));
  }
  if (about.st_uid != ::geteuid()) {
    return fail(ErrorCode::kDenied,
                fmt::format("{} belongs to another user (uid {}); set KEYWAY_HOME to a folder of your own",
                            folder, about.st_uid));
  }
  if ((about.st_mode & 077) != 0 && ::chmod(folder.c_str(), 0700) != 0) {
    return fail(file_error(errno, fmt::format("take the permissions of others from {}", folder)));
  }
  return check_writable(folder, "correct its permissions (chmod u+rwx) or set KEYWAY_HOME to another folder");
}

// mkdir -p with mode 0700.
Status make_folders(const std::string& folder) {
  for (size_t end = folder.find('/', 1);; end = folder.find('/', end + 1)) {
    std::string part = folder.substr(0, end);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      int error_number = errno;
      struct stat about{};
      if (::stat(part.c_str(), &about) != 0)
        return fail(file_error(error_number, fmt::format("make the folder {}", part)));
    }
    if (end == std::string::npos) return {};
  }
}

}  // namespace

Result<std::string> find_home() {
  if (const char* value = environment("KEYWAY_HOME")) return absolute_from("KEYWAY_HOME", value, "");
  if (const char* value = environment("XDG_STATE_HOME"))
    return absolute_from("XDG_STATE_HOME", value, "/keyway");
  if (const char* value = environment("HOME")) return absolute_from("HOME", value, "/.local/state/keyway");
  return fail(ErrorCode::kInvalidArgument,
              "there is no place to keep state: none of KEYWAY_HOME, XDG_STATE_HOME and HOME is set; set "
              "KEYWAY_HOME to a "
              "folder of your own");
}

std::string clusters_folder(const std::string& home) { return home + "/clusters"; }

ClusterPaths cluster_paths(const std::string& home, std::string_view cluster) {
  return {clusters_folder(home) + "/" + std::string(cluster)};
}

Status make_private_folder(const std::string& folder) {
  if (Status made = make_folders(folder); !made) return made;
  return check_folder(folder);
}

Status make_shared_folder(const std::string& folder) {
  if (Status made = make_folders(folder); !made) return made;
  return check_writable(folder,
                        "let the user that the program runs as write there (a volume: the pod's fsGroup)");
}

Status prepare_home(const std::string& home) {
  if (Status made = make_private_folder(home); !made) return made;
  return make_private_folder(clusters_folder(home));
}

}  // namespace keyway::platform::local
