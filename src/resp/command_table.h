// Which commands there are. Built in are those of Redis 7.0 to 8.0 and Valkey up to 9.1; what else a server
// knows (modules, newer versions) is learnt from its reply to COMMAND.
//
// A table never changes once it is made: any number of threads may use it. Lookups do not allocate. Specs
// live as long as their table, those of the built-in table for ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "resp/command_spec.h"
#include "resp/reply.h"

namespace keyway::resp {

struct CommandEntry;

class CommandTable {
 public:
  static constexpr size_t kMaxNameBytes = 64;  // of a container and its subcommand together
  static constexpr size_t kMaxCommands = 4096;

  // The built-in commands.
  static const CommandTable& builtin();

  // These and what a server has said in reply to COMMAND, in RESP2 or RESP3. Where it speaks of a built-in
  // command, its arity and its key positions hold. Names that are too long are not learnt. kCorrupt if it is
  // no such reply, kExhausted if it has more than kMaxCommands.
  static Result<CommandTable> learn(const Reply& command_reply);

  CommandTable(CommandTable&&) noexcept;
  CommandTable& operator=(CommandTable&&) noexcept;
  CommandTable(const CommandTable&) = delete;
  CommandTable& operator=(const CommandTable&) = delete;
  ~CommandTable();

  // By name, in any case; null: unknown. The whole name of a subcommand, "config|get", is none of a command.
  const CommandSpec* find(std::string_view name) const;
  // find_subcommand(xgroup, "CREATE"); null: it has none of this name.
  const CommandSpec* find_subcommand(const CommandSpec& command, std::string_view name) const;
  // What a whole command is: of a container with a further argument the subcommand. Null: unknown.
  const CommandSpec* resolve(std::span<const std::string_view> arguments) const;

  // Ids are below it.
  size_t size() const { return size_; }
  // Calls `visit(spec)` for each command and subcommand, in no order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Place& place : places_) {
      if (place.spec != nullptr) visit(*place.spec);
    }
  }

 private:
  struct Place {
    uint64_t head = 0;
    uint64_t tail = 0;
    const CommandSpec* spec = nullptr;
  };

  explicit CommandTable(size_t max_commands);

  void keep(std::unique_ptr<CommandEntry> entry);
  const CommandSpec* find_any(std::string_view name) const;
  void insert(const CommandSpec& spec);

  std::vector<Place> places_;  // a power of two of them, at most half of them taken
  std::vector<std::unique_ptr<const CommandEntry>> learnt_;
  size_t size_ = 0;
};

// In the built-in table.
inline const CommandSpec* find_command(std::string_view name) { return CommandTable::builtin().find(name); }

}  // namespace keyway::resp
