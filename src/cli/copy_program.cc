// keyway copy-program: an init container's whole work. The image that has the program needs no shell for it,
// and the image that it is copied into needs nothing of it.
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "base/format.h"
#include "cli/commands.h"
#include "platform/local/files.h"

namespace keyway::cli {

namespace {

constexpr const char* kOwnProgram = "/proc/self/exe";
constexpr mode_t kRunnableByAll = 0755;
// Names by which the program takes other commands.
constexpr std::array kOtherNames = {"redis-trib", "kubectl-keyway"};

Outcome fail_because(int error_number, const std::string& what) {
  return fail(platform::local::file_error(error_number, what));
}

}  // namespace

Outcome run(const CopyProgramCommand& command, Context&) {
  namespace fs = std::filesystem;
  const fs::path folder = command.folder;
  const fs::path program = folder / "keyway";
  const fs::path unfinished = folder / ".keyway.new";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail_because(error.value(), fmt::format("make the folder {}", command.folder));
  fs::copy_file(kOwnProgram, unfinished, fs::copy_options::overwrite_existing, error);
  if (error) return fail_because(error.value(), fmt::format("copy the program to {}", command.folder));
  if (::chmod(unfinished.c_str(), kRunnableByAll) != 0)
    return fail_because(errno, fmt::format("make {} runnable", unfinished.string()));
  // A pod that starts again may find its own agent running from there.
  fs::rename(unfinished, program, error);
  if (error)
    return fail_because(error.value(), fmt::format("put the program in place in {}", command.folder));
  for (const char* other : kOtherNames) {
    const fs::path name = folder / other;
    fs::remove(name, error);
    fs::create_symlink("keyway", name, error);
    if (error) return fail_because(error.value(), fmt::format("make {}", name.string()));
  }
  return kExitDone;
}

}  // namespace keyway::cli
