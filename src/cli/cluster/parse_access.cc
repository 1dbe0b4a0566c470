// How servers are reached.
#include <array>

#include "base/format.h"
#include "base/strings.h"
#include "cli/cluster/parse_parts.h"

namespace keyway::cli {

namespace {

constexpr int64_t kAnswerTimeoutMs = 3000;

constexpr std::array<std::string_view, 8> kTlsOptions = {
    "cacert", "cacertdir", "cert", "key", "sni", "insecure", "tls_ciphers", "tls_ciphersuites"};

// The options of one login.
struct LoginOptions {
  std::string_view user, pass, password_file, askpass;
};

Result<Login> take_login(const ToolWords& words, const LoginOptions& names) {
  std::vector<std::string> given;
  for (std::string_view name : {names.pass, names.password_file, names.askpass}) {
    if (words.has(name)) given.push_back(words.spelled(name));
  }
  if (given.size() > 1) {
    return tool_misuse(
        words, fmt::format("{} give the password more than once; use one of them", join(given, " and ")));
  }
  Login login{words.text(names.user), {}, words.text(names.password_file), words.has(names.askpass)};
  if (words.has(names.pass)) login.password = words.text(names.pass);
  for (std::string_view name : {names.user, names.password_file}) {
    if (words.has(name) && words.text(name).empty())
      return tool_misuse(words, fmt::format("{} is empty", words.spelled(name)));
  }
  return login;
}

Result<engine::TlsOptions> take_tls(const ToolWords& words) {
  bool used = words.has("tls") || words.has("from_tls");
  for (std::string_view name : kTlsOptions) {
    if (words.has(name) && !used)
      return tool_misuse(words, fmt::format("{} goes with --tls", words.spelled(name)));
  }
  if (words.has("cert") != words.has("key")) return tool_misuse(words, "--cert and --key go together");
  engine::TlsOptions tls;
  tls.enabled = words.has("tls");
  tls.ca_file = words.text("cacert");
  tls.ca_folder = words.text("cacertdir");
  tls.certificate_file = words.text("cert");
  tls.key_file = words.text("key");
  tls.server_name = words.text("sni");
  tls.ciphers = words.text("tls_ciphers");
  tls.ciphersuites = words.text("tls_ciphersuites");
  tls.insecure = words.has("insecure");
  return tls;
}

Result<engine::AddressMap> take_map(const ToolWords& words) {
  engine::AddressMap map;
  auto found = words.options.find("map");
  if (found == words.options.end()) return map;
  for (const std::string& text : found->second.values) {
    auto pair = pair_value("--map", "ANNOUNCED=REACHABLE, such as 10.0.0.5:6379=127.0.0.1:7005", text);
    if (!pair) return fail(pair.error());
    Result<Address> announced = address_value("--map", pair->first);
    if (!announced) return fail(announced.error());
    Result<Address> reachable = address_value("--map", pair->second);
    if (!reachable) return fail(reachable.error());
    if (!map.emplace(*announced, *reachable).second)
      return tool_misuse(words, fmt::format("--map names {} twice", pair->first));
  }
  return map;
}

// redis-cli's -u.
Status take_uri(const ToolWords& words, Access& access) {
  ServerUri uri;
  if (Status taken = take(words, "uri", uri, uri_value); !taken) return taken;
  if (uri.password && (access.login.password || access.login.ask || !access.login.password_file.empty()))
    return tool_misuse(words, "-u gives the password a second time; use one of them");
  if (uri.password) access.login.password = uri.password;
  if (access.login.user.empty()) access.login.user = uri.user;
  access.tls.enabled = access.tls.enabled || uri.tls;
  return {};
}

// The server that redis-cli's general options name.
Result<Seed> seed_of_options(const ToolWords& words) {
  ServerUri uri;
  if (Status taken = take(words, "uri", uri, uri_value); !taken) return fail(taken.error());
  std::string host = words.has("host") ? words.text("host") : "127.0.0.1";
  int port = 6379;
  if (Status taken = take(words, "port", port, whole_number(1, 65535)); !taken) return fail(taken.error());
  if (!words.has("host") && !words.has("port")) return Seed{uri.address, ""};
  return Seed{{host, static_cast<uint16_t>(port)}, ""};
}

}  // namespace

Result<Access> take_access(const ToolWords& words) {
  Access access;
  Result<Login> login = take_login(words, {"user", "pass", "password_file", "askpass"});
  if (!login) return fail(login.error());
  access.login = *std::move(login);
  Result<engine::TlsOptions> tls = take_tls(words);
  if (!tls) return fail(tls.error());
  access.tls = *std::move(tls);
  Result<engine::AddressMap> map = take_map(words);
  if (!map) return fail(map.error());
  access.reach = *std::move(map);
  if (Status taken = take_uri(words, access); !taken) return fail(taken.error());
  Status taken = take(words, "timeout", access.timeout_ms, [](std::string_view flag, std::string_view text) {
    return seconds_value(flag, text, kAnswerTimeoutMs);
  });
  if (!taken) return fail(taken.error());
  access.warn_of_password = !words.has("no_auth_warning");
  return access;
}

Result<Login> take_source_login(const ToolWords& words) {
  return take_login(words, {"from_user", "from_pass", "from_password_file", "from_askpass"});
}

Result<Seed> take_seed(ToolWords& words, size_t rest) {
  std::vector<std::string>& given = words.positionals;
  bool by_options = words.has("host") || words.has("port") || words.has("uri");
  if (by_options && given.size() == rest && words.command->name != "call") {
    Result<Seed> seed = seed_of_options(words);
    if (!seed || !seed->empty()) return seed;
  }
  if (given.size() < rest + 1) {
    std::string_view form =
        words.spelling == Spelling::kOwn ? words.command->words : words.command->old_words;
    return tool_misuse(words, fmt::format("{} needs {}", words.command->name, form));
  }
  std::string text = given.front();
  given.erase(given.begin());
  // "HOST PORT" as two words.
  bool two = given.size() > rest && !text.ends_with(']') && text.find(':') == std::string::npos &&
             parse_uint(given.front()).has_value();
  if (two) {
    text += ":" + given.front();
    given.erase(given.begin());
  }
  return seed_value(words.command->name, text);
}

}  // namespace keyway::cli
