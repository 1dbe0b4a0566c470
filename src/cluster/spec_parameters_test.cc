#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/strings.h"
#include "cluster/spec.h"

namespace keyway::cluster {
namespace {

TEST(ReservedParameters, SayWhyAndWhatToDo) {
  for (const char* name :
       {"port", "PORT", "dir", "bind", "aclfile", "cluster-enabled", "requirepass", "masterauth", "user",
        "unixsocket", "unixsocketperm", "tls-port", "cluster-announce-ip", "replicaof", "rename-command"}) {
    const auto reason = reserved_parameter(name);
    ASSERT_TRUE(reason) << name;
    EXPECT_TRUE(reason->find("; ") != std::string_view::npos) << *reason;
  }
  for (const char* name : {"maxmemory", "save", "cluster-node-timeout", "cluster-announce", "portx", "",
                           "io-threads", "repl-diskless-sync", "loadmodule", "databases"}) {
    EXPECT_FALSE(reserved_parameter(name)) << name;
  }
}

TEST(NeedsRestart, KnowsImmutableParameters) {
  for (const char* name :
       {"aclfile", "databases", "DATABASES", "io-threads", "loadmodule", "tcp-backlog", "unixsocketperm"}) {
    EXPECT_TRUE(needs_restart(name)) << name;
  }
  for (const char* name : {"maxmemory", "save", "hz", "", "zzz", "appendonly"})
    EXPECT_FALSE(needs_restart(name)) << name;
}

// A stock server without a port, reached by a socket in a folder of its own; gone with the object.
class StockServer {
 public:
  explicit StockServer(const std::string& program) {
    std::string folder = (std::filesystem::temp_directory_path() / "keyway-parameters-XXXXXX").string();
    if (!mkdtemp(folder.data())) return;
    folder_ = folder;
    const std::string path = folder + "/s";
    std::vector<std::string> words = {program, "--port",       "0",  "--dir",     folder, "--save",
                                      "",      "--unixsocket", path, "--logfile", "log"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    if (posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments.data(), environ) != 0) return;
    connect_to(path);
  }
  ~StockServer() {
    if (socket_ >= 0) close(socket_);
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  StockServer(const StockServer&) = delete;
  StockServer& operator=(const StockServer&) = delete;

  bool connected() const { return socket_ >= 0; }

  // The texts of a reply: one, or those of a list. An error's text begins with "-".
  std::vector<std::string> call(const std::vector<std::string>& command) {
    std::string request = "*" + std::to_string(command.size()) + "\r\n";
    for (const std::string& word : command)
      request += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    if (send(socket_, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size())) return {};
    const std::string head = line();
    if (head.empty() || head[0] != '*') return {text_after(head)};
    std::vector<std::string> texts;
    for (int64_t left = parse_int(head.substr(1)).value_or(0); left > 0; --left)
      texts.push_back(text_after(line()));
    return texts;
  }

 private:
  void connect_to(const std::string& path) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
        socket_ = fd;
        return;
      }
      close(fd);
      poll(nullptr, 0, 10);
    }
  }

  bool read_more() {
    pollfd waiting = {socket_, POLLIN, 0};
    char bytes[65536];
    if (poll(&waiting, 1, 10000) != 1) return false;
    const ssize_t size = recv(socket_, bytes, sizeof(bytes), 0);
    if (size > 0) input_.append(bytes, static_cast<size_t>(size));
    return size > 0;
  }

  std::string take(size_t size_bytes) {
    while (input_.size() < size_bytes) {
      if (!read_more()) return {};
    }
    std::string taken = input_.substr(0, size_bytes);
    input_.erase(0, size_bytes);
    return taken;
  }

  std::string line() {
    size_t end = 0;
    while ((end = input_.find("\r\n")) == std::string::npos) {
      if (!read_more()) return {};
    }
    return take(end + 2).substr(0, end);
  }

  std::string text_after(const std::string& head) {
    if (head.empty() || head[0] != '$') return head;
    const int64_t size = parse_int(head.substr(1)).value_or(-1);
    return size < 0 ? "" : take(static_cast<size_t>(size) + 2).substr(0, static_cast<size_t>(size));
  }

  std::string folder_;
  pid_t pid_ = 0;
  int socket_ = -1;
  std::string input_;
};

std::vector<std::string> installed_servers() {
  const char* given = std::getenv("KEYWAY_TEST_SERVERS");  // paths parted by colons
  const std::string candidates = given ? given : "/usr/bin/redis-server:/usr/bin/valkey-server";
  std::vector<std::string> found;
  for (std::string_view path : split(candidates, ':')) {
    if (access(std::string(path).c_str(), X_OK) == 0) found.emplace_back(path);
  }
  return found;
}

// The table is of several versions: what one of them can change live counts as needing a restart if another
// cannot.
bool differs_between_versions(std::string_view name) { return name == "io-threads"; }

TEST(NeedsRestart, AgreesWithInstalledServers) {
  const auto servers = installed_servers();
  if (servers.empty()) GTEST_SKIP() << "no server is installed";
  for (const std::string& program : servers) {
    StockServer server(program);
    ASSERT_TRUE(server.connected()) << program;
    const auto config = server.call({"CONFIG", "GET", "*"});
    ASSERT_GT(config.size(), 200u) << program;
    for (size_t i = 0; i + 1 < config.size(); i += 2) {
      const std::string& name = config[i];
      const auto reply = server.call({"CONFIG", "SET", name, config[i + 1]});
      ASSERT_EQ(reply.size(), 1u) << program << " " << name;
      const bool fixed = reply[0].find("immutable config") != std::string::npos ||
                         reply[0].find("protected config") != std::string::npos;
      if (differs_between_versions(name)) continue;
      EXPECT_EQ(needs_restart(name), fixed) << program << " " << name << ": " << reply[0];
    }
  }
}

}  // namespace
}  // namespace keyway::cluster
