// Follows the rest of a command of which only the beginning has come: arguments that come in any pieces, and
// of which nothing is kept. Pure, without allocation; one thread. Format: RESP arrays of bulk strings, as
// strictly as scan_request takes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/request_scan.h"

namespace keyway::proxy {

class CommandRest {
 public:
  struct Step {
    ScanState state = ScanState::kPartial;
    size_t taken_bytes = 0;         // all of them unless it is whole or broken; what was taken is well formed
    const char* problem = nullptr;  // kBroken: what a server would say, "Protocol error: …"
  };

  // `missing` arguments are to come, behind `begun_bytes` of the same command that are no concern of it.
  // `max_bytes` bounds the command as a whole, by what it announces.
  CommandRest(int64_t missing, size_t begun_bytes, size_t max_bytes)
      : missing_(missing), size_bytes_(begun_bytes), max_bytes_(max_bytes) {}

  Step take(std::string_view bytes);
  // Of the whole command, as far as it came.
  size_t size_bytes() const { return size_bytes_; }

 private:
  enum class At : uint8_t { kHeader, kPayload, kEnd };

  // One byte each. Null, or what is wrong with it.
  const char* take_header(char c);
  const char* take_end(char c);
  const char* end_header();

  At at_ = At::kHeader;
  int64_t missing_;
  size_t size_bytes_;
  size_t max_bytes_;
  size_t line_bytes_ = 0;  // that came of a header or of the line end behind a payload
  bool at_line_end_ = false;
  uint64_t announced_ = 0;
  size_t left_bytes_ = 0;  // of the payload
};

}  // namespace keyway::proxy
