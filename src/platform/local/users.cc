#include "platform/local/users.h"

#include <openssl/sha.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"
#include "platform/local/random.h"

namespace keyway::platform::local {

namespace {

constexpr std::string_view kDefaultUser = "default";
constexpr std::string_view kAdminRules = "~* &* +@all";
constexpr size_t kPasswordBytes = 20;
constexpr std::string_view kFileHead =
    "# Users of this cluster and their passwords. Keyway made this file and keeps it; a password changed "
    "here is\n"
    "# given to the servers at the next `keyway up`.\n";

std::string sha256(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// Six bits a letter, with letters that need no quoting in URLs, shells and configuration files.
std::string random_password() {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string password;
  uint32_t bits = 0;
  int bit_count = 0;
  for (char byte : random_bytes(kPasswordBytes)) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (bit_count += 8; bit_count >= 6; bit_count -= 6) password += kLetters[bits >> (bit_count - 6) & 63];
  }
  if (bit_count > 0) password += kLetters[bits << (6 - bit_count) & 63];
  // A leading dash would look like an option to command line programs.
  if (password.front() == '-') password.front() = '_';
  return password;
}

const User* find(const std::vector<User>& users, std::string_view name) {
  auto found =
      std::find_if(users.begin(), users.end(), [name](const User& user) { return user.name == name; });
  return found == users.end() ? nullptr : &*found;
}

std::string password_for(const std::vector<User>& existing, std::string_view name) {
  const User* user = find(existing, name);
  return user != nullptr ? user->password : random_password();
}

std::string line_of(const User& user, std::string_view secret) {
  return fmt::format("user {} {} {} {}\n", user.name, user.enabled ? "on" : "off", user.rules, secret);
}

// The rules as ACL SETUSER takes them: a word each, but a selector "(…)" is one with its blanks.
std::vector<std::string_view> split_rules(std::string_view rules) {
  std::vector<std::string_view> words;
  while (!(rules = trim(rules)).empty()) {
    size_t end = rules.starts_with('(') ? rules.find(')') : rules.find_first_of(" \t");
    end = end == std::string_view::npos ? rules.size() : end + (rules.starts_with('(') ? 1 : 0);
    words.push_back(rules.substr(0, end));
    rules.remove_prefix(end);
  }
  return words;
}

Result<User> parse_line(std::string_view line, const std::string& source, int number) {
  std::vector<std::string_view> words = split_blanks(line);
  bool whole = words.size() >= 4 && words[0] == "user" && (words[2] == "on" || words[2] == "off") &&
               words.back().starts_with('>') && words.back().size() > 1;
  if (!whole) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}:{}: a line must read \"user NAME on|off RULES >PASSWORD\"; correct it",
                            source, number));
  }
  User user{std::string(words[1]), words[2] == "on", "", std::string(words.back().substr(1))};
  std::vector<std::string> rules(words.begin() + 3, words.end() - 1);
  user.rules = join(rules, " ");
  return user;
}

}  // namespace

Result<Users> Users::parse(std::string_view text, const std::string& source) {
  Users users;
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    Result<User> user = parse_line(line, source, number);
    if (!user) return fail(user.error());
    if (find(users.users_, user->name) != nullptr) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}:{}: user {} is listed twice; delete one", source, number, user->name));
    }
    users.users_.push_back(std::move(*user));
  }
  std::sort(users.users_.begin(), users.users_.end(),
            [](const User& a, const User& b) { return a.name < b.name; });
  return users;
}

Users Users::for_spec(const cluster::Spec& spec, const Users& existing) {
  Users users;
  std::string admin = password_for(existing.users_, kAdminUser);
  for (std::string_view name : {kAdminUser, kDefaultUser}) {
    users.users_.push_back(User{std::string(name), true, std::string(kAdminRules), admin});
  }
  for (const cluster::UserSpec& user : spec.users) {
    if (find(users.users_, user.name) != nullptr) continue;
    // In the form that the file has after it was read back.
    std::vector<std::string_view> words = split_blanks(user.rules);
    std::string rules = join({words.begin(), words.end()}, " ");
    users.users_.push_back(User{user.name, user.enabled, rules, password_for(existing.users_, user.name)});
  }
  std::sort(users.users_.begin(), users.users_.end(),
            [](const User& a, const User& b) { return a.name < b.name; });
  return users;
}

Users Users::with(const Users& others) const {
  Users users = *this;
  for (const User& user : others.users_) {
    if (find(users.users_, user.name) == nullptr) users.users_.push_back(user);
  }
  std::sort(users.users_.begin(), users.users_.end(),
            [](const User& a, const User& b) { return a.name < b.name; });
  return users;
}

std::string Users::to_file() const {
  std::string text(kFileHead);
  for (const User& user : users_) text += line_of(user, ">" + user.password);
  return text;
}

std::string Users::to_acl_file() const {
  std::string text;
  for (const User& user : users_) text += line_of(user, "#" + sha256(user.password));
  return text;
}

std::vector<resp::Command> Users::to_commands(const std::vector<std::string>& unwanted) const {
  std::vector<resp::Command> commands;
  for (const User& user : users_) {
    resp::Command command{"ACL", "SETUSER", user.name, "reset", user.enabled ? "on" : "off"};
    for (std::string_view rule : split_rules(user.rules)) command.emplace_back(rule);
    command.push_back("#" + sha256(user.password));
    commands.push_back(std::move(command));
  }
  for (const std::string& name : unwanted) {
    if (find(users_, name) == nullptr) commands.push_back({"ACL", "DELUSER", name});
  }
  return commands;
}

std::string Users::fingerprint() const { return sha256(to_acl_file()); }

Result<std::string> Users::password(std::string_view name) const {
  if (const User* user = find(users_, name)) return user->password;
  std::vector<std::string> names;
  for (const User& user : users_) names.push_back(user.name);
  return fail(ErrorCode::kNotFound,
              fmt::format("there is no user {}; there are {}", name, join(names, ", ")));
}

Result<Users> load_users(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) return fail(file_error(errno, fmt::format("read {}", path)));
  if ((about.st_mode & 077) != 0) {
    return fail(
        ErrorCode::kDenied,
        fmt::format("{} holds passwords and others may read or write it; take that away (chmod 600 {})", path,
                    path));
  }
  Result<std::string> text = read_file(path);
  if (!text) return fail(text.error());
  return Users::parse(*text, path);
}

Status save_users(const std::string& path, const Users& users) {
  return replace_file(path, users.to_file(), Durability::kDurable);
}

std::vector<std::string> names_in_acl_file(std::string_view text) {
  std::vector<std::string> names;
  for (std::string_view line : split(text, '\n')) {
    std::vector<std::string_view> words = split_blanks(line);
    if (words.size() >= 2 && words[0] == "user") names.emplace_back(words[1]);
  }
  return names;
}

}  // namespace keyway::platform::local
