// Running the credential plugin.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/exec_credential.h"
#include "platform/local/files.h"
#include "platform/local/process.h"

namespace keyway::platform::kubernetes {

namespace {

using local::Fd;
using std::chrono::steady_clock;

constexpr size_t kMaxOutputBytes = 1 << 20;

// Ours, with the plugin's variables in place of those of the same name.
std::vector<std::string> environment_of(const ExecPlugin& plugin, const std::string& info) {
  std::vector<std::string> own = {"KUBERNETES_EXEC_INFO=" + info};
  for (const auto& [name, value] : plugin.environment) own.push_back(fmt::format("{}={}", name, value));
  std::vector<std::string> all = own;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    std::string_view name = text.substr(0, text.find('='));
    bool replaced = false;
    for (const std::string& one : own) replaced = replaced || one.substr(0, one.find('=')) == name;
    if (!replaced) all.emplace_back(text);
  }
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Its stdout is the pipe; stdin and stderr are ours, so that it can ask a person.
int spawn(const ExecPlugin& plugin, const std::string& info, int output, pid_t& pid) {
  std::vector<std::string> words = {plugin.command};
  words.insert(words.end(), plugin.arguments.begin(), plugin.arguments.end());
  std::vector<std::string> variables = environment_of(plugin, info);
  std::vector<char*> arguments = pointers_to(words);
  std::vector<char*> environment = pointers_to(variables);
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  int error =
      ::posix_spawnp(&pid, plugin.command.c_str(), &actions, nullptr, arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

int left_ms(steady_clock::time_point deadline) {
  using namespace std::chrono;
  auto left = duration_cast<milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, INT32_MAX));
}

enum class Reading { kWhole, kTooMuch, kTooLate };

Reading read_all(int fd, steady_clock::time_point deadline, std::string& text) {
  std::array<char, 4096> bytes{};
  while (text.size() <= kMaxOutputBytes) {
    if (left_ms(deadline) == 0) return Reading::kTooLate;
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, left_ms(deadline)) <= 0) continue;
    ssize_t got = ::read(fd, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Reading::kWhole;
    text.append(bytes.data(), static_cast<size_t>(got));
  }
  return Reading::kTooMuch;
}

// Whether it ends in time: it may go on after having closed its stdout.
bool ends_until(pid_t pid, steady_clock::time_point deadline) {
  std::optional<local::ProcessIdentity> process = local::identify(pid);
  if (!process) return true;
  Result<Fd> end = local::open_process(*process);
  if (!end) return true;
  pollfd waiting{end->get(), POLLIN, 0};
  while (left_ms(deadline) > 0) {
    if (::poll(&waiting, 1, left_ms(deadline)) > 0) return true;
  }
  return false;
}

Error not_started(const ExecPlugin& plugin, int error) {
  std::string hint = plugin.install_hint.empty() ? "" : "\n" + plugin.install_hint;
  ErrorCode code = error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kDenied;
  return {code, fmt::format("the credential plugin {} cannot be started: {}{}", plugin.command,
                            errno_text(error), hint)};
}

}  // namespace

Result<ExecCredential> run_exec_plugin(const ClientConfig& config, int64_t timeout_ms) {
  const ExecPlugin& plugin = *config.exec;
  bool interactive = ::isatty(STDIN_FILENO) == 1;
  if (plugin.always_interactive && !interactive) {
    return fail(ErrorCode::kDenied,
                fmt::format("the credential plugin {} wants to ask a person, and stdin is no terminal",
                            plugin.command));
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(local::file_error(errno, "make a pipe"));
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  pid_t pid = 0;
  int error = spawn(plugin, exec_info(plugin, config, interactive), writer.get(), pid);
  if (error != 0) return fail(not_started(plugin, error));
  writer.reset();
  std::string output;
  steady_clock::time_point deadline = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  Reading reading = read_all(reader.get(), deadline, output);
  if (reading == Reading::kWhole && !ends_until(pid, deadline)) reading = Reading::kTooLate;
  if (reading != Reading::kWhole) ::kill(pid, SIGKILL);
  int wait_status = 0;
  while (::waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  if (reading == Reading::kTooLate) {
    return fail(ErrorCode::kTimeout, fmt::format("the credential plugin {} did not end within {}",
                                                 plugin.command, human_duration(timeout_ms)));
  }
  if (reading == Reading::kTooMuch)
    return fail(ErrorCode::kCorrupt,
                fmt::format("the credential plugin {} prints without end", plugin.command));
  if (wait_status != 0) {
    return fail(ErrorCode::kDenied, fmt::format("the credential plugin {} failed: {}", plugin.command,
                                                local::describe_exit(wait_status)));
  }
  return parse_exec_credential(output, plugin);
}

}  // namespace keyway::platform::kubernetes
