// Decides what is done with each command of a client. Owned by its worker; one thread.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/chunk.h"
#include "proxy/handling.h"
#include "proxy/large_command.h"
#include "proxy/own_commands.h"
#include "proxy/request.h"
#include "resp/command_table.h"

namespace keyway::proxy {

class Client;
struct Services;

enum class Verdict : uint8_t {
  kTaken,
  kHold,  // not now: what is in flight has to be answered first
};

// A command as it came. Points into buffers that live while it is looked at.
struct CommandView {
  std::span<const std::string_view> arguments;
  Slice bytes;
  bool is_inline = false;
  bool more_follow = false;  // the client has already sent what comes behind it
  const resp::CommandSpec* spec = nullptr;
};

// Which slot a command is for.
struct KeySlot {
  enum class Kind : uint8_t { kNone, kOne, kSeveral, kUnknown };
  Kind kind = Kind::kNone;
  uint16_t slot = Request::kNone;  // kOne; kSeveral: that of the first key
};

inline constexpr std::string_view kCrossSlot = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";

class Dispatcher {
 public:
  explicit Dispatcher(Services& services);

  // Commands that a server has told of. Earlier tables live on, since requests point into them.
  void learn(std::shared_ptr<const resp::CommandTable> table);

  // Whether the servers part the keys by slots. Where one server has them all, no keys are too far apart.
  void set_sharded(bool sharded) { sharded_ = sharded; }

  Verdict handle(Client& client, CommandView& command);
  // What is to be done with a large command of which only `arguments`, of `count`, have come.
  LargePlan plan_large(Client& client, std::span<const std::string_view> arguments, size_t count) const;
  KeySlot slot_of(const resp::CommandSpec& spec, std::span<const std::string_view> arguments) const;
  // The reply to a request that has a FollowUp has come.
  void answered(Client& client, Request& request);

  const resp::CommandTable& table() const { return *table_; }
  // It is about a server, whichever it is sent to, and not about the connection that it comes by.
  bool concerns_server(const resp::CommandSpec& spec) const;

 private:
  bool is_paused(Client& client, const resp::CommandSpec& spec) const;
  Verdict carry_out(Client& client, CommandView& command, Treatment treatment);
  Verdict in_state(Client& client, CommandView& command, Treatment treatment);
  // `script_call`: what the command calls a script by, if it does.
  Verdict by_keys(Client& client, const CommandView& command, Channel channel = Channel::kMain,
                  uint64_t script_call = 0);
  Verdict split(Client& client, const CommandView& command, Merge merge);
  Verdict blocking(Client& client, const CommandView& command);
  Verdict to_slot(Client& client, const CommandView& command, uint16_t slot, Channel channel = Channel::kMain,
                  uint64_t script_call = 0);
  void prepare(const resp::CommandTable& table);

  Services& services_;
  bool sharded_ = true;
  const resp::CommandTable* table_ = nullptr;
  std::vector<std::shared_ptr<const resp::CommandTable>> learnt_;
  std::vector<Treatment> treatments_;  // by the spec's id
  std::vector<OwnCommand> own_;        // by the spec's id
};

}  // namespace keyway::proxy
