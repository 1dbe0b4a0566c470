#include <map>

#include "base/format.h"
#include "base/strings.h"
#include "operator/parts.h"
#include "operator/wanted_object.h"
#include "platform/base64.h"
#include "platform/kubernetes/names.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;

namespace {

// By the user's name. Lines as servers' ACL files have them: "user NAME on RULES >PASSWORD RULES".
std::map<std::string, std::string, std::less<>> passwords_in(std::string_view users) {
  std::map<std::string, std::string, std::less<>> passwords;
  for (std::string_view line : split(users, '\n')) {
    const std::vector<std::string_view> words = split_blanks(line);
    if (words.size() < 3 || words[0] != "user") continue;
    for (std::string_view word : words) {
      if (word.starts_with('>') && word.size() > 1) passwords.emplace(words[1], word.substr(1));
    }
  }
  return passwords;
}

// Rules that say nothing of channels mean all of them.
std::string line_of(const cluster::UserSpec& user, const std::string& password) {
  const std::string_view rules = user.rules;
  const bool names_channels =
      rules.find('&') != std::string_view::npos || rules.find("channels") != std::string_view::npos;
  return fmt::format("user {} {} {} >{}{}\n", user.name, user.enabled ? "on" : "off", rules, password,
                     names_channels ? "" : " &*");
}

// The agents act as `default`, unless the spec makes that somebody else.
std::string users_text(const cluster::Spec& spec, std::string_view present, const Tools& tools) {
  const auto known = passwords_in(present);
  const auto password = [&](std::string_view name) {
    auto found = known.find(name);
    return found == known.end() ? tools.new_password() : found->second;
  };
  bool has_default = false;
  for (const cluster::UserSpec& user : spec.users) has_default = has_default || user.name == "default";
  const cluster::UserSpec own{has_default ? "admin" : "default", "+@all ~*", true};
  std::string text = line_of(own, password(own.name));
  for (const cluster::UserSpec& user : spec.users) text += line_of(user, password(user.name));
  return text;
}

std::string secret_json(const Sight& sight, const std::string& name, const std::string& users,
                        const std::string& version) {
  kubernetes::Value metadata =
      kubernetes::metadata(sight.whole.cluster, name, kubernetes::cluster_labels(sight.whole.cluster));
  if (!version.empty()) metadata.set("resourceVersion", version);
  return to_json(owned_by(
      sight,
      kubernetes::fields({{"apiVersion", "v1"},
                          {"kind", "Secret"},
                          {"metadata", std::move(metadata)},
                          {"type", "Opaque"},
                          {"data", kubernetes::fields({{kUsersKey, platform::base64_encoded(users)}})}})));
}

// What a person's Secret lacks; nothing: it will do.
std::optional<Remark> lacks(const Sight& sight, const SecretView& secret) {
  const auto known = passwords_in(secret.users);
  if (!known.contains("admin") && !known.contains("default"))
    return Remark{"NoAdmin", fmt::format("Secret {} was made by somebody else and has no user `admin` or "
                                         "`default` with a password (>…) in {}; add one, or delete the "
                                         "Secret to have one made",
                                         secret.meta.name, kUsersKey)};
  for (const cluster::UserSpec& user : sight.spec.users) {
    if (known.contains(user.name)) continue;
    return Remark{"OtherUsers",
                  fmt::format("Secret {} was made by somebody else and is left as it is; it has no user "
                              "`{}` of spec.users",
                              secret.meta.name, user.name)};
  }
  return std::nullopt;
}

}  // namespace

void keep_users(const Sight& sight, const Tools& tools, Decision& decision) {
  const std::string name = kubernetes::secret_name(sight.meta().name);
  const std::optional<SecretView>& present = sight.snapshot->secret;
  if (present && !sight.owns(present->meta)) {
    decision.users = lacks(sight, *present);
    if (decision.users && decision.users->reason == "NoAdmin") decision.troubles.push_back(*decision.users);
    return;
  }
  const std::string text = users_text(sight.spec, present ? present->users : "", tools);
  if (present && present->users == text) return;
  const std::string version = present ? present->meta.resource_version : "";
  Event event =
      event_of(sight.meta(), present ? "UsersChanged" : "UsersCreated",
               present ? fmt::format("Secret {} has the users of the spec by now", name)
                       : fmt::format("Secret {} has fresh passwords for the users of the spec", name));
  event.id += version;
  decision.before.push_back(
      {PutUsers{name, secret_json(sight, name, text, version), version}, std::move(event)});
  decision.users = Remark{"Writing", fmt::format("Secret {} is being written", name)};
}

}  // namespace keyway::operators
