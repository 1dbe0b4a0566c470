// One entry of a server's reply to COMMAND, read. Owned by the CommandTable that learns it.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "resp/command_spec.h"
#include "resp/reply.h"

namespace keyway::resp {

struct CommandEntry {
  std::string name;  // in lower case
  std::array<std::string, CommandSpec::kMaxKeySpecs> keywords;
  std::array<KeySpec, CommandSpec::kMaxKeySpecs> key_specs;
  CommandSpec spec;  // its views are of the members above; without an id

  CommandEntry() = default;
  CommandEntry(const CommandEntry&) = delete;
  CommandEntry& operator=(const CommandEntry&) = delete;
};

// kCorrupt if it is no command. Keys that cannot be told from what it says have the rule kAskServer.
Result<std::unique_ptr<CommandEntry>> read_command_entry(const Reply& command);

// The entries of its subcommands.
std::span<const Reply> subcommands_of(const Reply& command);

}  // namespace keyway::resp
