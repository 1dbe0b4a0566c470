#include "resp/command_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>

#include "base/format.h"
#include "resp/command_entry.h"
#include "resp/command_name.h"

namespace keyway::resp {

namespace {

using namespace command_flag;
#include "resp/command_table.inc"

// Whether the middle of `name`, which NameWords leaves out, is that of `small`.
bool same_middle(std::string_view name, std::string_view small) {
  constexpr size_t kWordBytes = sizeof(NameWords::head);
  if (name.size() <= 2 * kWordBytes) return true;
  size_t size = name.size() - 2 * kWordBytes;
  return same_name(name.substr(kWordBytes, size), small.substr(kWordBytes, size));
}

bool moves(const CommandSpec& spec) {
  return spec.key_rule != KeyRule::kNone && spec.key_rule != KeyRule::kRange;
}

bool same_keys(const CommandSpec& left, const CommandSpec& right) {
  return left.key_rule == right.key_rule && left.first_key == right.first_key &&
         left.last_key == right.last_key && left.key_step == right.key_step;
}

// Makes of what a server says about a known command what the table is to hold: all that is known, but arity
// and keys by the server's word. False if that is what is known. Keys of containers are those of subcommands,
// and of keys that move the table knows more than servers tell.
bool correct(const CommandSpec& known, CommandSpec& said) {
  CommandSpec spec = known;
  spec.name = said.name;
  spec.arity = said.arity;
  if (!known.has(kContainer) && !(moves(known) && moves(said))) {
    spec.key_rule = said.key_rule;
    spec.first_key = said.first_key;
    spec.last_key = said.last_key;
    spec.key_step = said.key_step;
    spec.key_specs = said.key_specs;
  }
  said = spec;
  return said.arity != known.arity || !same_keys(said, known);
}

size_t count_entries(const Reply& commands) {
  size_t count = commands.elements.size();
  for (const Reply& command : commands.elements) count += subcommands_of(command).size();
  return count;
}

}  // namespace

CommandTable::CommandTable(size_t max_commands)
    : places_(std::bit_ceil(2 * max_commands)), size_(std::size(kCommands)) {
  for (const CommandSpec& spec : kCommands) insert(spec);
}

CommandTable::CommandTable(CommandTable&&) noexcept = default;
CommandTable& CommandTable::operator=(CommandTable&&) noexcept = default;
CommandTable::~CommandTable() = default;

const CommandTable& CommandTable::builtin() {
  static const CommandTable table(std::size(kCommands));
  return table;
}

Result<CommandTable> CommandTable::learn(const Reply& command_reply) {
  if (command_reply.type != ReplyType::kArray)
    return fail(ErrorCode::kCorrupt, "the server's reply to COMMAND is no list of commands");
  size_t count = count_entries(command_reply);
  if (count > kMaxCommands) {
    return fail(
        ErrorCode::kExhausted,
        fmt::format("the server has {} commands; {} are the most that can be learnt", count, kMaxCommands));
  }
  CommandTable table(std::size(kCommands) + count);
  for (const Reply& command : command_reply.elements) {
    Result<std::unique_ptr<CommandEntry>> entry = read_command_entry(command);
    if (!entry) return fail(entry.error());
    table.keep(std::move(*entry));
    for (const Reply& subcommand : subcommands_of(command)) {
      entry = read_command_entry(subcommand);
      if (!entry) return fail(entry.error());
      (*entry)->spec.flags |= kSubcommand;
      table.keep(std::move(*entry));
    }
  }
  return table;
}

// Holds on to what an entry says, unless it is known already.
void CommandTable::keep(std::unique_ptr<CommandEntry> entry) {
  if (entry->name.size() > kMaxNameBytes) return;
  const CommandSpec* known = find_any(entry->name);
  if (known == nullptr) {
    entry->spec.id = static_cast<uint16_t>(size_++);
  } else if (!correct(*known, entry->spec)) {
    return;
  }
  insert(entry->spec);
  learnt_.push_back(std::move(entry));
}

const CommandSpec* CommandTable::find(std::string_view name) const {
  const CommandSpec* spec = find_any(name);
  return spec != nullptr && !spec->has(kSubcommand) ? spec : nullptr;
}

const CommandSpec* CommandTable::find_subcommand(const CommandSpec& command, std::string_view name) const {
  size_t size = command.name.size() + 1 + name.size();
  if (!command.has(kContainer) || size > kMaxNameBytes) return nullptr;
  std::array<char, kMaxNameBytes> whole{};
  char* end = std::copy(command.name.begin(), command.name.end(), whole.begin());
  *end = '|';
  std::copy(name.begin(), name.end(), end + 1);
  return find_any({whole.data(), size});
}

const CommandSpec* CommandTable::resolve(std::span<const std::string_view> arguments) const {
  if (arguments.empty()) return nullptr;
  const CommandSpec* spec = find(arguments[0]);
  if (spec == nullptr || !spec->has(kContainer) || arguments.size() == 1) return spec;
  return find_subcommand(*spec, arguments[1]);
}

const CommandSpec* CommandTable::find_any(std::string_view name) const {
  if (name.size() > kMaxNameBytes) return nullptr;
  NameWords words(name);
  size_t mask = places_.size() - 1;
  for (size_t at = words.hash() & mask; places_[at].spec != nullptr; at = (at + 1) & mask) {
    const Place& place = places_[at];
    if (place.head == words.head && place.tail == words.tail && place.spec->name.size() == name.size() &&
        same_middle(name, place.spec->name)) {
      return place.spec;
    }
  }
  return nullptr;
}

// In the place of a spec of the same name, if there is one.
void CommandTable::insert(const CommandSpec& spec) {
  NameWords words(spec.name);
  size_t mask = places_.size() - 1;
  size_t at = words.hash() & mask;
  while (places_[at].spec != nullptr && places_[at].spec->name != spec.name) at = (at + 1) & mask;
  places_[at] = {words.head, words.tail, &spec};
}

}  // namespace keyway::resp
