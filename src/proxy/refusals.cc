#include "proxy/refusals.h"

#include <algorithm>

#include "base/format.h"
#include "proxy/client.h"
#include "proxy/dispatcher.h"

namespace keyway::proxy {

namespace {

constexpr size_t kMaxShownBytes = 128;

// An error is one line.
std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return text + "\r\n";
}

std::string upper(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

}  // namespace

std::string unknown_command(std::span<const std::string_view> arguments) {
  std::string shown;
  for (size_t i = 1; i < arguments.size() && shown.size() < kMaxShownBytes; ++i)
    shown += fmt::format("'{}' ", arguments[i].substr(0, kMaxShownBytes - shown.size()));
  return one_line(fmt::format("-ERR unknown command '{}', with args beginning with: {}",
                              arguments[0].substr(0, kMaxShownBytes), shown));
}

std::string unknown_subcommand(const resp::CommandSpec& container, std::string_view subcommand) {
  return one_line(fmt::format("-ERR unknown subcommand '{}'. Try {} HELP.",
                              subcommand.substr(0, kMaxShownBytes), upper(container.name)));
}

std::string wrong_arity(const resp::CommandSpec& spec) {
  return fmt::format("-ERR wrong number of arguments for '{}' command\r\n", spec.name);
}

std::string not_through_proxy(const resp::CommandSpec& spec) {
  return fmt::format("-ERR keyway: '{}' concerns one server and cannot be sent through the proxy\r\n",
                     spec.name);
}

std::string keys_unknown(const resp::CommandSpec& spec) {
  return fmt::format(
      "-ERR keyway: which keys '{}' has cannot be told, so it cannot be sent through the proxy\r\n",
      spec.name);
}

Verdict answer(Client& client, std::string_view reply) {
  client.reply(reply);
  return Verdict::kTaken;
}

Verdict refuse(Client& client, const std::string& error) {
  if (Transaction* transaction = client.session().transaction.get(); transaction != nullptr)
    transaction->broken = true;
  return answer(client, error);
}

std::string bulk(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }

Slice encode(std::span<const std::string_view> arguments, ChunkPool& pool) {
  std::string text = fmt::format("*{}\r\n", arguments.size());
  for (std::string_view argument : arguments) {
    text += fmt::format("${}\r\n", argument.size());
    text += argument;
    text += "\r\n";
  }
  return copy_of(text, pool);
}

}  // namespace keyway::proxy
