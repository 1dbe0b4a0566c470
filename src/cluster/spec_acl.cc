// Rules for the users of a spec.
#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/spec_rules.h"
#include "cluster/suggest.h"

namespace keyway::cluster {

namespace {

// Rules of the servers' ACL that are whole words and neither a password nor on/off.
constexpr std::array kWords = {
    "allkeys", "resetkeys", "allchannels",      "resetchannels",         "allcommands",   "nocommands",
    "alldbs",  "resetdbs",  "sanitize-payload", "skip-sanitize-payload", "clearselectors"};

// One rule, without the parentheses of a selector.
std::optional<std::string> rule_problem(std::string_view rule) {
  const std::string lower = to_lower(rule);
  constexpr std::string_view kPasswordSigns = "><#!";
  if (kPasswordSigns.find(rule.front()) != std::string_view::npos || lower == "nopass" ||
      lower == "resetpass") {
    // The rule itself is not repeated: it may hold a password.
    return "a rule sets a password, but Keyway makes the passwords and keeps them out of the spec; remove "
           "the rules that begin with "
           "> < # or !, nopass and resetpass, and read the password with `keyway password`";
  }
  if (lower == "on" || lower == "off")
    return fmt::format("remove \"{}\" from the rules; use the field enabled", rule);
  if (lower == "reset")
    return "\"reset\" would take the password too; remove it, rules begin from nothing anyway";
  constexpr std::string_view kSigns = "+-~%&";
  const bool known = kSigns.find(rule.front()) != std::string_view::npos || lower.starts_with("db=") ||
                     std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
  if (known) return std::nullopt;
  return fmt::format(
      "\"{}\" is no ACL rule; commands begin with + or - (+get, +@read), keys with ~ (~app:*), channels with "
      "&",
      excerpt(rule));
}

}  // namespace

std::optional<std::string> acl_rules_problem(std::string_view rules) {
  if (std::any_of(rules.begin(), rules.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; })) {
    return "the rules have a line break or another control character; write them on one line";
  }
  const auto parts = split_blanks(rules);
  if (parts.empty())
    return "there are no rules, so this user could do nothing; write some, such as \"+@read ~*\"";
  bool in_selector = false;
  for (std::string_view part : parts) {
    if (part.front() == '(') {
      if (in_selector) return "a selector begins inside another one; close the first with )";
      in_selector = true;
      part.remove_prefix(1);
    }
    const bool closes = in_selector && !part.empty() && part.back() == ')';
    if (closes) part.remove_suffix(1);
    if (!part.empty()) {
      if (auto problem = rule_problem(part)) return problem;
    }
    if (closes) in_selector = false;
  }
  if (in_selector) return "a selector is not closed; add )";
  return std::nullopt;
}

std::optional<std::string> user_name_problem(std::string_view name) {
  const auto known_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  if (name == "admin") return "\"admin\" is Keyway's own user, which always exists; choose another name";
  if (!name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), known_character))
    return std::nullopt;
  return fmt::format("\"{}\" is no user name; use up to 64 letters, digits, \".\", \"_\" and \"-\"",
                     excerpt(name));
}

}  // namespace keyway::cluster
