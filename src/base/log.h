// The program's log: one line an event, "2026-11-22T10:00:00.123Z INFO text key=value …". Until log_to_file
// or log_to_stream is called, lines go nowhere (a command talks to its user through its own output, not
// through a log). Any thread may log.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace keyway {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogFields = std::vector<std::pair<std::string_view, std::string>>;

enum class LogFormat {
  kText,
  kJson,  // {"time":"2026-11-22T10:00:00.123Z","level":"info","message":"text","key":"value",…}
};

// Appends what is not below `least` to `path`, which is kept below `max_size_bytes` by turning it to path.1
// (one older file is kept).
Status log_to_file(const std::string& path, size_t max_size_bytes = 8 << 20,
                   LogFormat format = LogFormat::kText, LogLevel least = LogLevel::kDebug);

// Writes what is not below `least` to the descriptor `fd`, which stays open. A reader that does not keep up
// loses lines: nobody who logs is held up.
void log_to_stream(int fd, LogFormat format, LogLevel least);

void log(LogLevel level, std::string_view text, const LogFields& fields = {});

inline void log_info(std::string_view text, const LogFields& fields = {}) {
  log(LogLevel::kInfo, text, fields);
}
inline void log_warning(std::string_view text, const LogFields& fields = {}) {
  log(LogLevel::kWarning, text, fields);
}
inline void log_error(std::string_view text, const LogFields& fields = {}) {
  log(LogLevel::kError, text, fields);
}

}  // namespace keyway
