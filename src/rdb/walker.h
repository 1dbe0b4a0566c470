// Goes through an RDB file whose bytes come bit by bit, as from a disk, a store or a server: gives the keys
// with their values as RESTORE takes them, and what stands beside them. Holds one entry and what was fed
// last; values are not unpacked, only their ends are found. See docs/internals/rdb.md. Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "rdb/format.h"
#include "rdb/shape_walk.h"

namespace keyway::rdb {

struct WalkLimits {
  // Of one entry: a key with its value. Servers take no longer argument than 512 MiB by default
  // (proto-max-bulk-len).
  size_t max_entry_bytes = size_t{512} << 20;
};

struct Entry {
  enum class Kind { kKey, kAux, kFunction, kModuleAux, kEnd };
  Kind kind = Kind::kKey;

  std::string key;      // kKey; kAux: the name of the field
  std::string text;     // kAux: its value; kFunction: the code of the library
  uint64_t module = 0;  // kModuleAux: whose data it is

  // kKey:
  int database = 0;
  std::optional<int64_t> expires_at_ms;  // since 1970
  std::optional<int64_t> idle_s;         // since it was used last, if the writer evicted by that
  std::optional<int> frequency;          // how often it is used, likewise
  const ValueType* type = nullptr;       // constant
  std::string_view value;                // type and value, for dump_payload; until the walker is used again

  bool checked = false;  // kEnd: the file has a checksum, and it is right (servers can be told to write none)
};

class Walker {
 public:
  explicit Walker(WalkLimits limits = {}) : limits_(limits) {}

  // The next bytes. Take all entries out before feeding again.
  void feed(std::string_view bytes);

  // The next entry; nothing if more bytes are needed. kCorrupt: what was fed is no RDB file, or a damaged
  // one; kUnsupported: it holds something that this program does not know, or an entry above the limit. After
  // an error it stays in error. After kEnd there is nothing; bytes beyond are kCorrupt.
  Result<std::optional<Entry>> next();

  // Call when there are no more bytes: kCorrupt if the file is not whole.
  Status finish() const;

  const std::optional<Header>& header() const { return header_; }
  uint64_t offset_bytes() const { return offset_ + read_; }  // of what was given out
  int64_t keys() const { return keys_; }                     // so far

 private:
  enum class Stage { kHeader, kEntry, kKeyName, kValue, kOpcode, kDone };

  Result<bool> step(std::optional<Entry>& entry);
  Result<bool> take_header();
  Result<bool> begin_entry();
  Result<bool> take_key();
  Result<bool> take_value(std::optional<Entry>& entry);
  Result<bool> take_opcode(std::optional<Entry>& entry);
  Status apply(std::string_view body, std::optional<Entry>& entry);
  Result<Entry> read_pair(std::string_view body) const;
  Result<bool> advance();
  Result<Entry> end(std::string_view body);
  void pass(size_t size_bytes);
  std::string_view rest() const { return std::string_view(buffer_).substr(read_); }
  Error located(const Error& cause) const;
  Error too_large(uint64_t size_bytes) const;

  WalkLimits limits_;
  std::string buffer_;
  size_t read_ = 0;      // what stands before it in buffer_ has been given out
  uint64_t offset_ = 0;  // in the file, of buffer_'s beginning
  uint64_t checksum_ = 0;
  Stage stage_ = Stage::kHeader;
  std::optional<Header> header_;
  ShapeWalk walk_;
  unsigned code_ = 0;  // of the entry: type or opcode
  Entry pending_;      // the key that is being read, and what was said of it beforehand
  int database_ = 0;
  int64_t keys_ = 0;
  std::optional<Error> broken_;
};

}  // namespace keyway::rdb
