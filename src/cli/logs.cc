// logs: the end of a log file, and what is added to it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/format.h"
#include "cli/clusters.h"
#include "cli/commands.h"
#include "platform/local/files.h"

namespace keyway::cli {

namespace local = platform::local;

namespace {

constexpr auto kPoll = std::chrono::milliseconds(200);
constexpr std::string_view kProxyLog = "proxy";
constexpr size_t kMaxTailBytes = size_t{64} << 20;

// The last `lines` lines of `text`.
std::string_view last_lines(std::string_view text, int lines) {
  size_t at = text.size();
  if (text.ends_with('\n')) --at;
  for (; lines > 0 && at != std::string_view::npos; --lines)
    at = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  if (at == std::string_view::npos) return text;
  return lines == 0 && at < text.size() ? text.substr(at + 1) : std::string_view{};
}

// Reads a log as it grows, also past the moment when it is put aside and begun anew.
class LogReader {
 public:
  LogReader(std::string path, int64_t offset_bytes) : path_(std::move(path)), offset_bytes_(offset_bytes) {
    reopen();
  }

  std::string read_more() {
    std::string text = read_rest();
    struct stat open_file{}, named_file{};
    bool moved = stat(path_.c_str(), &named_file) == 0 &&
                 (!file_ || (fstat(file_.get(), &open_file) == 0 && open_file.st_ino != named_file.st_ino));
    bool cut = file_ && fstat(file_.get(), &open_file) == 0 && open_file.st_size < offset_bytes_;
    if (!moved && !cut) return text;
    offset_bytes_ = 0;
    reopen();
    return text + read_rest();
  }

 private:
  void reopen() { file_ = local::Fd(open(path_.c_str(), O_RDONLY | O_CLOEXEC)); }

  std::string read_rest() {
    std::string text;
    char buffer[16384];
    ssize_t size = 0;
    while (file_ && (size = pread(file_.get(), buffer, sizeof buffer, offset_bytes_)) > 0) {
      text.append(buffer, static_cast<size_t>(size));
      offset_bytes_ += size;
      if (text.size() > kMaxTailBytes) break;
    }
    return text;
  }

  std::string path_;
  int64_t offset_bytes_;
  local::Fd file_;
};

// `logs WORD`: WORD is a cluster if there is one of that name, else a node of the only cluster.
LogsCommand settle_names(LogsCommand command, const std::string& home) {
  if (command.cluster.empty() && !command.node.empty()) {
    Result<local::ClusterEntry> named = find_cluster(home, command.node);
    if (named) std::swap(command.cluster, command.node);
  }
  return command;
}

}  // namespace

Outcome run(const LogsCommand& given, Context& context) {
  LogsCommand command = settle_names(given, context.home);
  Result<Chosen> cluster = choose_cluster(context.home, command.cluster);
  if (!cluster) return fail(cluster.error());
  std::string path = cluster->paths.supervisor_log();
  if (command.node == kProxyLog) {
    path = cluster->paths.proxy().log_file();
  } else if (!command.node.empty()) {
    if (Status known = check_node(*cluster, command.node); !known) return fail(known.error());
    path = cluster->paths.node(command.node).log_file();
  }
  int64_t size_bytes = local::file_size(path);
  std::string tail = local::read_tail(path, 0, kMaxTailBytes);
  if (!local::file_exists(path)) context.output.note(fmt::format("there is no log yet ({})", path));
  context.output.print(last_lines(tail, command.lines));
  if (!command.follow) return kExitDone;
  LogReader reader(path, size_bytes);
  while (true) {  // until Ctrl-C ends the program
    context.output.print(reader.read_more());
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace keyway::cli
