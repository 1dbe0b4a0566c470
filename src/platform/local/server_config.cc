#include "platform/local/server_config.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/desired.h"

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

// Parts what makes a server this node from what the spec asks for.
constexpr std::string_view kConfigBegins = "# The cluster's configuration:";

bool takes_several_words(std::string_view directive) {
  return std::find(kSeveralWords.begin(), kSeveralWords.end(), directive) != kSeveralWords.end();
}

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

int hex_digit(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

// The words of a line, at least one; the reverse of quote_word for each.
std::vector<std::string> unquote_words(std::string_view line) {
  std::vector<std::string> words;
  while (!(line = trim(line)).empty()) {
    std::string word;
    bool quoted = line.front() == '"';
    size_t i = quoted ? 1 : 0;
    for (; i < line.size() && line[i] != (quoted ? '"' : ' '); ++i) {
      if (!quoted || line[i] != '\\' || i + 1 >= line.size()) {
        word += line[i];
      } else if (line[i + 1] == 'x' && i + 3 < line.size()) {
        word += static_cast<char>(hex_digit(line[i + 2]) * 16 + hex_digit(line[i + 3]));
        i += 3;
      } else {
        word += line[++i];
      }
    }
    words.push_back(std::move(word));
    line.remove_prefix(std::min(line.size(), i + 1));
  }
  if (words.empty()) words.emplace_back();
  return words;
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
  return !cluster::persists(config) && !config.contains("shutdown-on-sigterm");
}

}  // namespace

std::string quote_value(std::string_view directive, std::string_view value) {
  if (!takes_several_words(directive)) return quote_word(value);
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
  text += fmt::format("\n{}\n", kConfigBegins);
  for (const auto& [directive, value] : config) append(text, directive, value);
  return text;
}

cluster::ServerConfig read_server_config(std::string_view text) {
  size_t begin = text.find(kConfigBegins);
  return begin == std::string_view::npos ? cluster::ServerConfig{} : read_directives(text.substr(begin));
}

cluster::ServerConfig read_directives(std::string_view text) {
  cluster::ServerConfig config;
  for (std::string_view whole_line : split(text, '\n')) {
    std::string_view line = trim(whole_line);
    size_t name_end = line.find_first_of(" \t");
    if (name_end == std::string_view::npos || line.starts_with('#')) continue;
    std::string name = to_lower(line.substr(0, name_end));
    std::vector<std::string> words = unquote_words(line.substr(name_end));
    std::string value = takes_several_words(name) ? join(words, " ") : words.front();
    config[std::move(name)] = std::move(value);
  }
  return config;
}

}  // namespace keyway::platform::local
