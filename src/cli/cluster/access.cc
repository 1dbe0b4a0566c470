#include "cli/cluster/access.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <fstream>

#include "base/format.h"
#include "base/strings.h"
#include "cli/cluster/prompt.h"
#include "cli/clusters.h"
#include "platform/local/users.h"

namespace keyway::cli {

namespace {

constexpr size_t kMaxPasswordBytes = 4096;

class OwnServers : public engine::Servers {
 public:
  explicit OwnServers(const Reached& reached)
      : fleet_(io_, [account = reached.account] { return account; }, reached.fleet) {}

  std::vector<engine::Response> exchange(const std::vector<engine::Request>& requests,
                                         int64_t timeout_ms) override {
    return fleet_.exchange(requests, timeout_ms);
  }

 private:
  boost::asio::io_context io_;
  engine::Fleet fleet_;
};

// Of a file with the users of servers, whose first line has been read: what follows ">" on the user's line.
Result<std::string> find_in_users_file(std::ifstream& file, std::string line, const std::string& path,
                                       std::string_view user) {
  do {
    std::vector<std::string_view> words = split_blanks(line);
    if (words.size() < 2 || words[0] != "user" || words[1] != user) continue;
    auto found =
        std::ranges::find_if(words, [](std::string_view word) { return word.size() > 1 && word[0] == '>'; });
    if (found != words.end()) return std::string(found->substr(1));
  } while (std::getline(file, line));
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("the users file {} has no password of the user {}; name one of its users by --user",
                          path, user));
}

std::string password_of_environment() {
  for (const char* name : {"KEYWAY_PASSWORD", "VALKEYCLI_AUTH", "REDISCLI_AUTH"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

// The password that was given in whatever way; empty: none was.
Result<std::string> find_password(const Login& login, std::string_view question) {
  if (login.ask) return ask_password(question);
  if (login.password) return *login.password;
  if (!login.password_file.empty()) return read_password_file(login.password_file, login.user);
  return password_of_environment();
}

struct LocalNode {
  Address address;
  bool answers = false;
  bool primary = false;
};

// Asks all nodes of a local cluster at once who is there.
std::vector<LocalNode> look(const Chosen& cluster, const Reached& reached, int64_t timeout_ms) {
  std::vector<LocalNode> nodes;
  std::vector<engine::Request> requests;
  for (const platform::local::NodeState& node : cluster.state.nodes) {
    nodes.push_back({{cluster.state.spec.host, node.port}, false, false});
    requests.push_back({nodes.back().address, {{"ROLE"}}});
  }
  std::vector<engine::Response> responses = make_servers(reached)->exchange(requests, timeout_ms);
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!responses[i].ok() || responses[i].replies.front().is_error()) continue;
    const resp::Reply& role = responses[i].replies.front();
    nodes[i].answers = true;
    nodes[i].primary = !role.elements.empty() && role.elements.front().text == "master";
  }
  return nodes;
}

// A node that answers: of a replicated server the primary.
Result<Address> choose_node(const Chosen& cluster, const Reached& reached, int64_t timeout_ms) {
  std::vector<LocalNode> nodes = look(cluster, reached, timeout_ms);
  bool replicated = cluster.state.spec.mode == cluster::Mode::kReplicated;
  auto found = std::ranges::find_if(
      nodes, [&](const LocalNode& node) { return node.answers && (node.primary || !replicated); });
  if (found != nodes.end()) return found->address;
  return fail(
      ErrorCode::kUnavailable,
      fmt::format("no node of the local cluster \"{}\" answers; `keyway status {}` shows them, `keyway "
                  "up {}` brings them back",
                  cluster.name, cluster.name, cluster.name));
}

Status reach_local(const Seed& seed, int64_t timeout_ms, const std::string& home, Reached& reached) {
  Result<Chosen> cluster = choose_cluster(home, seed.cluster);
  if (!cluster) return fail(cluster.error());
  if (reached.account.password.empty()) {
    Result<platform::local::Users> users = platform::local::load_users(cluster->paths.users_file());
    if (!users) return fail(users.error());
    std::string_view user = reached.account.user.empty() ? platform::local::kAdminUser : reached.account.user;
    Result<std::string> password = users->password(user);
    if (!password) return fail(password.error());
    reached.account = {std::string(user), *password};
  }
  Result<Address> address = choose_node(*cluster, reached, timeout_ms);
  if (!address) return fail(address.error());
  reached.address = *address;
  reached.supervisor_pid = cluster->supervisor_pid;
  return {};
}

}  // namespace

Result<std::string> read_password_file(const std::string& path, const std::string& user) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line)) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the password file {} cannot be read, or is empty; its first line is the password",
                    path));
  }
  if (line.starts_with("user "))
    return find_in_users_file(file, std::move(line), path, user.empty() ? "default" : user);
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty() || line.size() > kMaxPasswordBytes) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the first line of the password file {} is empty or longer than {} bytes", path,
                            kMaxPasswordBytes));
  }
  return line;
}

bool names_local_cluster(const ToolInvocation& tool) {
  const auto* import = std::get_if<ImportRequest>(&tool.request);
  return !tool.seed.cluster.empty() || (import != nullptr && !import->source.cluster.empty());
}

Result<Reached> reach(const Seed& seed, const Login& login, const engine::TlsOptions& tls, int64_t timeout_ms,
                      const std::string& home) {
  Reached reached;
  reached.address = seed.address;
  reached.fleet.tls = tls;
  if (Status readable = engine::check_tls(tls); !readable) return fail(readable.error());
  std::string server = seed.cluster.empty() ? to_string(seed.address) : seed.cluster;
  Result<std::string> password =
      find_password(login, seed.empty() ? "Password: " : fmt::format("Password for {}: ", server));
  if (!password) return fail(password.error());
  reached.account = {login.user, *password};
  if (!login.user.empty() && password->empty() && seed.cluster.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("there is no password for the user {}; put it into KEYWAY_PASSWORD or a file "
                            "(--password-file), or be asked for it (--askpass)",
                            login.user));
  }
  if (!seed.cluster.empty()) {
    if (Status found = reach_local(seed, timeout_ms, home, reached); !found) return fail(found.error());
  }
  return reached;
}

std::unique_ptr<engine::Servers> make_servers(const Reached& reached) {
  return std::make_unique<OwnServers>(reached);
}

}  // namespace keyway::cli
