// For tests of this folder: a state home of their own, specs with small clusters on free ports, and servers
// that never outlive the test that started them.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/spec.h"
#include "engine/test_server.h"
#include "platform/local/adopt.h"
#include "platform/local/files.h"
#include "platform/local/paths.h"
#include "platform/local/ports.h"
#include "platform/local/process.h"

namespace keyway::platform::local {

using engine::wait_until;

// Ends a server of a test and reaps it, if it is our child.
inline void end_process(int pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  wait_until([pid] { return !identify(pid); });
}

// A folder that is deleted with the object, after every server that works in it was ended.
class TestHome {
 public:
  TestHome() {
    std::string pattern = (std::filesystem::canonical(testing::TempDir()) / "kw-XXXXXX").string();
    path = ::mkdtemp(pattern.data()) != nullptr ? pattern : "";
  }
  TestHome(const TestHome&) = delete;
  TestHome& operator=(const TestHome&) = delete;
  ~TestHome() {
    for (int pid : all_pids()) {
      if (pid != ::getpid() && folder_of(pid).starts_with(path + "/")) end_process(pid);
    }
    if (!path.empty()) (void)delete_folder(path);
  }

  std::string path;
};

// An environment variable for as long as the object lives; null: unset.
class TestVariable {
 public:
  TestVariable(std::string name, const char* value) : name_(std::move(name)) {
    const char* before = ::getenv(name_.c_str());
    was_set_ = before != nullptr;
    if (was_set_) before_ = before;
    if (value != nullptr)
      ::setenv(name_.c_str(), value, 1);
    else
      ::unsetenv(name_.c_str());
  }
  TestVariable(const TestVariable&) = delete;
  TestVariable& operator=(const TestVariable&) = delete;
  ~TestVariable() {
    if (was_set_)
      ::setenv(name_.c_str(), before_.c_str(), 1);
    else
      ::unsetenv(name_.c_str());
  }

 private:
  std::string name_;
  std::string before_;
  bool was_set_ = false;
};

// The first of `count` ports in a row that are free together with their bus ports. Programs that run at the
// same time begin at different ones.
inline int free_row(int count, const std::string& host = "127.0.0.1") {
  static int next = 22000 + static_cast<int>(::getpid()) * 37 % 900;
  for (int tried = 0; tried < 1000; ++tried) {
    int first = next;
    next = next + count > 22990 ? 22000 : next + count;
    bool free = true;
    for (int port = first; port < first + count; ++port) {
      free = free && test_port(host, static_cast<uint16_t>(port)) &&
             test_port(host, static_cast<uint16_t>(port + 10000));
    }
    if (free) return first;
  }
  ADD_FAILURE() << "no free ports";
  return 0;
}

inline cluster::EngineSpec engine_spec(const engine::TestEngine& engine) {
  cluster::EngineSpec spec;
  bool redis = engine.name.starts_with("redis");
  spec.kind = redis ? cluster::EngineKind::kRedis : cluster::EngineKind::kValkey;
  spec.path = engine.program;
  return spec;
}

// For tests that run on each engine: "redis_7_0_15".
inline std::string engine_test_name(const testing::TestParamInfo<engine::TestEngine>& engine) {
  std::string name = engine.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

// A spec for the first engine there is.
inline cluster::Spec test_spec(cluster::Mode mode, int shards, int replicas) {
  cluster::Spec spec = cluster::default_spec("blue", mode, shards, replicas);
  spec.engine = engine_spec(engine::test_engines().at(0));
  spec.port = free_row(shards * (1 + replicas));
  return spec;
}

}  // namespace keyway::platform::local
