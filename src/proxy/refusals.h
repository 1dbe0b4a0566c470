// What a client is told of a command that is not sent to any server, as a server would say it. Any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proxy/chunk.h"
#include "resp/command_spec.h"

namespace keyway::proxy {

class Client;
enum class Verdict : uint8_t;

std::string unknown_command(std::span<const std::string_view> arguments);
std::string unknown_subcommand(const resp::CommandSpec& container, std::string_view subcommand);
std::string wrong_arity(const resp::CommandSpec& spec);
std::string not_through_proxy(const resp::CommandSpec& spec);
std::string keys_unknown(const resp::CommandSpec& spec);

inline constexpr std::string_view kOk = "+OK\r\n";

// Answers with the reply, which is whole as it is.
Verdict answer(Client& client, std::string_view reply);
// Answers with the error; a transaction that was begun is broken by it.
Verdict refuse(Client& client, const std::string& error);

// A reply that is one text.
std::string bulk(std::string_view text);

// A command as it is sent.
Slice encode(std::span<const std::string_view> arguments, ChunkPool& pool);

}  // namespace keyway::proxy
