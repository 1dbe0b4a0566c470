// Asks an HTTP server such as ours for one path. Waits; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/error.h"

namespace keyway {

// The answer's body. kInvalidArgument: `address` is no IP address; kUnavailable: no connection, or an answer
// that is none; kNotFound: there is no such path; kTimeout: it was not there within `timeout_ms`.
Result<std::string> http_get(const Address& address, std::string_view path, int64_t timeout_ms);

}  // namespace keyway
