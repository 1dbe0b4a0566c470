// Commands that the proxy answers itself: about the client's connection, and about the one server that the
// whole cluster seems to be. One thread a worker.
#pragma once

#include <string_view>

namespace keyway::proxy {

class Client;
struct CommandView;
enum class Verdict : uint8_t;

using OwnCommand = Verdict (*)(Client& client, const CommandView& command);

// By its whole name, "client|id". Null: the proxy has no such command.
OwnCommand find_own_command(std::string_view name);

}  // namespace keyway::proxy
