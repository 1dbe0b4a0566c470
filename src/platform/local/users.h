// The users of a cluster and their passwords: the users file, what servers are given of it, and the
// fingerprint by which one tells whether a server has the same. Passwords leave this room only through
// Users::password. Values; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cluster/spec.h"
#include "resp/command.h"

namespace keyway::platform::local {

inline constexpr std::string_view kAdminUser =
    "admin";  // Keyway's own account; `default` is the same one by another name

struct User {
  std::string name;
  bool enabled = true;
  std::string rules;     // "~* &* +@all"
  std::string password;  // plain
};

// Sorted by name; always holds `admin` and `default`, with one password.
class Users {
 public:
  // The users file: one "user NAME on|off RULES >PASSWORD" a line; blank lines and lines that start with '#'
  // are left out. `source` is its path, for errors (kCorrupt, naming the line).
  static Result<Users> parse(std::string_view text, const std::string& source);

  // The users of the spec and the admin: who is in `existing` keeps the password, others get a new random one
  // (160 bits, URL-safe).
  static Users for_spec(const cluster::Spec& spec, const Users& existing);

  // These users, and those of `others` that are not among them.
  Users with(const Users& others) const;

  std::string to_file() const;

  // What a server reads: the same lines with "#SHA256" for passwords.
  std::string to_acl_file() const;

  // ACL SETUSER for each user and ACL DELUSER for each of `unwanted`: brings a running server to the same,
  // and cuts no connection of a user that stays.
  std::vector<resp::Command> to_commands(const std::vector<std::string>& unwanted) const;

  // SHA-256 (hex) of everything that servers are given.
  std::string fingerprint() const;

  const std::vector<User>& all() const { return users_; }

  // kNotFound, with the names that exist.
  Result<std::string> password(std::string_view name) const;

 private:
  std::vector<User> users_;
};

// Reads the users file of a cluster. kDenied: others can read it, or it cannot be read.
Result<Users> load_users(const std::string& path);

// Replaces the users file, with mode 0600. On disk when it returns.
Status save_users(const std::string& path, const Users& users);

// Names of the users in a node's users.acl as it was last written; empty if there is none.
std::vector<std::string> names_in_acl_file(std::string_view text);

}  // namespace keyway::platform::local
