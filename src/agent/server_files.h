// The files with which a pod's server is started: its redis.conf, and whose account Keyway and the servers
// use among themselves. Pure but for read_account; any thread.
#pragma once

#include <string>
#include <string_view>

#include "agent/settings.h"
#include "base/error.h"
#include "engine/connection.h"

namespace keyway::agent {

// How the server starts in replicated mode. kHeld: as a replica of nobody, which takes no writes until it is
// told what to be. A replicated server never starts as a primary.
struct StartAs {
  Address follow;  // empty: held
};

// Keyway's defaults, then `fragment` (the text of settings.config_file), then what makes the server this
// node: later lines outweigh earlier ones. `with_users`: settings.users_file exists.
std::string render_config(const Settings& settings, std::string_view fragment, bool with_users,
                          const engine::Credentials& account, const StartAs& role);

// The account for Keyway and the servers in an ACL file: `admin` if it is there, else `default`; by its first
// password in clear. A user without one ("nopass") logs in as nobody. kDenied: neither user can be used.
Result<engine::Credentials> account_in(std::string_view users);

}  // namespace keyway::agent
