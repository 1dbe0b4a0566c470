#include "base/log.h"

#include <fcntl.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <mutex>

#include "base/format.h"
#include "base/strings.h"

namespace keyway {

namespace {

constexpr size_t kMaxLineBytes = 16 * 1024;
constexpr std::string_view kCut = "...";

// A file that only its owner may read, that no server started from here inherits, and that never outgrows its
// limit. spdlog's own rotating file is none of the three, and writes through a null pointer once reopening
// has failed.
class BoundedFile final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  BoundedFile(std::string path, size_t max_size_bytes)
      : path_(std::move(path)), max_size_bytes_(max_size_bytes) {}
  ~BoundedFile() override { close_file(); }
  BoundedFile(const BoundedFile&) = delete;
  BoundedFile& operator=(const BoundedFile&) = delete;

  // 0, or the errno of what failed. Called again at each line for as long as it fails.
  int open_file() {
    int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (file < 0) return errno;
    struct stat about{};
    int error_number = ::fstat(file, &about) != 0 ? errno : 0;
    if (error_number == 0 && !S_ISREG(about.st_mode)) error_number = EINVAL;  // a device keeps its mode
    if (error_number == 0 && ::fchmod(file, 0600) != 0) error_number = errno;
    if (error_number != 0) {
      ::close(file);
      return error_number;
    }
    file_ = file;
    size_bytes_ = static_cast<size_t>(about.st_size);
    return 0;
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (file_ >= 0 && size_bytes_ > 0 && size_bytes_ + line.size() > max_size_bytes_) turn();
    if (file_ < 0 && open_file() != 0) return;
    // One call a line: lines of two processes that share the file do not mix. A full disk loses lines, never
    // the program.
    ssize_t written = 0;
    do {
      written = ::write(file_, line.data(), line.size());
    } while (written < 0 && errno == EINTR);
    if (written > 0) size_bytes_ += static_cast<size_t>(written);
  }

  void flush_() override {}

  void turn() {
    std::string older = path_ + ".1";
    if (std::rename(path_.c_str(), older.c_str()) == 0) {
      close_file();
    } else if (::ftruncate(file_, 0) == 0) {
      size_bytes_ = 0;  // the bound holds even where the folder cannot be written
    }
  }

  void close_file() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
    size_bytes_ = 0;
  }

  const std::string path_;
  const size_t max_size_bytes_;
  int file_ = -1;
  size_t size_bytes_ = 0;
};

// Lives until the process ends, and is never destroyed: a thread may log while others already leave main().
struct Log {
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger;
};

Log& the_log() {
  static Log& instance = *new Log();
  return instance;
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

bool is_control(char c) { return (c >= 0 && c < ' ') || c == 0x7f; }

// An event stays one line, whatever a server has put into its message.
void append_escaped(std::string& line, std::string_view text, bool inside_quotes) {
  for (char c : text) {
    if (line.size() > kMaxLineBytes) return;
    if (inside_quotes && (c == '"' || c == '\\')) {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (is_control(c)) {
      line += "\\x" + hex(std::string_view(&c, 1));
    } else {
      line += c;
    }
  }
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (char c : value) {
    if (c == ' ' || c == '"' || c == '=' || c == '\\' || is_control(c)) return true;
  }
  return false;
}

std::string line_of(LogLevel level, std::string_view text, const LogFields& fields) {
  std::string line(name_of(level));
  line += ' ';
  append_escaped(line, text, false);
  for (const auto& [key, value] : fields) {
    line += ' ';
    append_escaped(line, key, false);
    line += '=';
    bool quote = needs_quotes(value);
    if (quote) line += '"';
    append_escaped(line, value, quote);
    if (quote) line += '"';
  }
  if (line.size() <= kMaxLineBytes) return line;
  line.resize(kMaxLineBytes - kCut.size());
  line += kCut;
  return line;
}

}  // namespace

Status log_to_file(const std::string& path, size_t max_size_bytes) {
  auto file = std::make_shared<BoundedFile>(path, max_size_bytes);
  if (int error_number = file->open_file(); error_number != 0) {
    ErrorCode code =
        error_number == EACCES || error_number == EPERM ? ErrorCode::kDenied : ErrorCode::kInternal;
    return fail(code, fmt::format("cannot open the log file {}: {}; check the folder and its permissions",
                                  path, errno_text(error_number)));
  }
  auto logger = std::make_shared<spdlog::logger>("keyway", std::move(file));
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %v",
                                                                    spdlog::pattern_time_type::utc, "\n"));
  logger->set_level(spdlog::level::trace);
  // What fails here has nowhere to be told; spdlog would write to the user's terminal.
  logger->set_error_handler([](const std::string&) {});

  Log& log = the_log();
  std::lock_guard<std::mutex> lock(log.mutex);
  log.logger = std::move(logger);
  return {};
}

void log(LogLevel level, std::string_view text, const LogFields& fields) {
  Log& log = the_log();
  std::shared_ptr<spdlog::logger> logger;
  {
    std::lock_guard<std::mutex> lock(log.mutex);
    logger = log.logger;
  }
  if (!logger) return;
  std::string line = line_of(level, text, fields);
  logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace keyway
