#include "platform/local/server_log.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace keyway::platform::local {

namespace {

// In lower case.
constexpr std::string_view kReady = "ready to accept connections";
constexpr size_t kMaxReasonBytes = 300;

// The servers' words for data that cannot be loaded; they end after them.
constexpr std::array<std::string_view, 12> kUnloadable = {
    "wrong signature trying to load db",
    "can't handle rdb format version",
    "short read or oom loading db",
    "wrong rdb checksum",
    "internal error in rdb reading",
    "unexpected eof reading rdb file",
    "fatal error loading the db",
    "bad file format reading the append only file",
    "unexpected end of file reading the append only file",
    "unrecoverable error reading the append only file",
    "fatal aof manifest file error",
    "unable to obtain the aof file",
};

// Words for causes that lie outside the data, though the data may not be loaded for them.
constexpr std::array<std::string_view, 14> kReasons = {
    "address already in use",
    "no space left on device",
    "permission denied",
    "cannot assign requested address",
    "fatal config file error",
    "because of acl errors",
    "out of memory",
    "can't open the append only file",
    "can't open the log file",
    "can't chdir",
    "server aborting",
    "crashed by signal",
    "unable to lock the cluster config file",
    "already used by a different",
};

bool has_any(std::string_view line, const auto& words) {
  std::string lower = to_lower(line);
  return std::any_of(words.begin(), words.end(),
                     [&lower](std::string_view word) { return lower.find(word) != std::string::npos; });
}

}  // namespace

std::string_view strip_prefix(std::string_view line) {
  size_t colon = line.find(':');
  bool dated = colon != std::string_view::npos && colon > 0 && parse_int(line.substr(0, colon)).has_value();
  size_t sign = dated ? line.find_first_of("#*-.", line.find('.') + 1) : std::string_view::npos;
  bool found = sign != std::string_view::npos && sign > 0 && line[sign - 1] == ' ' && sign + 1 < line.size();
  return trim(found ? line.substr(sign + 1) : line);
}

LogVerdict read_verdict(std::string_view log) {
  LogVerdict verdict;
  std::string_view cause;
  for (std::string_view line : split(log, '\n')) {
    if (has_any(line, std::array{kReady})) {
      verdict = LogVerdict{true, false, ""};
      cause = {};
      continue;
    }
    bool outside = has_any(line, kReasons);
    bool unloadable = !outside && has_any(line, kUnloadable);
    // While it starts, the first cause counts, for what comes after it is its consequence. Later on, the last
    // one does.
    if (!(outside || unloadable) || (!cause.empty() && !verdict.answered)) continue;
    cause = strip_prefix(line);
    verdict.unloadable = unloadable && !verdict.answered;
  }
  verdict.reason = std::string(cause.substr(0, kMaxReasonBytes));
  return verdict;
}

}  // namespace keyway::platform::local
