#include "resp/reply.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::resp {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr size_t kVerbatimPrefixBytes = 4;  // "txt:", "mkd:"
constexpr size_t kReservedElements =
    1024;  // an announced count is a claim; memory follows what has really come
constexpr size_t kKeptBufferBytes = 256 * 1024;  // an emptied buffer above this is given back

std::string quoted(std::string_view text) {
  constexpr size_t shown = 32;
  std::string out;
  for (char c : text.substr(0, shown)) {
    bool printable = c >= ' ' && c < 0x7f;
    out += printable ? std::string(1, c) : "\\x" + hex(std::string_view(&c, 1));
  }
  return fmt::format("'{}{}'", out, text.size() > shown ? "..." : "");
}

tl::unexpected<Error> corrupt(std::string what) { return fail(ErrorCode::kCorrupt, std::move(what)); }

Result<int64_t> integer_of(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  bool two_signs = digits.size() != text.size() && digits.starts_with('-');
  std::optional<int64_t> value = two_signs ? std::nullopt : parse_int(digits);
  if (!value) return corrupt(fmt::format("{} is not a 64-bit integer", quoted(text)));
  return *value;
}

Result<double> double_of(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  double value = 0;
  const char* end = digits.data() + digits.size();
  auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || stop != end || error != std::errc{}) {
    return corrupt(fmt::format("{} is not a floating point number", quoted(text)));
  }
  return value;
}

bool is_big_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The types that are told in one line.
Result<Reply> scalar_of(char type, std::string_view rest) {
  Reply reply;
  if (type == '+' || type == '-') {
    if (rest.find('\r') != std::string_view::npos) return corrupt("a line ends in a carriage return alone");
    reply.type = type == '+' ? ReplyType::kStatus : ReplyType::kError;
    reply.text = rest;
  } else if (type == ':') {
    Result<int64_t> value = integer_of(rest);
    if (!value) return fail(value.error());
    reply.type = ReplyType::kInteger;
    reply.integer = *value;
  } else if (type == ',') {
    Result<double> value = double_of(rest);
    if (!value) return fail(value.error());
    reply.type = ReplyType::kDouble;
    reply.number = *value;
  } else if (type == '#') {
    if (rest != "t" && rest != "f") return corrupt(fmt::format("{} is neither t nor f", quoted(rest)));
    reply.type = ReplyType::kBoolean;
    reply.integer = rest == "t" ? 1 : 0;
  } else if (type == '(') {
    if (!is_big_number(rest)) return corrupt(fmt::format("{} is not a big number", quoted(rest)));
    reply.type = ReplyType::kBigNumber;
    reply.text = rest;
  } else if (!rest.empty()) {
    return corrupt(fmt::format("a null is followed by {}", quoted(rest)));
  }
  return reply;
}

Result<Reply> bulk_of(char type, std::string_view bytes) {
  Reply reply;
  reply.type = type == '!' ? ReplyType::kError : ReplyType::kString;
  if (type == '=') {
    reply.type = ReplyType::kVerbatim;
    if (bytes.size() < kVerbatimPrefixBytes || bytes[kVerbatimPrefixBytes - 1] != ':') {
      return corrupt(fmt::format("the verbatim string {} names no format", quoted(bytes)));
    }
    bytes.remove_prefix(kVerbatimPrefixBytes);
  }
  reply.text = bytes;
  return reply;
}

ReplyType aggregate_type(char type) {
  switch (type) {
    case '%':
      return ReplyType::kMap;
    case '~':
      return ReplyType::kSet;
    case '>':
      return ReplyType::kPush;
    default:
      return ReplyType::kArray;
  }
}

}  // namespace

std::string_view Reply::error_code() const {
  if (!is_error()) return {};
  return std::string_view(text).substr(0, text.find(' '));
}

void ReplyParser::feed(std::string_view bytes) {
  if (broken_) return;
  if (read_ == buffer_.size() && buffer_.capacity() > kKeptBufferBytes) {
    std::string().swap(buffer_);
    read_ = 0;
  } else if (read_ > 0 && read_ >= buffer_.size() / 2) {
    // What moves is no longer than what was read, so moving costs at most one copy of each byte.
    buffer_.erase(0, read_);
    read_ = 0;
  }
  buffer_.append(bytes);
}

Result<std::optional<Reply>> ReplyParser::next() {
  if (broken_) return fail(*broken_);
  while (true) {
    Result<bool> advanced = expect_ == Expect::kBulk ? read_bulk() : read_line();
    if (!advanced) return fail(break_off(advanced.error()));
    if (!*advanced) return std::optional<Reply>();
    if (taken_bytes_ > limits_.max_reply_bytes) {
      Error cause{ErrorCode::kCorrupt,
                  fmt::format("it is longer than the {} bytes allowed", limits_.max_reply_bytes)};
      return fail(break_off(cause));
    }
    if (!whole_) continue;
    given_out_bytes_ += std::exchange(taken_bytes_, 0);
    elements_ = 0;
    return std::exchange(whole_, std::nullopt);
  }
}

Result<bool> ReplyParser::read_line() {
  std::string_view pending = std::string_view(buffer_).substr(read_);
  size_t end = pending.find('\n', searched_);
  size_t length = end == std::string_view::npos ? pending.size() : end;
  if (length > limits_.max_line_bytes) {
    return corrupt(fmt::format("a line is longer than the {} bytes allowed", limits_.max_line_bytes));
  }
  if (end == std::string_view::npos) {
    searched_ = pending.size();
    return false;
  }
  // A type, its text, "\r\n".
  if (end < 2 || pending[end - 1] != '\r') {
    return corrupt(fmt::format("the line {} does not end in CR LF", quoted(pending.substr(0, end))));
  }
  take(end + 1);
  Status started = start(pending[0], pending.substr(1, end - 2));
  if (!started) return fail(started.error());
  return true;
}

Result<bool> ReplyParser::read_bulk() {
  std::string_view pending = std::string_view(buffer_).substr(read_);
  size_t whole_bytes = bulk_bytes_ + kLineEnd.size();
  if (pending.size() < whole_bytes) return false;
  if (pending.substr(bulk_bytes_, kLineEnd.size()) != kLineEnd) {
    return corrupt(fmt::format("a string of {} bytes is not followed by CR LF", bulk_bytes_));
  }
  Result<Reply> value = bulk_of(bulk_type_, pending.substr(0, bulk_bytes_));
  if (!value) return fail(value.error());
  take(whole_bytes);
  expect_ = Expect::kLine;
  complete(std::move(*value));
  return true;
}

Status ReplyParser::start(char type, std::string_view rest) {
  switch (type) {
    case '$':
    case '!':
    case '=':
      return start_bulk(type, rest);
    case '*':
    case '%':
    case '~':
    case '>':
    case '|':
      return start_aggregate(type, rest);
    case '+':
    case '-':
    case ':':
    case ',':
    case '#':
    case '(':
    case '_': {
      Result<Reply> value = scalar_of(type, rest);
      if (!value) return fail(value.error());
      complete(std::move(*value));
      return {};
    }
    default:
      return corrupt(fmt::format("{} starts no reply; is this the port of a Redis or Valkey server?",
                                 quoted(std::string_view(&type, 1))));
  }
}

Status ReplyParser::start_bulk(char type, std::string_view rest) {
  Result<int64_t> length = integer_of(rest);
  if (!length) return fail(length.error());
  if (type == '$' && *length == -1) {
    complete(Reply{});
    return {};
  }
  if (*length < 0) return corrupt(fmt::format("a string has the length {}", *length));
  if (static_cast<uint64_t>(*length) > std::min(limits_.max_bulk_bytes, limits_.max_reply_bytes)) {
    return corrupt(fmt::format("a string of {} bytes is longer than the {} bytes allowed", *length,
                               std::min(limits_.max_bulk_bytes, limits_.max_reply_bytes)));
  }
  expect_ = Expect::kBulk;
  bulk_type_ = type;
  bulk_bytes_ = static_cast<size_t>(*length);
  return {};
}

Status ReplyParser::start_aggregate(char type, std::string_view rest) {
  Result<int64_t> count = integer_of(rest);
  if (!count) return fail(count.error());
  if (type == '*' && *count == -1) {
    complete(Reply{});
    return {};
  }
  if (*count < 0) return corrupt(fmt::format("an array has the length {}", *count));
  bool pairs = type == '%' || type == '|';
  auto announced = static_cast<uint64_t>(*count);
  uint64_t left = limits_.max_elements - elements_;
  if (announced > (pairs ? left / 2 : left)) {
    return corrupt(fmt::format("it has more than the {} elements allowed", limits_.max_elements));
  }
  size_t missing = static_cast<size_t>(pairs ? announced * 2 : announced);
  elements_ += missing;

  Open opened{Reply{}, missing, type == '|'};
  opened.reply.type = aggregate_type(type);
  if (missing == 0) {
    if (!opened.attribute) complete(std::move(opened.reply));
    return {};
  }
  if (open_.size() >= static_cast<size_t>(std::max(limits_.max_depth, 0))) {
    return corrupt(fmt::format("it is nested deeper than the {} levels allowed", limits_.max_depth));
  }
  if (!opened.attribute) opened.reply.elements.reserve(std::min(missing, kReservedElements));
  open_.push_back(std::move(opened));
  return {};
}

// A value is whole: it goes into the array around it, which may be whole by that, and so on outwards.
void ReplyParser::complete(Reply value) {
  while (!open_.empty()) {
    Open& around = open_.back();
    if (!around.attribute) around.reply.elements.push_back(std::move(value));
    if (--around.missing > 0) return;
    bool attribute = around.attribute;
    value = Reply(std::move(around.reply));
    open_.pop_back();
    if (attribute) return;  // what it describes comes next
  }
  whole_ = std::move(value);
}

void ReplyParser::take(size_t size_bytes) {
  read_ += size_bytes;
  taken_bytes_ += size_bytes;
  searched_ = 0;
}

// The place is that of the reply's piece which could not be read, give or take the line it is told in.
Error ReplyParser::break_off(const Error& cause) {
  broken_ =
      Error{cause.code, fmt::format("the server's reply cannot be read near byte {} of the connection: {}",
                                    given_out_bytes_ + taken_bytes_, cause.message)};
  std::string().swap(buffer_);
  open_.clear();
  read_ = 0;
  taken_bytes_ = 0;
  return *broken_;
}

}  // namespace keyway::resp
