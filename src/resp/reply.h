// A server's reply as a tree, for the control plane; and the incremental parser that makes it. The proxy's
// hot path has its own, allocation-free reading of the same protocol. Values; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keyway::resp {

enum class ReplyType {
  kStatus,
  kError,
  kInteger,
  kString,
  kNull,
  kArray,
  kMap,
  kSet,
  kPush,
  kDouble,
  kBoolean,
  kBigNumber,
  kVerbatim
};

struct Reply {
  ReplyType type = ReplyType::kNull;
  int64_t integer = 0;  // kInteger, kBoolean (0 or 1)
  double number = 0;    // kDouble
  std::string text;     // kStatus, kError (without '-'), kString, kBigNumber, kVerbatim (without its "txt:")
  std::vector<Reply> elements;  // kArray, kSet, kPush; kMap: key, value, key, value, …

  bool is_error() const { return type == ReplyType::kError; }
  bool is_null() const { return type == ReplyType::kNull; }
  bool ok() const { return type == ReplyType::kStatus && text == "OK"; }
  // An error's first word, "MOVED" or "ERR"; empty if this is no error.
  std::string_view error_code() const;
};

struct ParserLimits {
  size_t max_bulk_bytes = size_t{512} << 20;
  size_t max_line_bytes = size_t{1} << 20;   // of a status, an error, a number
  size_t max_reply_bytes = size_t{1} << 30;  // of a whole reply, as it is on the wire
  size_t max_elements = size_t{1} << 24;     // of a whole reply: those of its arrays, maps and sets together
  int max_depth = 32;                        // arrays in arrays
};

// Feed it bytes as they come; take whole replies out. After an error it stays in error: the stream has lost
// its frame. It never reads a byte twice, so a large reply in small pieces costs no more than the same reply
// at once. Attributes (`|`) are read and dropped. Streamed strings and arrays (`$?`, `*?`), which no server
// sends, are refused.
class ReplyParser {
 public:
  explicit ReplyParser(ParserLimits limits = {}) : limits_(limits) {}

  void feed(std::string_view bytes);

  // The next whole reply, nothing if more bytes are needed, kCorrupt if the bytes are not RESP2 or RESP3 or
  // exceed a limit.
  Result<std::optional<Reply>> next();

  // Bytes held and not yet given out as replies.
  size_t pending_bytes() const { return taken_bytes_ + buffer_.size() - read_; }

 private:
  enum class Expect { kLine, kBulk };

  // An array, map, set, push or attribute whose elements are still arriving.
  struct Open {
    Reply reply;
    size_t missing = 0;
    bool attribute = false;
  };

  // Each takes one piece of the reply from the buffer; false if the piece is not whole yet.
  Result<bool> read_line();
  Result<bool> read_bulk();

  Status start(char type, std::string_view rest);
  Status start_bulk(char type, std::string_view rest);
  Status start_aggregate(char type, std::string_view rest);
  void complete(Reply value);
  void take(size_t size_bytes);
  Error break_off(const Error& cause);

  ParserLimits limits_;
  std::string buffer_;
  size_t read_ = 0;               // what stands before it in buffer_ is read
  size_t searched_ = 0;           // so many bytes after read_ hold no end of line
  size_t taken_bytes_ = 0;        // of the reply that is still incomplete
  size_t elements_ = 0;           // announced so far in the reply that is still incomplete
  uint64_t given_out_bytes_ = 0;  // of the whole stream, as replies
  Expect expect_ = Expect::kLine;
  char bulk_type_ = 0;
  size_t bulk_bytes_ = 0;
  std::vector<Open> open_;  // outermost first; never more than max_depth
  std::optional<Reply> whole_;
  std::optional<Error> broken_;
};

}  // namespace keyway::resp
