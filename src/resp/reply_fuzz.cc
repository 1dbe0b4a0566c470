// Any bytes: the parser neither crashes nor goes over its limits, gives the same for any pieces, and reads
// again what it read.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "resp/reply.h"
#include "resp/reply_testing.h"

namespace {

using keyway::Result;
using keyway::resp::ParserLimits;
using keyway::resp::Reply;
using keyway::resp::ReplyParser;

struct Outcome {
  std::vector<Reply> replies;
  std::string error;
};

void require(bool holds) {
  if (!holds) std::abort();
}

Outcome read(std::string_view bytes, size_t piece_bytes, ParserLimits limits) {
  ReplyParser parser(limits);
  Outcome outcome;
  while (!bytes.empty() && outcome.error.empty()) {
    parser.feed(bytes.substr(0, piece_bytes));
    bytes.remove_prefix(std::min(piece_bytes, bytes.size()));
    while (true) {
      Result<std::optional<Reply>> reply = parser.next();
      if (!reply) outcome.error = reply.error().message;
      if (!reply || !*reply) break;
      outcome.replies.push_back(std::move(**reply));
    }
  }
  return outcome;
}

void require_within(const Reply& reply, const ParserLimits& limits, int depth) {
  require(depth <= limits.max_depth);
  require(reply.text.size() <= std::max(limits.max_bulk_bytes, limits.max_line_bytes));
  require(reply.elements.size() <= limits.max_elements);
  for (const Reply& element : reply.elements)
    require_within(element, limits, depth + (element.elements.empty() ? 0 : 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  size_t piece_bytes = size_t{1} + data[0] % 16;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  ParserLimits limits;
  limits.max_bulk_bytes = 1000;
  limits.max_line_bytes = 500;
  limits.max_reply_bytes = 3000;
  limits.max_elements = 100;
  limits.max_depth = 5;

  Outcome whole = read(bytes, bytes.size() + 1, limits);
  Outcome pieces = read(bytes, piece_bytes, limits);
  require(whole.replies.size() == pieces.replies.size());
  // Where the bytes break a limit, or two rules at once, pieces may show another reason first: only that they
  // break is the same.
  require(whole.error.empty() == pieces.error.empty());

  std::string wire;
  for (size_t i = 0; i < whole.replies.size(); ++i) {
    require(same_reply(whole.replies[i], pieces.replies[i]));
    require_within(whole.replies[i], limits, whole.replies[i].elements.empty() ? 0 : 1);
    write_reply(wire, whole.replies[i]);
  }
  Outcome again = read(wire, wire.size() + 1, ParserLimits{});
  require(again.error.empty() && again.replies.size() == whole.replies.size());
  for (size_t i = 0; i < again.replies.size(); ++i) require(same_reply(again.replies[i], whole.replies[i]));
  return 0;
}
