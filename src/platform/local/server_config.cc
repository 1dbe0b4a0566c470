#include "platform/local/server_config.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::platform::local {

namespace {

// Directives whose value is several words to the servers. All others take one, blanks and all.
constexpr std::array<std::string_view, 7> kSeveralWords = {"client-output-buffer-limit",
                                                           "latency-tracking-info-percentiles",
                                                           "loadmodule",
                                                           "oom-score-adj-values",
                                                           "save",
                                                           "shutdown-on-sigint",
                                                           "shutdown-on-sigterm"};

// An address of the server's own that nobody listens on: a held replica keeps asking there.
constexpr uint16_t kNobodysPort = 1;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_./:,*@%+=").find(c) != std::string_view::npos;
}

// One word in the syntax of redis.conf.
std::string quote_word(std::string_view word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return std::string(word);
  std::string quoted = "\"";
  for (char c : word) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < ' ' || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(byte));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

void append(std::string& text, std::string_view directive, std::string_view value) {
  text += fmt::format("{} {}\n", directive, quote_value(directive, value));
}

void append_replication(std::string& text, const ServerPlace& place) {
  append(text, "masteruser", place.admin_user);
  append(text, "masterauth", place.admin_password);
  if (place.mode == cluster::Mode::kSharded || place.role == StartRole::kPrimary) return;
  Address of = place.role == StartRole::kReplica ? place.follow : Address{place.address.host, kNobodysPort};
  text += fmt::format("replicaof {} {}\n", quote_word(of.host), of.port);
}

// A server that is told to end keeps its data even if the configuration has it save nothing at other times.
bool would_lose_data_at_its_end(const cluster::ServerConfig& config) {
  auto value = [&config](const char* name) {
    auto found = config.find(name);
    return found == config.end() ? std::optional<std::string>() : to_lower(trim(found->second));
  };
  bool saves_nothing = value("save") == "" || value("save") == "\"\"";
  return saves_nothing && value("appendonly") != "yes" && !value("shutdown-on-sigterm");
}

}  // namespace

std::string quote_value(std::string_view directive, std::string_view value) {
  if (std::find(kSeveralWords.begin(), kSeveralWords.end(), directive) == kSeveralWords.end())
    return quote_word(value);
  std::vector<std::string> words;
  for (std::string_view word : split_blanks(value))
    words.push_back(word == "\"\"" ? "\"\"" : quote_word(word));
  return words.empty() ? "\"\"" : join(words, " ");
}

std::string render_server_config(const ServerPlace& place, const cluster::ServerConfig& config) {
  std::string text =
      "# Written by Keyway at each start; changes made here are lost. Change the cluster's spec instead.\n";
  append(text, "bind", place.address.host);
  text += fmt::format("port {}\n", place.address.port);
  append(text, "protected-mode", "no");  // every user has a password
  if (!place.unix_socket.empty()) append(text, "unixsocket", place.unix_socket);
  append(text, "daemonize", "no");
  append(text, "dir", place.paths.folder);
  append(text, "logfile", place.paths.log_file());
  append(text, "pidfile", place.paths.pid_file());
  append(text, "aclfile", place.paths.users_file());
  if (place.mode == cluster::Mode::kSharded) {
    append(text, "cluster-enabled", "yes");
    append(text, "cluster-config-file", place.paths.node_table());
  }
  append_replication(text, place);
  if (would_lose_data_at_its_end(config)) append(text, "shutdown-on-sigterm", "save");
  for (const auto& [directive, value] : config) append(text, directive, value);
  return text;
}

}  // namespace keyway::platform::local
