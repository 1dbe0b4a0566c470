// For tests: throw-away servers of every engine on this machine, on free ports of the loopback interface,
// each in a temporary folder. A server ends with its object, or with the test program, however that ends.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/address.h"

namespace keyway::engine {

struct TestEngine {
  std::string name;  // "redis-7.0.15"
  std::string program;
  bool has_shard_ids() const { return name.find("-7.0.") == std::string::npos; }
  friend std::ostream& operator<<(std::ostream& out, const TestEngine& engine) { return out << engine.name; }
};

// "7.0.15", as the program itself says: "Redis server v=7.0.15 sha=…".
inline std::string version_of(const std::string& program) {
  std::string text;
  if (FILE* pipe = ::popen((program + " --version").c_str(), "r")) {
    for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
    ::pclose(pipe);
  }
  size_t at = text.find("v=");
  return at == std::string::npos ? "" : text.substr(at + 2, text.find(' ', at) - at - 2);
}

// Where scripts/engines puts the servers under test.
inline std::filesystem::path engines_folder() {
  if (const char* folder = std::getenv("KEYWAY_ENGINES")) return folder;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"))
    return std::filesystem::path(cache) / "keyway-engines";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : "/") / ".cache/keyway-engines";
}

// The engines in that folder; if it has none, the system's redis-server; without that, none, and tests on
// servers do not run.
inline std::vector<TestEngine> test_engines() {
  namespace fs = std::filesystem;
  std::vector<TestEngine> engines;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(engines_folder(), none)) {
    if (entry.path().extension() == ".new") continue;  // on its way there
    for (const char* server : {"redis-server", "valkey-server"}) {
      if (fs::exists(entry.path() / server))
        engines.push_back({entry.path().filename(), entry.path() / server});
    }
  }
  const std::string system_server = "/usr/bin/redis-server";
  if (engines.empty() && fs::exists(system_server)) {
    engines.push_back({"redis-" + version_of(system_server), system_server});
  }
  std::sort(engines.begin(), engines.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return engines;
}

// Waits until `holds`, looking again every few milliseconds; false if it does not within `limit_ms`.
inline bool wait_until(const std::function<bool()>& holds, int64_t limit_ms = 20'000) {
  auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

inline bool is_port_free(int port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool is_free = ::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  ::close(fd);
  return is_free;
}

inline int number_in_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// The next port that is free together with the cluster bus port 10000 above it. Programs that run at the same
// time begin at different ones, and parts of one program that do have ports of their own. Any thread.
inline uint16_t free_port() {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  static const int count = 1000 / number_in_environment("GTEST_TOTAL_SHARDS", 1);
  static const int first = 21000 + count * number_in_environment("GTEST_SHARD_INDEX", 0);
  static int next = static_cast<int>(::getpid()) * 17 % count;
  for (int tried = 0; tried < count; ++tried) {
    int port = first + next++ % count;
    if (is_port_free(port) && is_port_free(port + 10000)) return static_cast<uint16_t>(port);
  }
  throw std::runtime_error("no free port for a test server");
}

class TestServer {
 public:
  explicit TestServer(const TestEngine& engine) : engine_(engine), port_(free_port()) {
    char pattern[] = "/tmp/keyway-test-XXXXXX";
    if (::mkdtemp(pattern) == nullptr) throw std::runtime_error("no folder for a test server");
    folder_ = pattern;
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  Address address() const { return {"127.0.0.1", port_}; }
  const std::string& folder() const { return folder_; }

  void write_file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }

  // `config` is lines of redis.conf beside those that every test server has.
  void start(const std::string& config) {
    std::ostringstream lines;
    lines << "port " << port_ << "\nbind 127.0.0.1\ndir " << folder_ << "\nlogfile server.log\nsave \"\"\n"
          << config << "\n";
    write_file("redis.conf", lines.str());
    start_again();
  }

  // With all that it had when it was killed. It ends with the thread that calls this.
  void start_again() {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      std::string path = folder_ + "/redis.conf";
      ::execl(engine_.program.c_str(), engine_.program.c_str(), path.c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
  }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void pause() { ::kill(pid_, SIGSTOP); }
  void resume() { ::kill(pid_, SIGCONT); }

 private:
  TestEngine engine_;
  uint16_t port_;
  std::string folder_;
  pid_t pid_ = 0;
};

}  // namespace keyway::engine
