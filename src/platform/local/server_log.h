// What a server's log says about how a run of it went. Knows the words of Redis 7.0 to 8 and Valkey 8 to 9.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace keyway::platform::local {

struct LogVerdict {
  bool answered = false;    // it came so far as to take connections
  bool unloadable = false;  // it ended because its data could not be loaded
  std::string reason;       // the line that tells best why it ended, without time and pid; empty: none does
};

// `log` is what the server wrote since its start, or the last part of it.
LogVerdict read_verdict(std::string_view log);

// "19228:M 22 Nov 2026 01:03:56.279 # Text" as "Text".
std::string_view strip_prefix(std::string_view line);

}  // namespace keyway::platform::local
