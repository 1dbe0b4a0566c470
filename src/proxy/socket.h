// Sockets as the proxy wants them: written in pieces. Any thread.
#pragma once

#include <cstddef>

#include "base/tcp.h"
#include "proxy/chunk.h"

namespace keyway::proxy {

// How a write of what waits in `queue` went. kFailed: errno says why.
enum class Written { kAll, kSome, kFailed };

// Takes what was written off the queue; `written_bytes` says how much.
Written write_queue(int fd, SliceQueue& queue, size_t& written_bytes);

}  // namespace keyway::proxy
