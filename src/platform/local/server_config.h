// The redis.conf of one server. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"
#include "cluster/spec.h"
#include "platform/local/paths.h"

namespace keyway::platform::local {

// A port of the server's own address that nobody listens at: a held replica keeps asking there.
inline constexpr uint16_t kNobodysPort = 1;

// How a replicated server starts. kHold: as a replica of nobody, which takes no writes until it is told what
// to be.
enum class StartRole { kPrimary, kReplica, kHold };

struct ServerPlace {
  cluster::Mode mode = cluster::Mode::kSharded;
  NodePaths paths;
  Address address;
  std::string unix_socket;  // beside or, with address.port 0, instead of the port; empty: none
  std::string admin_user;   // masteruser, masterauth
  std::string admin_password;
  StartRole role = StartRole::kPrimary;  // replicated mode
  Address follow;                        // with kReplica
};

// Keyway's own settings, then `config` in order. A directive with an empty value is written as `name ""`.
std::string render_server_config(const ServerPlace& place, const cluster::ServerConfig& config);

// The `config` that the text was rendered with (blanks between words may differ).
cluster::ServerConfig read_server_config(std::string_view text);

// All directives of a redis.conf; the last word on each counts.
cluster::ServerConfig read_directives(std::string_view text);

// A value as redis.conf wants it after the directive's name: directives that take several words (save, bind,
// client-output-buffer-limit, …) keep their words, all others are quoted as one.
std::string quote_value(std::string_view directive, std::string_view value);

}  // namespace keyway::platform::local
