// Any bytes as an RDB file: the first one says how they are cut into pieces, the second whether a right
// header and checksum are put around them, so that more than the header is reached. However they are cut, the
// outcome is the same, and no entry is longer than the bound.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "rdb/test_file.h"
#include "rdb/walker.h"

namespace {

using keyway::Result;
using keyway::rdb::Entry;
using keyway::rdb::Walker;

constexpr size_t kMaxEntryBytes = 4096;

struct Outcome {
  bool failed = false;
  bool whole = false;
  int64_t keys = 0;
  std::string values;
  bool operator==(const Outcome&) const = default;
};

Outcome walk(std::string_view file, size_t piece) {
  Outcome outcome;
  Walker walker({.max_entry_bytes = kMaxEntryBytes});
  while (!file.empty() && !outcome.failed) {
    walker.feed(file.substr(0, piece));
    file.remove_prefix(std::min(piece, file.size()));
    while (true) {
      Result<std::optional<Entry>> entry = walker.next();
      if (!entry) outcome.failed = true;
      if (!entry || !*entry) break;
      if ((*entry)->value.size() > kMaxEntryBytes) std::abort();
      outcome.values += (*entry)->value;
    }
  }
  outcome.keys = walker.keys();
  outcome.whole = walker.finish().has_value();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string file(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[1] % 4 == 1) file = keyway::rdb::TestFile().add(file).whole();
  if (data[1] % 4 == 2) file = keyway::rdb::TestFile("VALKEY080").add(file).whole();
  if (data[1] % 4 == 3) file = keyway::rdb::TestFile("REDIS0012").add(file).whole();
  Outcome whole = walk(file, file.size() + 1);
  Outcome pieces = walk(file, size_t{data[0]} + 1);
  if (!(whole == pieces)) std::abort();
  return 0;
}
