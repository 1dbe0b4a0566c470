// Finds where a command of a client ends and what its arguments are, in bytes as they came. Pure, without
// allocation but for the argument list that the caller keeps. Format: RESP arrays of bulk strings, and inline
// commands (a line of words, quoted as redis-cli quotes).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace keyway::proxy {

struct RequestLimits {
  size_t max_arguments = size_t{1} << 20;
  size_t max_bulk_bytes = size_t{512} << 20;
  size_t max_inline_bytes = size_t{64} << 10;
};

enum class ScanState { kWhole, kPartial, kBroken };

struct RequestScan {
  ScanState state = ScanState::kPartial;
  size_t size_bytes = 0;          // kWhole: of the command
  size_t wanted_bytes = 0;        // kPartial: it is at least so long in all; 0: unknown
  const char* problem = nullptr;  // kBroken: what a server would say, "Protocol error: …"
  char got = 0;                   // kBroken: the character that ends what it would say, if there is one
  bool is_inline = false;         // kWhole: `arguments` point into `unquoted`
};

// How far a command was scanned that was not whole, so that it is not scanned from its start again and again.
struct ScanProgress {
  size_t at = 0;        // the arguments before it are whole
  int64_t missing = 0;  // arguments from there on
};

// Scans one command at the start of `bytes`. An empty command (an empty line, "*0") is whole and has no
// arguments. `arguments` point into `bytes`, those of an inline command into `unquoted`. `progress` is empty
// for a new command and else what the last scan of the same command, which was shorter then, has left there.
RequestScan scan_request(std::string_view bytes, const RequestLimits& limits, ScanProgress& progress,
                         std::vector<std::string_view>& arguments, std::string& unquoted);

}  // namespace keyway::proxy
