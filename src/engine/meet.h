// CLUSTER MEET as a command. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/address.h"
#include "resp/command.h"

namespace keyway::engine {

// To be sent to a server that is to meet the one at `at`, an IP address. Without the port of its bus (0) the
// server takes it for the client port + 10000.
inline resp::Command meet_command(const Address& at, uint16_t bus_port) {
  resp::Command command = {"CLUSTER", "MEET", at.host, std::to_string(at.port)};
  if (bus_port != 0) command.push_back(std::to_string(bus_port));
  return command;
}

}  // namespace keyway::engine
