// Errors as values. A function that can fail for a reason outside the program returns Result<T>; an assertion
// is for our own bugs only. Any thread may use these types; they own their text.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace keyway {

// A code exists only if a caller would act on it differently; the message is what a person reads. The numbers
// are part of no format.
enum class ErrorCode {
  kInvalidArgument,  // the caller's input is wrong: a flag, a field, a name
  kNotFound,         // what was named does not exist
  kAlreadyExists,    // what was to be made exists
  kConflict,         // the state of things forbids it now; it may be possible later or in another way
  kUnavailable,      // could not be reached, or was not ready in time; worth a retry
  kTimeout,          // no answer within the deadline; what was asked may have happened
  kDenied,           // wrong password, missing permission
  kExhausted,        // no space, memory, descriptors or ports left
  kCorrupt,          // data that cannot be read as what it claims to be
  kUnsupported,      // this server version or platform cannot do it
  kInternal,         // an operating system call failed in a way that has no better name
};

// The code's name as it appears in JSON output, for example "invalid_argument".
std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one sentence or more: what happened, where, and what to do about it
};

template <typename T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// The text of an errno value, such as "No space left on device".
std::string errno_text(int error_number);

}  // namespace keyway
