// A server's reply as a tree, for the control plane; and the incremental parser that makes it. The proxy's hot path has its
// own, allocation-free reading of the same protocol. Values; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keyway::resp {

enum class ReplyType { kStatus, kError, kInteger, kString, kNull, kArray, kMap, kSet, kPush, kDouble, kBoolean, kBigNumber, kVerbatim };

struct Reply {
  ReplyType type = ReplyType::kNull;
  int64_t integer = 0;           // kInteger, kBoolean (0 or 1)
  double number = 0;             // kDouble
  std::string text;              // kStatus, kError (without '-'), kString, kBigNumber, kVerbatim (without its "txt:")
  std::vector<Reply> elements;   // kArray, kSet, kPush; kMap: key, value, key, value, …

  bool is_error() const { return type == ReplyType::kError; }
  bool is_null() const { return type == ReplyType::kNull; }
  bool ok() const { return type == ReplyType::kStatus && text == "OK"; }
  // An error's first word, "MOVED" or "ERR"; empty if this is no error.
  std::string_view error_code() const;
};

struct ParserLimits {
  size_t max_bulk_bytes = size_t{512} << 20;
  size_t max_elements = size_t{1} << 24;  // of one array, map or set
  int max_depth = 32;
};

// Feed it bytes as they come; take whole replies out. After an error it stays in error: the stream has lost its frame.
class ReplyParser {
 public:
  explicit ReplyParser(ParserLimits limits = {}) : limits_(limits) {}

  void feed(std::string_view bytes);

  // The next whole reply, nothing if more bytes are needed, kCorrupt if the bytes are not RESP2 or RESP3 or exceed a limit.
  Result<std::optional<Reply>> next();

  // Bytes held and not yet given out as replies.
  size_t pending_bytes() const { return buffer_.size() - read_; }

 private:
  ParserLimits limits_;
  std::string buffer_;
  size_t read_ = 0;    // everything before it has been given out
  size_t needed_ = 0;  // no use in parsing before this many bytes are pending
  std::optional<Error> broken_;
};

}  // namespace keyway::resp
