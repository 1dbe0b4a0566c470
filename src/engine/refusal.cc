#include "engine/refusal.h"

#include <algorithm>

#include "base/format.h"

namespace keyway::engine {

namespace {

template <size_t n>
bool any_of(const std::string_view (&codes)[n], std::string_view code) {
  return std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
}

// What MIGRATE says of an error that the other server gave it.
constexpr std::string_view kRelayed = "ERR Target instance replied with error: ";

std::string_view code_in(std::string_view text) {
  if (text.starts_with(kRelayed)) text.remove_prefix(kRelayed.size());
  return text.substr(0, text.find(' '));
}

ErrorCode code_of(std::string_view text) {
  std::string_view code = code_in(text);
  constexpr std::string_view later[] = {"LOADING",  "BUSY",  "CLUSTERDOWN",  "MASTERDOWN", "NOREPLICAS",
                                        "TRYAGAIN", "IOERR", "NOMASTERLINK", "INPROG",     "UNBLOCKED"};
  constexpr std::string_view denied[] = {"NOAUTH", "NOPERM", "WRONGPASS", "DENIED"};
  constexpr std::string_view exhausted[] = {"OOM", "MISCONF"};
  if (any_of(later, code)) return ErrorCode::kUnavailable;
  // It has yet to hear of the failover that made it one.
  if (text.find("Target node is not a ") != std::string_view::npos) return ErrorCode::kUnavailable;
  // Slots whose move was ordered before by a call that heard no answer: the next look shows where they are.
  for (std::string_view moves : {"Slots are not served by this node", "already migrating slot"}) {
    if (text.find(moves) != std::string_view::npos) return ErrorCode::kUnavailable;
  }
  if (any_of(denied, code)) return ErrorCode::kDenied;
  if (any_of(exhausted, code)) return ErrorCode::kExhausted;
  return ErrorCode::kConflict;
}

}  // namespace

Error refusal(const Address& address, const resp::Command& command, const resp::Reply& reply) {
  if (!reply.is_error()) {
    return Error{ErrorCode::kConflict, fmt::format("{} answered {} in an unexpected way", to_string(address),
                                                   resp::describe(command))};
  }
  return Error{code_of(reply.text),
               fmt::format("{} refused {}: {}", to_string(address), resp::describe(command), reply.text)};
}

}  // namespace keyway::engine
