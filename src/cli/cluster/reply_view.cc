// Replies of servers as lines.
#include "base/format.h"
#include "base/strings.h"
#include "cli/cluster/views.h"

namespace keyway::cli {

namespace {

using resp::ReplyType;

std::string elements_text(const resp::Reply& reply) {
  std::vector<std::string> parts;
  for (const resp::Reply& element : reply.elements) parts.push_back(plain_reply(element));
  return join(parts, "\n");
}

Lines one_reply(const std::string& address, const std::string& text, Style style, const Terminal& terminal) {
  std::string trimmed = text;
  while (trimmed.ends_with('\n') || trimmed.ends_with('\r')) trimmed.pop_back();
  if (trimmed.find('\n') == std::string::npos)
    return {fmt::format("{}: {}", address, paint(printable(trimmed), style, terminal.colour))};
  Lines lines = {address + ":"};
  for (std::string_view line : split(trimmed, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back("  " + paint(printable(line), style, terminal.colour));
  }
  return lines;
}

}  // namespace

bool failed(const admin::NodeReply& reply) { return reply.error.has_value() || reply.reply.is_error(); }

std::string plain_reply(const resp::Reply& reply) {
  switch (reply.type) {
    case ReplyType::kInteger:
      return std::to_string(reply.integer);
    case ReplyType::kBoolean:
      return reply.integer != 0 ? "true" : "false";
    case ReplyType::kDouble:
      return fmt::format("{}", reply.number);
    case ReplyType::kNull:
      return "(nil)";
    case ReplyType::kArray:
    case ReplyType::kMap:
    case ReplyType::kSet:
    case ReplyType::kPush:
      return elements_text(reply);
    default:
      return reply.text;
  }
}

Lines reply_lines(const std::vector<admin::NodeReply>& replies, const Terminal& terminal) {
  Lines lines;
  for (const admin::NodeReply& reply : replies) {
    std::string text = reply.error ? reply.error->message : plain_reply(reply.reply);
    Lines more =
        one_reply(to_string(reply.address), text, failed(reply) ? Style::kBad : Style::kPlain, terminal);
    lines.insert(lines.end(), more.begin(), more.end());
  }
  return lines;
}

Lines set_timeout_lines(const std::vector<admin::NodeReply>& replies, int64_t timeout_ms,
                        const Terminal& terminal) {
  std::vector<admin::NodeReply> bad;
  for (const admin::NodeReply& reply : replies) {
    if (failed(reply)) bad.push_back(reply);
  }
  Lines lines = reply_lines(bad, terminal);
  lines.push_back(fmt::format("cluster-node-timeout is {} ms on {} of {}.", timeout_ms,
                              replies.size() - bad.size(),
                              count_of(static_cast<int64_t>(replies.size()), "node")));
  return lines;
}

}  // namespace keyway::cli
