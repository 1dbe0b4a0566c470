#include "proxy/reply_scan.h"

#include <algorithm>
#include <cstring>

namespace keyway::proxy {

namespace {

constexpr uint64_t kMaxElements = uint64_t{1} << 32;
constexpr uint64_t kMaxBulkBytes = uint64_t{1} << 40;

// A length such as "12"; -1 for "-1"; -2 if it is none.
int64_t read_length(std::string_view text) {
  if (text == "-1") return -1;
  if (text.empty() || text.size() > 13) return -2;
  int64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return -2;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

// One line without its end. False: that is no protocol.
bool ReplyScanner::take_line(std::string_view line) {
  if (line.empty()) return false;
  char type = line.front();
  switch (type) {
    case '+':
    case '-':
    case ':':
    case ',':
    case '#':
    case '(':
    case '_':
      --missing_;
      return true;
    case '$':
    case '=':
    case '!': {
      int64_t length = read_length(line.substr(1));
      if (length < -1 || length > static_cast<int64_t>(kMaxBulkBytes)) return false;
      --missing_;
      skip_bytes_ = length < 0 ? 0 : static_cast<uint64_t>(length) + 2;
      return true;
    }
    case '*':
    case '~':
    case '>':
    case '%':
    case '|': {
      int64_t length = read_length(line.substr(1));
      if (length < -1 || length > static_cast<int64_t>(kMaxElements)) return false;
      uint64_t elements = length < 0 ? 0 : static_cast<uint64_t>(length);
      if (type == '%' || type == '|') elements *= 2;
      // An attribute stands before a value and is none itself.
      if (type != '|') --missing_;
      missing_ += elements;
      return missing_ <= 2 * kMaxElements;
    }
    default:
      return false;
  }
}

template <bool stop_at_errors>
ReplyScanner::Step ReplyScanner::scan_on(std::string_view bytes) {
  size_t at = 0;
  while (missing_ > 0 || skip_bytes_ > 0) {
    if (skip_bytes_ > 0) {
      size_t skipped = std::min<size_t>(skip_bytes_, bytes.size() - at);
      skip_bytes_ -= skipped;
      at += skipped;
      if (skip_bytes_ > 0) return {State::kMore, at};
      continue;
    }
    const void* found = at < bytes.size() ? std::memchr(bytes.data() + at, '\r', bytes.size() - at) : nullptr;
    size_t end =
        found == nullptr ? bytes.size() : static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    if (end + 1 >= bytes.size()) {
      bool too_long = bytes.size() - at > kMaxLineBytes;
      return {too_long ? State::kBroken : State::kMore, at};
    }
    bool error_line = stop_at_errors && bytes[at] == '-';
    if (error_line && at > 0) return {State::kMore, at};
    if (bytes[end + 1] != '\n' || !take_line(bytes.substr(at, end - at))) return {State::kBroken, at};
    begun_ = true;
    at = end + 2;
    if (error_line && missing_ > 0) return {State::kMore, at, true};
    if (error_line) {
      missing_ = 1;
      begun_ = false;
      return {State::kWhole, at, true};
    }
  }
  missing_ = 1;
  begun_ = false;
  return {State::kWhole, at};
}

template ReplyScanner::Step ReplyScanner::scan_on<false>(std::string_view);
template ReplyScanner::Step ReplyScanner::scan_on<true>(std::string_view);

}  // namespace keyway::proxy
