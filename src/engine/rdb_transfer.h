// What a server sends after SYNC or PSYNC ? -1, as the Redis and Valkey replication protocol has it: line
// breaks while it gets ready, after PSYNC "+FULLRESYNC ID OFFSET", then either "$LENGTH" and so many bytes,
// or "$EOF:" with a mark of 40 bytes, the data of an RDB file, and the mark again. Pure; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::engine {

class RdbTransfer {
 public:
  enum class Stage { kPreparing, kSized, kMarked, kDone };

  // Takes the next bytes and gives those that belong to the file to `sink`, in order. Fails with what the
  // server said if it refuses, with kCorrupt if it is no such transfer or no RDB file, and with what `sink`
  // fails with. What comes after the end is ignored.
  using Sink = std::function<Status(std::string_view bytes)>;
  Status feed(std::string_view bytes, const Sink& sink);

  Stage stage() const { return stage_; }
  bool begun() const { return stage_ != Stage::kPreparing; }
  bool done() const { return stage_ == Stage::kDone; }
  int64_t size_bytes() const { return written_bytes_; }                  // of the file so far
  const std::string& replication_id() const { return replication_id_; }  // empty: not told
  int64_t offset() const { return offset_; }                             // -1: not told
  int64_t announced_bytes() const { return announced_; }                 // -1: not told

 private:
  Status take_line(std::string_view line);
  Status take_history(std::string_view line);
  Status take_sized(std::string_view bytes, const Sink& sink);
  Status take_marked(std::string_view bytes, const Sink& sink);
  Status give(std::string_view bytes, const Sink& sink);
  Status finish();

  Stage stage_ = Stage::kPreparing;
  std::string line_;  // that is not whole yet
  std::string mark_;
  std::string held_;  // the last bytes, which may be the mark
  std::string head_;  // the first bytes of the file
  std::string replication_id_;
  int64_t offset_ = -1;
  int64_t announced_ = -1;
  int64_t written_bytes_ = 0;
};

}  // namespace keyway::engine
