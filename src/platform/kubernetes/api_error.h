// What an API server refuses, and what becomes of requests that reach none: as codes that callers act on.
// Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keyway::platform::kubernetes {

enum class ApiCode {
  kNotFound,         // no such object, or no such type on this server
  kAlreadyExists,    // of a create
  kConflict,         // the object has changed since it was read, or another manager owns a field: read again
  kGone,             // the resourceVersion or the page is too old: list again
  kInvalid,          // the object breaks a rule: `causes` say which fields
  kBadRequest,       // the server cannot make sense of the request
  kUnauthorized,     // the token or certificate is not accepted, also after it was read again
  kForbidden,        // RBAC or an admission rule says no
  kTooManyRequests,  // still, after waiting; for an eviction: a disruption budget forbids it now
  kServerError,      // the server failed; it may have done what was asked
  kUnreachable,      // nothing was done: no connection, or a file for it could not be read
  kLost,             // the connection ended before the answer: it may have been done
  kTimeout,          // the deadline passed: it may have been done
  kMalformed,        // an answer that cannot be read
};

// "not found", "conflict", …
std::string_view to_string(ApiCode code);

// One field that the server objects to.
struct ApiCause {
  std::string field;    // "spec.replicas"; may be empty
  std::string reason;   // "FieldValueInvalid"
  std::string message;  // "Invalid value: -1: must be greater than or equal to 0"
};

struct ApiError {
  ApiCode code = ApiCode::kServerError;
  std::string message;      // one sentence or more, with what was asked
  int status = 0;           // of HTTP; 0: none came
  std::string reason = {};  // the server's own word: "NotFound"; may be empty
  std::vector<ApiCause> causes = {};
  int64_t retry_after_ms = 0;  // what the server wants to be left alone for; 0: it did not say
};

template <typename T>
using ApiResult = tl::expected<T, ApiError>;

inline tl::unexpected<ApiError> api_fail(ApiError error) {
  return tl::unexpected<ApiError>(std::move(error));
}
inline tl::unexpected<ApiError> api_fail(ApiCode code, std::string message) {
  return api_fail(ApiError{.code = code, .message = std::move(message)});
}

// For those who know no API server.
Error to_error(const ApiError& error);

// Whether it is worth a try later without any change.
bool is_passing(const ApiError& error);

// What an answer with `status` that is no success means; `body` is the server's Status object, or anything.
// `what` begins the message: "get pods data/app-0".
ApiError refusal_of(int status, std::string_view body, std::string_view what);

// The same of a Status object within a watch.
ApiError refusal_of(std::string_view status_object, std::string_view what);

}  // namespace keyway::platform::kubernetes
