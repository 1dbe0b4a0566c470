// Any bytes in place of a server's: the first one says how they are cut into pieces. However they are cut,
// the outcome is the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/rdb_transfer.h"

namespace {

using keyway::Status;
using keyway::engine::RdbTransfer;

constexpr size_t kMarkBytes = 40;

struct Outcome {
  bool fine = true;
  bool done = false;
  std::string file;
  bool operator==(const Outcome&) const = default;
};

Outcome take(std::string_view stream, size_t piece) {
  Outcome outcome;
  RdbTransfer transfer;
  while (!stream.empty() && outcome.fine) {
    outcome.fine = transfer
                       .feed(stream.substr(0, piece),
                             [&](std::string_view bytes) {
                               outcome.file += bytes;
                               return Status{};
                             })
                       .has_value();
    stream.remove_prefix(std::min(piece, stream.size()));
    if (transfer.done()) break;
  }
  outcome.done = transfer.done();
  if (static_cast<int64_t>(outcome.file.size()) != transfer.size_bytes()) std::abort();
  return outcome;
}

// A mark is taken for the end wherever the bytes that have come so far end with it. Servers draw it at
// random, so that it is never part of the data; only where it is not does it not matter how the bytes are
// cut.
bool mark_is_in_data(std::string_view stream, const Outcome& whole) {
  if (whole.file.empty() || stream.size() < kMarkBytes) return false;
  std::string_view end = stream.substr(stream.size() - kMarkBytes);
  return (whole.file + std::string(end)).find(end) < whole.file.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  Outcome whole = take(stream, stream.size() + 1);
  Outcome pieces = take(stream, size_t{data[0]} + 1);
  // Bytes after the end mark make it none if they come with it, and are ignored if they come later.
  if (whole.done && !(whole == pieces) && !mark_is_in_data(stream, whole)) std::abort();
  return 0;
}
