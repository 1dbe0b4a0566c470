#include "rdb/walker.h"

#include <limits>

#include "base/format.h"
#include "base/strings.h"
#include "rdb/crc64.h"
#include "rdb/text.h"

namespace keyway::rdb {

namespace {

constexpr size_t kMaxShownKeyBytes = 80;
constexpr uint64_t kMaxDatabase = 1'000'000;

uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

// Keys are any bytes; a message is for people.
std::string shown(std::string_view key) {
  std::string text;
  for (char c : key.substr(0, kMaxShownKeyBytes)) text += c >= ' ' && c <= '~' ? c : '?';
  return key.size() > kMaxShownKeyBytes ? text + "…" : text;
}

}  // namespace

void Walker::feed(std::string_view bytes) {
  if (read_ > 0) {
    buffer_.erase(0, read_);
    offset_ += read_;
    read_ = 0;
  }
  buffer_ += bytes;
}

Result<std::optional<Entry>> Walker::next() {
  std::optional<Entry> entry;
  while (!broken_ && !entry) {
    Result<bool> stepped = step(entry);
    if (!stepped) {
      broken_ = located(stepped.error());
    } else if (!*stepped) {
      return std::optional<Entry>{};
    }
  }
  if (broken_) return fail(*broken_);
  return entry;
}

// True: it went on. False: more bytes are needed.
Result<bool> Walker::step(std::optional<Entry>& entry) {
  switch (stage_) {
    case Stage::kHeader:
      return take_header();
    case Stage::kEntry:
      return begin_entry();
    case Stage::kKeyName:
      return take_key();
    case Stage::kValue:
      return take_value(entry);
    case Stage::kOpcode:
      return take_opcode(entry);
    case Stage::kDone:
      break;
  }
  if (!rest().empty()) return fail(ErrorCode::kCorrupt, "there is something after the end");
  return false;
}

Status Walker::finish() const {
  if (broken_) return fail(*broken_);
  if (stage_ == Stage::kDone) return {};
  uint64_t size_bytes = offset_ + buffer_.size();
  if (size_bytes == 0) return fail(ErrorCode::kCorrupt, "it is empty");
  return fail(ErrorCode::kCorrupt, fmt::format("it ends in the middle, after {} bytes with {}: it is cut off",
                                               size_bytes, count_of(keys_, "whole key")));
}

Error Walker::located(const Error& cause) const {
  std::string where = pending_.key.empty() ? "" : fmt::format(", at the key {}", shown(pending_.key));
  return Error{cause.code, fmt::format("{} (at byte {}{})", cause.message, offset_bytes(), where)};
}

Error Walker::too_large(uint64_t size_bytes) const {
  return Error{ErrorCode::kUnsupported,
               fmt::format("an entry of {} at least; entries above {} cannot be restored",
                           human_bytes(static_cast<int64_t>(size_bytes)),
                           human_bytes(static_cast<int64_t>(limits_.max_entry_bytes)))};
}

// Everything before it is part of the checksum.
void Walker::pass(size_t size_bytes) {
  checksum_ = crc64(checksum_, rest().substr(0, size_bytes));
  read_ += size_bytes;
}

Result<bool> Walker::take_header() {
  if (rest().size() < kHeaderBytes) return false;
  header_ = parse_header(rest().substr(0, kHeaderBytes));
  if (!header_)
    return fail(ErrorCode::kCorrupt, "this is no RDB file: it begins with neither REDIS nor VALKEY");
  if (header_->version < kOldestVersion) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("an RDB file of version {} ({}); the oldest that is read is {} ({})", header_->version,
                    writer_of(*header_), kOldestVersion, writer_of({Family::kRedis, kOldestVersion})));
  }
  pass(kHeaderBytes);
  stage_ = Stage::kEntry;
  return true;
}

Result<bool> Walker::begin_entry() {
  if (rest().empty()) return false;
  code_ = static_cast<unsigned char>(rest().front());
  if (const ValueType* type = value_type(code_, header_->family); type != nullptr) {
    pending_.type = type;
    walk_ = ShapeWalk("1S");
    stage_ = Stage::kKeyName;
    return true;
  }
  Shape shape = opcode_shape(code_, header_->family);
  if (shape.empty()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("the file, of version {} ({}), holds something of the type {}, which this Keyway "
                            "does not know; or it is damaged",
                            header_->version, writer_of(*header_), code_));
  }
  pass(1);
  walk_ = ShapeWalk(shape);
  stage_ = Stage::kOpcode;
  return true;
}

Result<bool> Walker::advance() {
  Result<bool> passed = walk_.advance(rest());
  if (!passed || *passed) return passed;
  if (walk_.wanted_bytes() > limits_.max_entry_bytes) return fail(too_large(walk_.wanted_bytes()));
  return false;
}

// The type stands before the key, but belongs to the value: it is put there in place of the key's last byte.
Result<bool> Walker::take_key() {
  Result<bool> whole = advance();
  if (!whole || !*whole) return whole;
  size_t size_bytes = walk_.used_bytes();
  Result<std::string> key = unpack_string(rest().substr(1, size_bytes - 1));
  if (!key) return fail(key.error());
  pending_.key = std::move(*key);
  pending_.database = database_;
  pass(size_bytes - 1);
  checksum_ = crc64(checksum_, rest().substr(0, 1));
  buffer_[read_] = static_cast<char>(code_);
  walk_ = ShapeWalk(pending_.type->shape);
  stage_ = Stage::kValue;
  return true;
}

Result<bool> Walker::take_value(std::optional<Entry>& entry) {
  std::string_view value = rest().substr(1);
  Result<bool> whole = walk_.advance(value);
  if (!whole) return whole;
  if (!*whole) {
    if (1 + walk_.wanted_bytes() > limits_.max_entry_bytes) return fail(too_large(walk_.wanted_bytes()));
    return false;
  }
  size_t size_bytes = 1 + walk_.used_bytes();
  if (size_bytes > limits_.max_entry_bytes) return fail(too_large(size_bytes));
  entry = std::move(pending_);
  pending_ = {};
  entry->kind = Entry::Kind::kKey;
  entry->value = rest().substr(0, size_bytes);
  checksum_ = crc64(checksum_, value.substr(0, size_bytes - 1));
  read_ += size_bytes;
  ++keys_;
  stage_ = Stage::kEntry;
  return true;
}

Result<bool> Walker::take_opcode(std::optional<Entry>& entry) {
  Result<bool> whole = advance();
  if (!whole || !*whole) return whole;
  std::string_view body = rest().substr(0, walk_.used_bytes());
  stage_ = Stage::kEntry;
  if (Status applied = apply(body, entry); !applied) return fail(applied.error());
  pass(body.size());
  return true;
}

Status Walker::apply(std::string_view body, std::optional<Entry>& entry) {
  switch (code_) {
    case kExpiryMs:
      pending_.expires_at_ms = static_cast<int64_t>(little_endian(body));
      break;
    case kExpiryS:
      pending_.expires_at_ms = int64_t{static_cast<int32_t>(little_endian(body))} * 1000;
      break;
    case kFrequency:
      pending_.frequency = static_cast<int>(little_endian(body));
      break;
    case kIdle:
      if (walk_.first_length() > std::numeric_limits<int32_t>::max())
        return fail(ErrorCode::kCorrupt, "a key that was idle for longer than there are servers");
      pending_.idle_s = static_cast<int64_t>(walk_.first_length());
      break;
    case kDatabase:
      if (walk_.first_length() > kMaxDatabase) return fail(ErrorCode::kCorrupt, "a database without end");
      database_ = static_cast<int>(walk_.first_length());
      break;
    case kModuleAux:
      entry.emplace();
      entry->kind = Entry::Kind::kModuleAux;
      entry->module = walk_.first_length();
      break;
    case kAux:
    case kFunction: {
      Result<Entry> read = read_pair(body);
      if (!read) return fail(read.error());
      entry = std::move(*read);
      break;
    }
    case kEnd: {
      Result<Entry> read = end(body);
      if (!read) return fail(read.error());
      entry = std::move(*read);
      break;
    }
    default:
      break;  // sizes, and slots that were on their way: hints for the server that loads the file
  }
  return {};
}

Result<Entry> Walker::read_pair(std::string_view body) const {
  Entry entry;
  entry.kind = code_ == kAux ? Entry::Kind::kAux : Entry::Kind::kFunction;
  Result<std::string> first = unpack_string(body.substr(0, walk_.first_string_end()));
  if (!first) return fail(first.error());
  if (code_ == kFunction) {
    entry.text = std::move(*first);
    return entry;
  }
  entry.key = std::move(*first);
  Result<std::string> second = unpack_string(body.substr(walk_.first_string_end()));
  if (!second) return fail(second.error());
  entry.text = std::move(*second);
  return entry;
}

Result<Entry> Walker::end(std::string_view body) {
  Entry entry;
  entry.kind = Entry::Kind::kEnd;
  uint64_t written = little_endian(body);
  if (written != 0 && written != checksum_) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("its checksum is wrong: it says {:016x}, its bytes give {:016x}: it was changed",
                            written, checksum_));
  }
  entry.checked = written != 0;
  stage_ = Stage::kDone;
  return entry;
}

}  // namespace keyway::rdb
