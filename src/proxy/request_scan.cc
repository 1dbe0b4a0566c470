#include "proxy/request_scan.h"

#include <cctype>
#include <cstring>
#include <optional>

namespace keyway::proxy {

namespace {

constexpr size_t kMaxNumberBytes = 20;

RequestScan partial(size_t wanted_bytes = 0) {
  RequestScan scan;
  scan.wanted_bytes = wanted_bytes;
  return scan;
}

RequestScan broken(const char* problem) {
  RequestScan scan;
  scan.state = ScanState::kBroken;
  scan.problem = problem;
  return scan;
}

enum class Number { kRead, kPartial, kBad };

// Reads "123\r\n" at `at` and moves behind it.
Number read_number(std::string_view bytes, size_t& at, int64_t& value) {
  size_t i = at;
  bool negative = i < bytes.size() && bytes[i] == '-';
  if (negative) ++i;
  size_t digits_begin = i;
  int64_t number = 0;
  while (i < bytes.size() && bytes[i] >= '0' && bytes[i] <= '9') {
    if (i - digits_begin >= kMaxNumberBytes - 2) return Number::kBad;
    number = number * 10 + (bytes[i] - '0');
    ++i;
  }
  if (i + 1 >= bytes.size()) {
    bool may_go_on = i >= bytes.size() || bytes[i] == '\r';
    return may_go_on ? Number::kPartial : Number::kBad;
  }
  // Servers take no leading zeros; what they refuse must never reach a connection that others share.
  bool leading_zero = i > digits_begin + 1 && bytes[digits_begin] == '0';
  if (bytes[i] != '\r' || bytes[i + 1] != '\n' || i == digits_begin || leading_zero) return Number::kBad;
  value = negative ? -number : number;
  at = i + 2;
  return Number::kRead;
}

enum class Bulk { kRead, kPartial, kBroken };

// Reads "$3\r\nGET\r\n" at `at` and moves behind it; else `scan` says what is the matter.
Bulk read_bulk(std::string_view bytes, const RequestLimits& limits, size_t& at, std::string_view& argument,
               RequestScan& scan) {
  auto stop = [&scan](const RequestScan& why) {
    scan = why;
    return why.state == ScanState::kPartial ? Bulk::kPartial : Bulk::kBroken;
  };
  if (at >= bytes.size()) return stop(partial(at + 1));
  if (bytes[at] != '$') {
    RequestScan scan_stopped = broken("Protocol error: expected '$', got");
    scan_stopped.got = bytes[at];
    return stop(scan_stopped);
  }
  size_t begin = at + 1;
  int64_t size = 0;
  Number read = read_number(bytes, begin, size);
  if (read == Number::kPartial) return stop(partial());
  if (read == Number::kBad || size < 0 || size > static_cast<int64_t>(limits.max_bulk_bytes))
    return stop(broken("Protocol error: invalid bulk length"));
  auto size_bytes = static_cast<size_t>(size);
  if (bytes.size() < begin + size_bytes + 2) return stop(partial(begin + size_bytes + 2));
  argument = bytes.substr(begin, size_bytes);
  begin += size_bytes;
  if (bytes[begin] != '\r' || bytes[begin + 1] != '\n')
    return stop(broken("Protocol error: expected CRLF after a bulk"));
  at = begin + 2;
  return Bulk::kRead;
}

RequestScan scan_array(std::string_view bytes, const RequestLimits& limits, ScanProgress& progress,
                       std::vector<std::string_view>& arguments) {
  size_t at = 1;
  int64_t count = 0;
  Number read = read_number(bytes, at, count);
  if (read == Number::kPartial) return partial();
  if (read == Number::kBad || count > static_cast<int64_t>(limits.max_arguments))
    return broken("Protocol error: invalid multibulk length");
  RequestScan scan;
  std::string_view argument;
  bool resumed = progress.at > 0;
  size_t rest_at = resumed ? progress.at : at;
  int64_t missing = resumed ? progress.missing : count;
  for (; missing > 0; --missing) {
    Bulk bulk = read_bulk(bytes, limits, rest_at, argument, scan);
    if (bulk == Bulk::kPartial) progress = {rest_at, missing};
    if (bulk != Bulk::kRead) return scan;
    if (!resumed) arguments.push_back(argument);
  }
  for (int64_t i = 0; resumed && i < count; ++i) {
    read_bulk(bytes, limits, at, argument, scan);
    arguments.push_back(argument);
  }
  scan.state = ScanState::kWhole;
  scan.size_bytes = rest_at;
  return scan;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// What a backslash and the character after it stand for.
char unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// One quoted word, `at` behind its opening quote; moves behind the closing one. False: it is not closed, or
// something follows it directly.
bool read_quoted(std::string_view line, size_t& at, char quote, std::string& out) {
  while (at < line.size() && line[at] != quote) {
    char c = line[at];
    if (c == '\\' && quote == '"' && at + 3 < line.size() && line[at + 1] == 'x' &&
        hex_value(line[at + 2]) >= 0 && hex_value(line[at + 3]) >= 0) {
      out += static_cast<char>(hex_value(line[at + 2]) * 16 + hex_value(line[at + 3]));
      at += 4;
    } else if (c == '\\' && at + 1 < line.size() && (quote == '"' || line[at + 1] == '\'')) {
      out += quote == '"' ? unescape(line[at + 1]) : '\'';
      at += 2;
    } else {
      out += c;
      ++at;
    }
  }
  if (at >= line.size()) return false;
  ++at;
  return at == line.size() || std::isspace(static_cast<unsigned char>(line[at])) != 0;
}

// Unquoted words one after the other in `out`, their ends in `ends`.
bool split_words(std::string_view line, std::string& out, std::vector<size_t>& ends) {
  size_t at = 0;
  for (;;) {
    while (at < line.size() && std::isspace(static_cast<unsigned char>(line[at])) != 0) ++at;
    if (at >= line.size()) return true;
    while (at < line.size() && std::isspace(static_cast<unsigned char>(line[at])) == 0) {
      char c = line[at];
      ++at;
      if (c == '"' || c == '\'') {
        if (!read_quoted(line, at, c, out)) return false;
        break;
      }
      out += c;
    }
    ends.push_back(out.size());
  }
}

RequestScan scan_inline(std::string_view bytes, const RequestLimits& limits,
                        std::vector<std::string_view>& arguments, std::string& unquoted) {
  size_t end = bytes.find('\n');
  if (end == std::string_view::npos) {
    if (bytes.size() > limits.max_inline_bytes) return broken("Protocol error: too big inline request");
    return partial();
  }
  std::string_view line = bytes.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  unquoted.clear();
  std::vector<size_t> ends;
  if (!split_words(line, unquoted, ends)) return broken("Protocol error: unbalanced quotes in request");
  size_t begin = 0;
  for (size_t word_end : ends) {
    arguments.push_back(std::string_view(unquoted).substr(begin, word_end - begin));
    begin = word_end;
  }
  RequestScan scan;
  scan.state = ScanState::kWhole;
  scan.size_bytes = end + 1;
  scan.is_inline = true;
  return scan;
}

}  // namespace

RequestScan scan_request(std::string_view bytes, const RequestLimits& limits, ScanProgress& progress,
                         std::vector<std::string_view>& arguments, std::string& unquoted) {
  arguments.clear();
  if (bytes.empty()) return partial();
  if (bytes.front() == '*') return scan_array(bytes, limits, progress, arguments);
  return scan_inline(bytes, limits, arguments, unquoted);
}

}  // namespace keyway::proxy
