#include "agent/server_files.h"

#include "base/format.h"
#include "base/strings.h"
#include "cluster/desired.h"
#include "platform/local/paths.h"
#include "platform/local/server_config.h"

namespace keyway::agent {

namespace {

using platform::local::kNobodysPort;
using platform::local::quote_value;

void append(std::string& text, std::string_view directive, std::string_view value) {
  text += fmt::format("{} {}\n", directive, quote_value(directive, value));
}

void append_number(std::string& text, std::string_view directive, int64_t value) {
  text += fmt::format("{} {}\n", directive, value);
}

void append_identity(std::string& text, const Settings& settings, const StartAs& role) {
  if (settings.mode == cluster::Mode::kSharded) {
    append(text, "cluster-enabled", "yes");
    append(text, "cluster-config-file", "nodes.conf");
    append(text, "cluster-announce-ip", settings.server.host);
    append_number(text, "cluster-announce-port", settings.server.port);
    append_number(text, "cluster-announce-bus-port", settings.bus_port);
    return;
  }
  append(text, "replica-announce-ip", settings.server.host);
  append_number(text, "replica-announce-port", settings.server.port);
  Address of = role.follow.empty() ? Address{settings.server.host, kNobodysPort} : role.follow;
  text += fmt::format("replicaof {} {}\n", quote_value("replicaof", of.host), of.port);
}

}  // namespace

std::string render_config(const Settings& settings, std::string_view fragment, bool with_users,
                          const engine::Credentials& account, const StartAs& role) {
  platform::local::NodePaths paths{settings.data_folder};
  std::string text = "# Written by Keyway at each start.\n";
  for (const auto& [name, value] : cluster::default_config(settings.mode)) append(text, name, value);
  text += fmt::format("\n# From {}:\n{}\n\n# This pod:\n", settings.config_file, fragment);
  if (!settings.bind.empty()) append(text, "bind", settings.bind);
  append_number(text, "port", settings.server.port);
  append(text, "protected-mode", "no");
  append(text, "daemonize", "no");
  append(text, "dir", paths.folder);
  append(text, "logfile", paths.log_file());
  append(text, "pidfile", paths.pid_file());
  if (with_users) append(text, "aclfile", settings.users_file);
  if (!account.user.empty()) append(text, "masteruser", account.user);
  if (!account.password.empty()) append(text, "masterauth", account.password);
  append_identity(text, settings, role);
  if (settings.max_memory_bytes) append_number(text, "maxmemory", *settings.max_memory_bytes);
  return text;
}

Result<engine::Credentials> account_in(std::string_view users) {
  for (std::string_view name : {"admin", "default"}) {
    for (std::string_view line : split(users, '\n')) {
      std::vector<std::string_view> words = split_blanks(line);
      if (words.size() < 3 || words[0] != "user" || words[1] != name) continue;
      for (std::string_view word : words) {
        if (word.starts_with('>')) return engine::Credentials{std::string(name), std::string(word.substr(1))};
        if (word == "nopass" && name == "default") return engine::Credentials{};
        if (word == "nopass") return engine::Credentials{std::string(name), "-"};
      }
    }
  }
  return fail(ErrorCode::kDenied,
              "the users file has neither a user `admin` nor a user `default` with a password; Keyway needs "
              "one of them to speak to the servers");
}

}  // namespace keyway::agent
