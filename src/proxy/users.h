// The proxy's own users: how clients show who they are, and as whom their commands reach the servers.
// Constant once made; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/upstream.h"

namespace keyway::proxy {

// SHA-256, as the servers keep passwords in their ACL files.
using PasswordHash = std::array<uint8_t, 32>;

PasswordHash hash_password(std::string_view password);
// Of 64 hexadecimal digits. Nothing: it is something else.
std::optional<PasswordHash> parse_password_hash(std::string_view text);

struct ProxyUser {
  bool any_password = false;  // or one of these
  std::vector<PasswordHash> passwords;
  Account upstream;  // empty: as whoever does not log in at the servers
};

class Users {
 public:
  using ByName = std::map<std::string, ProxyUser, std::less<>>;

  explicit Users(ByName users) : users_(std::move(users)) {}

  // Null: there is no such user.
  const ProxyUser* find(std::string_view name) const;
  // Null: there is no such user, or this is not the password. How long it takes does not tell which, nor how
  // much of the password is right.
  const ProxyUser* check(std::string_view name, std::string_view password) const;
  // As whom clients act that do not log in: the user "default" if it takes any password. Null: as nobody.
  const ProxyUser* without_login() const;

  const ByName& all() const { return users_; }

 private:
  ByName users_;
};

}  // namespace keyway::proxy
