// A large command with one key, which is passed on to its server as it comes and never held as a whole: on a
// connection of its own, so that a slow sender holds nobody up. Before any of it is sent the server is asked,
// by a command that changes nothing, whether it serves the key: what has been sent is gone, and cannot be
// sent to another. One thread a worker.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/command_rest.h"
#include "proxy/request.h"

namespace keyway::proxy {

struct Services;
struct Session;

// Owned by its client while more of it is to come, or while it waits for its answer.
struct LargeCommand {
  enum class State : uint8_t {
    kAsking,    // it is found out who serves its key; the client is not read
    kPassing,   // what comes is passed on
    kSent,      // all of it is; the answer is awaited
    kDropping,  // it has its answer, or is to be answered by `problem`; the rest of it is dropped
  };

  State state = State::kAsking;
  Request* request = nullptr;  // null: answered
  const resp::CommandSpec* command = nullptr;
  size_t begun_bytes = 0;  // of arguments that were whole when it began
  CommandRest rest;
  Slice shown = {};               // as short as it can be, for who looks at the traffic
  const char* problem = nullptr;  // the client has broken the protocol
  bool is_last = false;           // its client is to go behind it
};

// What is to be done with a command of which `arguments` have come, the first of `count`.
struct LargePlan {
  enum class What : uint8_t {
    kHold,    // nothing yet: CLIENT PAUSE
    kKeep,    // it has to be held until it is whole
    kPassOn,  // it can be passed on
  };
  What what = What::kKeep;
  const resp::CommandSpec* command = nullptr;
  uint16_t slot = Request::kNone;
  std::string_view key = {};
};

// The command as short as its server would take it, with the key and nothing behind it.
Slice stand_in(const resp::CommandSpec& command, std::span<const std::string_view> arguments,
               ChunkPool& pool);
// What the server is asked: EXISTS, whose answer does not matter.
Slice question_about(std::string_view key, ChunkPool& pool);

// Of an error in answer to that: this user may not ask. It may send the command nevertheless.
bool is_denied(std::string_view error);

}  // namespace keyway::proxy
