// Any command line and any reply to COMMAND: keys are found within the arguments or not at all, whatever a
// learnt spec says; and what is learnt leaves the built-in commands findable.
//
// Input: the reply, a line feed, then the arguments, apart by blanks.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "resp/command_keys.h"
#include "resp/command_table.h"

namespace {

using keyway::resp::CommandSpec;
using keyway::resp::CommandTable;
using keyway::resp::KeyPositions;

void require(bool holds) {
  if (!holds) std::abort();
}

void look_for_keys(const CommandTable& table, const std::vector<std::string_view>& arguments) {
  const CommandSpec* spec = table.resolve(arguments);
  if (spec == nullptr) return;
  require(spec->id < table.size());
  KeyPositions positions;
  bool sense = key_positions(*spec, arguments, positions);
  require(sense || positions.empty());
  require(positions.count() <= arguments.size() * CommandSpec::kMaxKeySpecs);
  positions.for_each([&](size_t position) { require(position >= 1 && position < arguments.size()); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  size_t end = input.rfind('\n');
  if (end == std::string_view::npos) end = 0;
  std::vector<std::string_view> arguments = keyway::split(input.substr(end == 0 ? 0 : end + 1), ' ');
  look_for_keys(CommandTable::builtin(), arguments);
  for (std::string_view name : arguments) {
    const CommandSpec* spec = CommandTable::builtin().find(name);
    require(spec == nullptr || spec->name == keyway::to_lower(name));
  }

  keyway::resp::ReplyParser parser({.max_bulk_bytes = 1000, .max_reply_bytes = 10'000, .max_elements = 1000});
  parser.feed(input.substr(0, end));
  auto reply = parser.next();
  if (!reply || !*reply) return 0;
  auto table = CommandTable::learn(**reply);
  if (!table) return 0;
  look_for_keys(*table, arguments);
  require(table->find("GET") != nullptr && table->find("GET")->id == CommandTable::builtin().find("get")->id);
  return 0;
}
