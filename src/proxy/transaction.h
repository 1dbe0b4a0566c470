// Commands between MULTI and EXEC, kept until EXEC sends them to their server in one go. Owned by the
// session; one thread.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/request.h"

namespace keyway::proxy {

struct Transaction {
  std::string begin;     // MULTI, as the client wrote it
  std::string commands;  // as they are sent
  uint32_t count = 0;
  uint16_t slot = Request::kNone;  // of all its keys
  bool readonly = true;            // all of its commands are
  bool may_write = false;          // one of them may
  bool broken = false;             // a command was refused
  bool refused_by_server = false;  // that is what broke it
  bool may_rehearse = true;        // until there is trouble with that
  uint32_t rehearsed = 0;          // commands that were tried out
  size_t rehearsed_bytes = 0;      // of `commands`
};

}  // namespace keyway::proxy
