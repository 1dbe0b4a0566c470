// The file of the proxy's own users: lines as in the servers' ACL files, as far as they say who somebody is,
// and as whom each of them acts at the servers.
//
//   user app on #SHA256 as=writer           who logs in, by this password, and acts as whom
//   user default on nopass as=reader        likewise those who do not log in
//   upstream writer file=writer.password    the servers' user, and where its password is
//
// Values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "proxy/users.h"

namespace keyway::proxy {

struct UsersFile {
  struct User {
    std::string name;
    size_t line = 0;
    bool on = false;
    bool any_password = false;  // or one of these
    std::vector<PasswordHash> passwords = {};
    std::string acts_as = {};  // a user of the servers
  };
  // With neither a password nor a file it needs none.
  struct Upstream {
    std::string name;
    size_t line = 0;
    std::string password = {};
    std::string password_file = {};  // as it is written there
  };

  std::vector<User> users;
  std::vector<Upstream> upstreams;
};

// `source` names the file in errors (kInvalidArgument): "SOURCE:LINE: what; what to do". They repeat nothing
// that may be a password.
Result<UsersFile> parse_users_file(std::string_view text, std::string_view source);

}  // namespace keyway::proxy
