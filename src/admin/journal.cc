#include "admin/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::admin {

namespace {

constexpr std::string_view kFirstLine = "keyway moves 1";
constexpr size_t kMaxBytes = size_t{16} << 20;  // 16,384 slots, each on its own, are a tenth of that
constexpr mode_t kOwnerOnly = 0600;

// FNV-1a, 64 bits: the same on every machine and in every version.
uint64_t fingerprint(std::string_view text) {
  uint64_t hash = 14695981039346656037ULL;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

Error file_error(int error_number, std::string_view what) {
  ErrorCode code = ErrorCode::kInternal;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EMFILE)
    code = ErrorCode::kExhausted;
  if (error_number == EACCES || error_number == EPERM || error_number == EROFS) code = ErrorCode::kDenied;
  return {code, fmt::format("cannot {}: {}", what, errno_text(error_number))};
}

Status make_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(file_error(error.value(), "make the folder " + folder));
  return {};
}

Status sync_folder(const std::string& folder) {
  int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail(file_error(errno, "open the folder " + folder));
  int failed = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  if (failed != 0) return fail(file_error(failed, "sync the folder " + folder));
  return {};
}

// Writes all of it to the disk; gives errno, or 0.
int write_file(const std::string& path, std::string_view text) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly);
  if (fd < 0) return errno;
  int failed = 0;
  while (!text.empty() && failed == 0) {
    ssize_t written = write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      failed = errno;
    }
  }
  if (failed == 0 && fsync(fd) != 0) failed = errno;
  if (close(fd) != 0 && failed == 0) failed = errno;
  return failed;
}

std::string render(const std::vector<cluster::SlotMove>& moves) {
  std::string text = fmt::format("{}\n", kFirstLine);
  for (const cluster::SlotMove& move : moves)
    text += fmt::format("{} {} {}\n", move.from, move.to, cluster::to_string(move.slots));
  return text + fmt::format("end {}\n", moves.size());
}

std::optional<std::vector<cluster::SlotMove>> parse(std::string_view text) {
  std::vector<std::string_view> lines = split(text, '\n');
  if (lines.size() < 3 || lines.front() != kFirstLine || !lines.back().empty()) return std::nullopt;
  std::vector<cluster::SlotMove> moves;
  for (size_t i = 1; i + 2 < lines.size(); ++i) {
    std::vector<std::string_view> words = split_blanks(lines[i]);
    if (words.size() < 3) return std::nullopt;
    auto slots = cluster::parse_slots(lines[i].substr(words[0].size() + words[1].size() + 2));
    if (!slots) return std::nullopt;
    moves.push_back({std::string(words[0]), std::string(words[1]), *std::move(slots)});
  }
  if (lines[lines.size() - 2] != fmt::format("end {}", moves.size())) return std::nullopt;
  return moves;
}

}  // namespace

MoveJournal::MoveJournal(const std::string& folder, std::string_view name, std::string_view words) {
  if (!folder.empty()) path_ = fmt::format("{}/{}-{:016x}.moves", folder, name, fingerprint(words));
}

Result<std::optional<std::vector<cluster::SlotMove>>> MoveJournal::read() const {
  std::optional<std::vector<cluster::SlotMove>> none;
  if (path_.empty() || access(path_.c_str(), F_OK) != 0) return none;
  std::ifstream file(path_, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) return fail(file_error(EACCES, "read " + path_));
  auto moves = text.size() > kMaxBytes ? none : parse(text);
  if (!moves) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{} holds the plan of an interrupted command and cannot be read; remove it, and "
                            "mend the slots that are open with fix",
                            path_));
  }
  return moves;
}

Status MoveJournal::write(const std::vector<cluster::SlotMove>& moves) const {
  if (path_.empty()) return {};
  std::string folder = std::filesystem::path(path_).parent_path();
  if (Status made = make_folder(folder); !made) return made;
  std::string fresh = path_ + ".new";
  if (int failed = write_file(fresh, render(moves)); failed != 0)
    return fail(file_error(failed, "write " + fresh));
  if (std::rename(fresh.c_str(), path_.c_str()) != 0) return fail(file_error(errno, "write " + path_));
  return sync_folder(folder);
}

void MoveJournal::remove() const {
  if (!path_.empty()) unlink(path_.c_str());
}

std::string MoveJournal::put_aside() const {
  std::string aside = path_ + ".old";
  return std::rename(path_.c_str(), aside.c_str()) == 0 ? aside : path_;
}

Result<ClusterLock> ClusterLock::take(const std::string& folder, std::string_view name) {
  if (Status made = make_folder(folder); !made) return fail(made.error());
  std::string path = fmt::format("{}/{}.lock", folder, name);
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly);
  if (fd < 0) return fail(file_error(errno, "open " + path));
  ClusterLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(file_error(errno, "lock " + path));
    std::string holder(20, '\0');
    ssize_t size = pread(fd, holder.data(), holder.size(), 0);
    holder.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return fail(ErrorCode::kConflict,
                fmt::format("another process{} moves slots of this cluster at the moment; wait for it, or "
                            "stop it and run this again",
                            holder.empty() ? "" : fmt::format(" ({})", trim(holder))));
  }
  std::string pid = fmt::format("{}\n", getpid());
  // For the message above: who cannot write it is not named.
  bool named = ftruncate(fd, 0) == 0 && pwrite(fd, pid.data(), pid.size(), 0) > 0;
  static_cast<void>(named);
  return lock;
}

ClusterLock::ClusterLock(ClusterLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

ClusterLock& ClusterLock::operator=(ClusterLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

ClusterLock::~ClusterLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace keyway::admin
