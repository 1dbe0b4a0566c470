// How a shard's data becomes an object and data again: compressed by zstd, sealed with a key if there is one,
// checksummed before and after, in memory that does not depend on the size. The format of what is sealed is
// told in sealing.h. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "backup/sealing.h"
#include "backup/store.h"

namespace keyway::backup {

// What is known of an object afterwards, and checked before.
struct PackedSums {
  int64_t raw_bytes = 0;
  int64_t stored_bytes = 0;
  std::string raw_sha256;  // hexadecimal, lower case
  std::string stored_sha256;

  bool operator==(const PackedSums&) const = default;
};

struct Packing {
  std::optional<EncryptionKey> key;  // none: not sealed
  std::string context;               // of the sealing: which object it is; the same when it is read
};

// Takes data, gives it packed to an object.
class PackedWriter {
 public:
  PackedWriter(std::unique_ptr<ObjectWriter> to, const Packing& packing);
  PackedWriter(const PackedWriter&) = delete;
  PackedWriter& operator=(const PackedWriter&) = delete;
  ~PackedWriter();  // without commit nothing is left

  // Errors are those of the object.
  Status write(std::string_view raw);
  // Once, last.
  Result<PackedSums> commit();

  int64_t raw_bytes() const;
  int64_t stored_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Gives the data of an object.
class PackedReader {
 public:
  // `what` names it in errors: "shard p1 of backup 20261122T221400Z".
  PackedReader(std::unique_ptr<ObjectReader> from, const Packing& packing, PackedSums expected,
               std::string what);
  PackedReader(const PackedReader&) = delete;
  PackedReader& operator=(const PackedReader&) = delete;
  ~PackedReader();

  // The next bytes, `size_bytes` at most; 0: that was all, and it is what was written. So whatever came
  // before may only be relied on when 0 has come. kCorrupt: it is cut short, altered or another object, or
  // there is a key and it is not sealed, or the other way round; kDenied: it was sealed with another key.
  Result<size_t> read(char* to, size_t size_bytes);

  int64_t raw_bytes() const;     // given so far
  int64_t stored_bytes() const;  // read so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::backup
