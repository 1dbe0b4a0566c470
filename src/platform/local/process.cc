#include "platform/local/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// glibc 2.36 declares these without C linkage.
extern "C" {
#include <sys/pidfd.h>
}

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::platform::local {

namespace {

constexpr size_t kMaxOutputBytes = 64 * 1024;
constexpr size_t kMaxProcBytes = 64 * 1024;

const std::string& boot_id() {
  static const std::string id = [] {
    Result<std::string> text = read_file("/proc/sys/kernel/random/boot_id", 256);
    return text ? std::string(trim(*text)) : std::string();
  }();
  return id;
}

std::string link_target(const std::string& path) {
  std::array<char, 4096> target{};
  ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<size_t>(length)) : std::string();
}

// The current environment without what is nobody else's business.
std::vector<char*> clean_environment() {
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    if (!text.starts_with("REDISCLI_AUTH=") && !text.starts_with("VALKEYCLI_AUTH=")) kept.push_back(*entry);
  }
  kept.push_back(nullptr);
  return kept;
}

// posix_spawn's two descriptions of the child, freed together.
struct SpawnPlan {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};

  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

void describe_child(const Launch& launch, int output_fd, SpawnPlan& plan) {
  ::posix_spawn_file_actions_addopen(&plan.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&plan.actions, output_fd, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&plan.actions, output_fd, STDERR_FILENO);
  ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, STDERR_FILENO + 1);
  if (!launch.folder.empty()) ::posix_spawn_file_actions_addchdir_np(&plan.actions, launch.folder.c_str());

  sigset_t all;
  sigset_t none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  ::posix_spawnattr_setsigmask(&plan.attributes, &none);
  ::posix_spawnattr_setflags(&plan.attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

// The child's pid, or the error. `output_fd` becomes its stdout and stderr.
Result<int> spawn(const Launch& launch, int output_fd) {
  SpawnPlan plan;
  describe_child(launch, output_fd, plan);
  std::vector<std::string> words = launch.arguments;
  words.insert(words.begin(), launch.program);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<char*> environment = clean_environment();
  // The child inherits it; all that this program itself makes has its mode set explicitly.
  mode_t mask_before = ::umask(077);
  pid_t pid = 0;
  int error_number = ::posix_spawn(&pid, launch.program.c_str(), &plan.actions, &plan.attributes, argv.data(),
                                   environment.data());
  ::umask(mask_before);
  if (error_number == 0) return pid;
  if (error_number == EAGAIN || error_number == ENOMEM) {
    return fail(ErrorCode::kExhausted,
                fmt::format("cannot start {}: {}; too many processes or too little memory (ulimit -u)",
                            launch.program, errno_text(error_number)));
  }
  return fail(file_error(error_number, fmt::format("start {}", launch.program)));
}

struct ProcStat {
  char state = '?';
  int session = 0;
  uint64_t start_ticks = 0;
};

std::optional<ProcStat> read_stat(int pid) {
  Result<std::string> text = read_file(fmt::format("/proc/{}/stat", pid), kMaxProcBytes);
  if (!text) return std::nullopt;
  size_t name_end = text->rfind(')');  // the name may hold blanks and brackets itself
  if (name_end == std::string::npos) return std::nullopt;
  std::vector<std::string_view> fields = split_blanks(std::string_view(*text).substr(name_end + 1));
  if (fields.size() < 20) return std::nullopt;  // fields[0] is field 3 of proc(5)
  ProcStat stat;
  stat.state = fields[0].front();
  stat.session = static_cast<int>(parse_int(fields[3]).value_or(0));
  stat.start_ticks = parse_uint(fields[19]).value_or(0);
  return stat;
}

bool ended(const ProcStat& stat) { return stat.state == 'Z' || stat.state == 'X'; }

int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

// Reads until the writers are gone or `deadline_ms`; true if they are gone. What is above the limit is read
// and dropped.
bool read_until_closed(int fd, int64_t deadline_ms, std::string& output) {
  std::array<char, 4096> block{};
  for (;;) {
    int64_t left_ms = deadline_ms - now_ms();
    if (left_ms <= 0) return false;
    pollfd entry{fd, POLLIN, 0};
    if (::poll(&entry, 1, static_cast<int>(left_ms)) <= 0) continue;
    ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    output.append(block.data(), std::min(static_cast<size_t>(got), kMaxOutputBytes - output.size()));
  }
}

// Calls visit(target) with what each descriptor of the process leads to.
template <typename Visit>
void for_each_descriptor(int pid, Visit visit) {
  std::string folder = fmt::format("/proc/{}/fd", pid);
  std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir(folder.c_str()), ::closedir);
  while (dirent* entry = list ? ::readdir(list.get()) : nullptr)
    visit(link_target(folder + "/" + entry->d_name));
}

}  // namespace

std::optional<ProcessIdentity> identify(int pid) {
  if (pid <= 0) return std::nullopt;
  std::optional<ProcStat> stat = read_stat(pid);
  if (!stat || ended(*stat)) return std::nullopt;
  return ProcessIdentity{pid, stat->start_ticks, boot_id()};
}

bool is_alive(const ProcessIdentity& process) {
  if (process.empty()) return false;
  std::optional<ProcessIdentity> now = identify(process.pid);
  return now && *now == process;
}

Result<Fd> open_process(const ProcessIdentity& process) {
  Fd fd(process.empty() || process.boot_id != boot_id() ? -1 : ::pidfd_open(process.pid, 0));
  if (!fd && (errno == EMFILE || errno == ENFILE)) {
    return fail(file_error(errno, fmt::format("watch process {}", process.pid)));
  }
  std::optional<ProcStat> stat = fd ? read_stat(process.pid) : std::nullopt;
  if (!stat || stat->start_ticks != process.start_ticks) {
    return fail(ErrorCode::kNotFound, fmt::format("process {} has ended", process.pid));
  }
  return fd;
}

Status send_signal(const ProcessIdentity& process, int signal_number) {
  Result<Fd> fd = open_process(process);
  if (!fd) return fail(fd.error());
  if (::pidfd_send_signal(fd->get(), signal_number, nullptr, 0) == 0) return {};
  if (errno == ESRCH) return fail(ErrorCode::kNotFound, fmt::format("process {} has ended", process.pid));
  return fail(file_error(errno, fmt::format("send signal {} to process {}", signal_number, process.pid)));
}

Result<ProcessIdentity> launch(const Launch& launch) {
  Fd output(::open(launch.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!output) return fail(file_error(errno, fmt::format("write {}", launch.output_file)));
  Result<int> pid = spawn(launch, output.get());
  if (!pid) return fail(pid.error());
  // Not reaped yet, so its entry exists even if it has ended already.
  std::optional<ProcStat> stat = read_stat(*pid);
  return ProcessIdentity{*pid, stat ? stat->start_ticks : 0, boot_id()};
}

std::string describe_exit(int wait_status) {
  if (WIFEXITED(wait_status)) return fmt::format("exit code {}", WEXITSTATUS(wait_status));
  if (WIFSIGNALED(wait_status)) {
    int number = WTERMSIG(wait_status);
    const char* text = ::sigdescr_np(number);
    return fmt::format("killed by signal {} ({})", number, text != nullptr ? text : "unknown");
  }
  return fmt::format("wait status {}", wait_status);
}

Result<ShortRun> run_briefly(const Launch& launch, int64_t timeout_ms) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(file_error(errno, "make a pipe"));
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  Result<int> pid = spawn(launch, writer.get());
  if (!pid) return fail(pid.error());
  writer.reset();
  ShortRun run;
  bool in_time = read_until_closed(reader.get(), now_ms() + timeout_ms, run.output);
  if (!in_time) ::kill(*pid, SIGKILL);
  while (::waitpid(*pid, &run.wait_status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) {
    return fail(ErrorCode::kTimeout,
                fmt::format("{} did not end within {}", launch.program, human_duration(timeout_ms)));
  }
  return run;
}

std::string folder_of(int pid) { return link_target(fmt::format("/proc/{}/cwd", pid)); }

std::string program_of(int pid) { return link_target(fmt::format("/proc/{}/exe", pid)); }

std::string name_of(int pid) {
  Result<std::string> text = read_file(fmt::format("/proc/{}/comm", pid), 256);
  return text ? std::string(trim(*text)) : std::string();
}

std::string own_program() {
  std::string path = program_of(::getpid());
  return ::access(path.c_str(), X_OK) == 0 ? path : "/proc/self/exe";
}

std::vector<std::string> words_of(int pid) {
  Result<std::string> text = read_file(fmt::format("/proc/{}/cmdline", pid), kMaxProcBytes);
  if (!text || text->empty()) return {};
  if (text->back() == '\0') text->pop_back();
  std::vector<std::string> words;
  for (std::string_view word : split(*text, '\0')) words.emplace_back(word);
  return words;
}

bool leads_session(int pid) {
  std::optional<ProcStat> stat = read_stat(pid);
  return stat && stat->session == pid;
}

std::vector<int> all_pids() {
  std::vector<int> pids;
  std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir("/proc"), ::closedir);
  if (!list) return pids;
  while (dirent* entry = ::readdir(list.get())) {
    if (std::optional<int64_t> pid = parse_int(entry->d_name)) pids.push_back(static_cast<int>(*pid));
  }
  return pids;
}

int find_socket_owner(uint64_t inode) {
  std::string wanted = fmt::format("socket:[{}]", inode);
  for (int pid : all_pids()) {
    bool found = false;
    for_each_descriptor(pid, [&](std::string_view target) { found = found || target == wanted; });
    if (found) return pid;
  }
  return 0;
}

std::set<uint64_t> sockets_of(int pid) {
  constexpr std::string_view kSocket = "socket:[";
  std::set<uint64_t> inodes;
  for_each_descriptor(pid, [&](std::string_view target) {
    if (!target.starts_with(kSocket) || !target.ends_with(']')) return;
    target.remove_prefix(kSocket.size());
    target.remove_suffix(1);
    if (std::optional<uint64_t> inode = parse_uint(target)) inodes.insert(*inode);
  });
  return inodes;
}

}  // namespace keyway::platform::local
