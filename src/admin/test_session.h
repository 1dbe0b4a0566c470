// For tests: a session with real servers, and empty servers in cluster mode for it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "admin/fake_nodes.h"
#include "admin/session.h"
#include "engine/test_cluster.h"
#include "engine/test_server.h"

namespace keyway::admin {

// A fleet with an event loop of its own, for another thread.
class OwnFleet : public engine::Servers {
 public:
  explicit OwnFleet(const engine::Credentials& credentials)
      : fleet_(io_, [credentials] { return credentials; }) {}

  std::vector<engine::Response> exchange(const std::vector<engine::Request>& requests,
                                         int64_t timeout_ms) override {
    return fleet_.exchange(requests, timeout_ms);
  }

 private:
  boost::asio::io_context io_;
  engine::Fleet fleet_;
};

struct TestSession {
  TestSession() = default;
  TestSession(std::string user, std::string password) : credentials{std::move(user), std::move(password)} {}

  engine::Credentials credentials{engine::kTestUser, engine::kTestPassword};
  boost::asio::io_context io;
  engine::Fleet fleet{io, [this] { return credentials; }};
  FakeReporter reporter;
  bool stop = false;
  Session session{.servers = fleet,
                  .connect = [this] { return std::make_unique<OwnFleet>(credentials); },
                  .reporter = reporter,
                  .interrupted = [this] { return stop; },
                  .user = engine::kTestUser,
                  .password = engine::kTestPassword,
                  .reach = {},
                  .timeout_ms = 3000};

  // The text of a reply; an error's too.
  std::string text(const Address& address, const resp::Command& command) {
    Result<resp::Reply> reply = fleet.call(address, command, 3000);
    return reply ? reply->text : reply.error().message;
  }
};

// Servers in cluster mode that know nobody and hold nothing.
class EmptyServers {
 public:
  // `config` is for all of them.
  EmptyServers(const engine::TestEngine& engine, int count, const std::string& config = "")
      : engine_(engine), config_(config) {
    for (int i = 0; i < count; ++i) add();
  }

  // `config` is for this one, `host` where it listens.
  engine::TestServer& add(const std::string& config = "", const std::string& host = "127.0.0.1") {
    engine::TestServer& server = servers_.emplace_back(engine_);
    addresses_.push_back({host, server.address().port});
    server.start(
        fmt::format("cluster-enabled yes\ncluster-config-file nodes.conf\ncluster-node-timeout 3000\n"
                    "repl-diskless-sync-delay 0\nbind {}\n{}\n{}\n{}",
                    host, engine::test_users_config(), config_, config));
    return server;
  }

  const std::vector<Address>& addresses() const { return addresses_; }
  engine::TestServer& operator[](size_t index) { return servers_[index]; }

  bool all_answer(TestSession& session) const {
    return engine::wait_until([&] {
      for (const Address& address : addresses_) {
        if (session.text(address, {"PING"}) != "PONG") return false;
      }
      return true;
    });
  }

 private:
  engine::TestEngine engine_;
  std::string config_;
  std::deque<engine::TestServer> servers_;
  std::vector<Address> addresses_;
};

}  // namespace keyway::admin
