#include "base/log.h"

#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <memory>
#include <mutex>

#include "base/bounded_file.h"
#include "base/format.h"
#include "base/json_quote.h"
#include "base/strings.h"

namespace keyway {

namespace {

constexpr size_t kMaxLineBytes = 16 * 1024;
constexpr std::string_view kCut = "...";
// A pipe that can be written takes so much without waiting (PIPE_BUF); the rest is for the time.
constexpr size_t kMaxStreamLineBytes = 4096 - 64;
constexpr size_t kMaxJsonTextBytes = 400;  // of one text or value; escaped it may be six times as long

// A file of our own. spdlog's rotating file leaves it readable to others and inherited by servers, and writes
// through a null pointer once reopening has failed.
class OwnFile final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  OwnFile(const std::string& path, size_t max_size_bytes) : file_(path, max_size_bytes) {}

  int open() { return file_.open(); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    file_.append(std::string_view(line.data(), line.size()));
  }

  void flush_() override {}

  BoundedFile file_;
};

// Somebody else's descriptor, such as standard error.
class Stream final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Stream(int fd) : fd_(fd) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    pollfd writable{fd_, POLLOUT, 0};
    if (poll(&writable, 1, 0) != 1) return;
    [[maybe_unused]] ssize_t written = ::write(fd_, line.data(), line.size());
  }

  void flush_() override {}

  const int fd_;
};

// Lives until the process ends, and is never destroyed: a thread may log while others already leave main().
struct Log {
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger;
  LogFormat format = LogFormat::kText;
  LogLevel least = LogLevel::kDebug;
  size_t max_line_bytes = kMaxLineBytes;
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

std::string json_pair(std::string_view key, std::string_view value) {
  return json_quote(key) + ':' + json_quote(value.substr(0, kMaxJsonTextBytes));
}

// All but the time. Fields for which there is no room are left out, so that it stays JSON.
std::string json_of(LogLevel level, std::string_view text, const LogFields& fields) {
  std::string line = json_pair("level", to_lower(name_of(level))) + ',' + json_pair("message", text);
  for (const auto& [key, value] : fields) {
    std::string pair = json_pair(key, value);
    if (line.size() + pair.size() + 1 < kMaxStreamLineBytes) line += ',' + pair;
  }
  return line;
}

std::string line_of(LogLevel level, std::string_view text, const LogFields& fields, size_t max_line_bytes) {
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
  if (line.size() <= max_line_bytes) return line;
  line.resize(max_line_bytes - kCut.size());
  line += kCut;
  return line;
}

constexpr std::string_view kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %v";
constexpr std::string_view kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})";

std::string_view pattern_of(LogFormat format) {
  return format == LogFormat::kJson ? kJsonPattern : kTextPattern;
}

std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink, std::string_view pattern) {
  auto logger = std::make_shared<spdlog::logger>("keyway", std::move(sink));
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(std::string(pattern),
                                                                    spdlog::pattern_time_type::utc, "\n"));
  logger->set_level(spdlog::level::trace);
  // What fails here has nowhere to be told; spdlog would write to the user's terminal.
  logger->set_error_handler([](const std::string&) {});
  return logger;
}

}  // namespace

Status log_to_file(const std::string& path, size_t max_size_bytes, LogFormat format, LogLevel least) {
  auto file = std::make_shared<OwnFile>(path, max_size_bytes);
  if (int error_number = file->open(); error_number != 0) {
    ErrorCode code =
        error_number == EACCES || error_number == EPERM ? ErrorCode::kDenied : ErrorCode::kInternal;
    return fail(code, fmt::format("cannot open the log file {}: {}; check the folder and its permissions",
                                  path, errno_text(error_number)));
  }
  std::shared_ptr<spdlog::logger> logger = make_logger(std::move(file), pattern_of(format));
  Log& log = the_log();
  std::lock_guard<std::mutex> lock(log.mutex);
  log.logger = std::move(logger);
  log.format = format;
  log.least = least;
  log.max_line_bytes = kMaxLineBytes;
  return {};
}

void log_to_stream(int fd, LogFormat format, LogLevel least) {
  std::shared_ptr<spdlog::logger> logger = make_logger(std::make_shared<Stream>(fd), pattern_of(format));
  Log& log = the_log();
  std::lock_guard<std::mutex> lock(log.mutex);
  log.logger = std::move(logger);
  log.format = format;
  log.least = least;
  log.max_line_bytes = kMaxStreamLineBytes;
}

void log(LogLevel level, std::string_view text, const LogFields& fields) {
  Log& log = the_log();
  std::shared_ptr<spdlog::logger> logger;
  LogFormat format = LogFormat::kText;
  size_t max_line_bytes = 0;
  {
    std::lock_guard<std::mutex> lock(log.mutex);
    if (level < log.least) return;
    logger = log.logger;
    format = log.format;
    max_line_bytes = log.max_line_bytes;
  }
  if (!logger) return;
  std::string line = format == LogFormat::kJson ? json_of(level, text, fields)
                                                : line_of(level, text, fields, max_line_bytes);
  logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace keyway
