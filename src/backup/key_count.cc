#include "backup/key_count.h"

#include <optional>

#include "rdb/format.h"

namespace keyway::backup {

namespace {

constexpr size_t kMaxHeadBytes = size_t{1} << 20;  // functions stand there, too
// Lengths and strings as RDB files have them. What is missing at the end of the bytes makes it `short_`.
class Head {
 public:
  explicit Head(std::string_view bytes) : bytes_(bytes) {}

  bool too_short() const { return short_; }

  uint8_t byte() {
    if (at_ >= bytes_.size()) {
      short_ = true;
      return 0;
    }
    return static_cast<uint8_t>(bytes_[at_++]);
  }
  void skip(uint64_t size_bytes) {
    if (size_bytes > bytes_.size() - at_)
      short_ = true;
    else
      at_ += size_bytes;
  }
  // Two bits tell the form: 6 bits, 14 bits, 32 or 64 bits behind it, or (none) an encoding.
  std::optional<uint64_t> length(uint8_t& encoding) {
    constexpr uint8_t low = 0x3f;
    uint8_t first = byte();
    encoding = first & low;
    switch (first >> 6U) {
      case 0:
        return encoding;
      case 1:
        return uint64_t{encoding} << 8U | byte();
      case 2:
        return number(encoding == 0 ? sizeof(uint32_t) : sizeof(uint64_t));
      default:
        return std::nullopt;
    }
  }
  void skip_string() {
    constexpr uint8_t compressed = 3;
    uint8_t encoding = 0;
    if (std::optional<uint64_t> size_bytes = length(encoding)) return skip(*size_bytes);
    if (encoding < compressed) return skip(uint64_t{1} << encoding);
    uint64_t stored_bytes = length(encoding).value_or(0);
    length(encoding);
    skip(stored_bytes);
  }

 private:
  uint64_t number(size_t size_bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < size_bytes; ++i) value = value << 8U | byte();
    return value;
  }

  std::string_view bytes_;
  size_t at_ = rdb::kHeaderBytes;
  bool short_ = false;
};

}  // namespace

void KeyCount::add(std::string_view bytes) {
  if (state_ == State::kOver) return;
  head_ += bytes.substr(0, kMaxHeadBytes - head_.size());
  if (head_.size() > rdb::kHeaderBytes) look();
  if (state_ == State::kLooking && head_.size() < kMaxHeadBytes) return;
  state_ = State::kOver;
  std::string().swap(head_);
}

void KeyCount::look() {
  Head head(head_);
  uint8_t encoding = 0;
  while (true) {
    uint8_t opcode = head.byte();
    if (head.too_short()) return;
    switch (opcode) {
      case rdb::kAux:
        head.skip_string();
        head.skip_string();
        break;
      case rdb::kFunction:
        head.skip_string();
        break;
      case rdb::kDatabase:
        head.length(encoding);
        break;
      case rdb::kResize:
      case rdb::kEnd: {
        auto keys = opcode == rdb::kEnd ? 0 : head.length(encoding);
        if (head.too_short()) return;
        keys_ = keys ? static_cast<int64_t>(*keys) : -1;
        state_ = State::kOver;
        return;
      }
      default:  // something else comes first: it is not known here
        state_ = State::kOver;
        return;
    }
    if (head.too_short()) return;
  }
}

}  // namespace keyway::backup
