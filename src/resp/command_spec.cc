#include "resp/command_spec.h"

namespace keyway::resp {

std::string_view to_string(CommandGroup group) {
  static constexpr std::string_view kNames[] = {
      "bitmap",      "cluster",    "connection", "generic", "geo",          "hash",
      "hyperloglog", "list",       "module",     "pubsub",  "scripting",    "server",
      "set",         "sorted-set", "stream",     "string",  "transactions", "learnt"};
  return kNames[static_cast<size_t>(group)];
}

}  // namespace keyway::resp
