// The lines that a supervisor and its clients exchange: one JSON object a line, ending in '\n', first a
// request, then its reply. Pure; values; any thread. The format is told in docs/internals/supervisor.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "supervisor/control.h"

namespace keyway::supervisor {

inline constexpr int kProtocolVersion = 1;
inline constexpr size_t kMaxRequestBytes = size_t{1} << 20;
inline constexpr size_t kMaxReplyBytes = size_t{16} << 20;

struct ProgressRequest {
  uint64_t events_since = 0;
};
struct ApplyRequest {
  std::string spec_yaml;
};
struct FailoverRequest {
  std::string shard;
  std::string to_node;  // empty: the best replica
};
struct RecoverRequest {
  std::string shard;
};
struct RestartRequest {
  std::vector<std::string> nodes;
};
struct DownRequest {};

using Request =
    std::variant<ProgressRequest, ApplyRequest, FailoverRequest, RecoverRequest, RestartRequest, DownRequest>;

// "apply", "failover", …: for logs.
std::string_view name_of(const Request& request);

// Each gives one line with its '\n'.
std::string encode_request(const Request& request);
std::string encode_progress(const Progress& progress);
std::string encode_generation(uint64_t generation);
std::string encode_error(const Error& error);

// kInvalidArgument: no request. kUnsupported: of another version of the protocol.
Result<Request> decode_request(std::string_view line);

// The error that the supervisor sent, or kCorrupt: no such reply; kUnsupported: of another version of the
// protocol.
Result<Progress> decode_progress(std::string_view line);
Result<uint64_t> decode_generation(std::string_view line);

}  // namespace keyway::supervisor
