// The order and the care with which servers are stopped, against servers and a platform of paper.
#include "supervisor/stopper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/format.h"

namespace keyway::supervisor {
namespace {

using cluster::NodeFacts;

struct PaperServer {
  bool primary = false;
  int64_t keys = 10;
  bool link_up = true;
  bool syncing = false;
  bool answers = true;
  bool refuses = false;  // SHUTDOWN
  int64_t stop_takes_ms = 100;
  bool works_while_it_stops = false;  // uses the processor
  bool deaf = false;                  // to commands and signals, but for SIGKILL
  cluster::ServerConfig config;
  int64_t ends_at_ms = -1;
};

// Both seams at once: time stands still but for advance().
class Paper : public platform::Platform, public engine::Servers {
 public:
  std::map<std::string, PaperServer> servers;
  std::map<std::string, std::string> recorded;  // primary by shard
  std::vector<std::string> orders;              // "p1-0 SAVE", "p1-1 SIGTERM", …
  int64_t now_ms = 1000;

  // platform::Platform
  cluster::Desired desired() override {
    cluster::Desired desired;
    desired.mode = cluster::Mode::kReplicated;
    return desired;
  }
  cluster::Observed look() override {
    cluster::Observed observed;
    int index = 0;
    for (auto& [name, server] : servers) {
      NodeFacts node;
      node.name = name;
      node.shard = name.substr(0, 2);
      node.address = {"127.0.0.1", static_cast<uint16_t>(7000 + index)};
      const bool ended = server.ends_at_ms >= 0 && now_ms >= server.ends_at_ms;
      node.process = ended ? cluster::Process::kStopped : cluster::Process::kRunning;
      node.pid = ended ? 0 : 100 + index;
      node.applied_config = server.config;
      observed.nodes.push_back(node);
      ++index;
    }
    for (const auto& [shard, primary] : recorded) observed.shards[shard].primary = primary;
    return observed;
  }
  Status stop(const std::string& node, bool graceful) override {
    orders.push_back(node + (graceful ? " SIGTERM" : " SIGKILL"));
    if (!graceful) servers[node].ends_at_ms = now_ms;
    if (graceful) obey(servers[node]);
    return {};
  }
  Status start(const cluster::StartNode&) override { return wrong(); }
  Status set_data_aside(const std::string&, bool) override { return wrong(); }
  Status remove(const std::string&) override { return wrong(); }
  Status persist_follow(const std::string&, const std::string&) override { return wrong(); }
  Status persist_config(const std::string&, const cluster::ServerConfig&) override { return wrong(); }
  Result<std::vector<resp::Command>> stage_users(const std::string&) override {
    return fail(wrong().error());
  }
  Status users_applied(const std::string&) override { return wrong(); }
  Status record_primary(const std::string&, const std::string&) override { return wrong(); }
  Status record_data(const std::string&) override { return wrong(); }
  Status record_identity(const std::string&, const std::string&) override { return wrong(); }
  Status record_formed() override { return wrong(); }
  Status clear_switchover(const std::string&) override { return wrong(); }
  Account account() override { return {}; }
  int64_t wall_ms() override { return now_ms; }
  int64_t monotonic_ms() override { return now_ms; }

  // engine::Servers
  std::vector<engine::Response> exchange(const std::vector<engine::Request>& requests, int64_t) override {
    std::vector<engine::Response> responses;
    for (const auto& request : requests) responses.push_back(answer(request));
    return responses;
  }

  std::optional<Activity> probe(int pid) {
    auto& [name, server] = *std::next(servers.begin(), pid - 100);
    const bool works = server.works_while_it_stops && server.ends_at_ms >= 0;
    return Activity{server.deaf ? 'T' : 'S', works ? now_ms : 0};
  }

 private:
  static Status wrong() {
    ADD_FAILURE() << "a stopper must not ask for this";
    return fail(ErrorCode::kInternal, "no");
  }

  void obey(PaperServer& server) {
    if (server.deaf || server.refuses || server.ends_at_ms >= 0) return;
    server.ends_at_ms = now_ms + server.stop_takes_ms;
  }

  engine::Response answer(const engine::Request& request) {
    auto& [name, server] = *std::next(servers.begin(), request.address.port - 7000);
    engine::Response response;
    const bool asks_to_stop = request.commands[0][0] == "SHUTDOWN";
    if (asks_to_stop) orders.push_back(name + " " + request.commands[0][1]);
    if (asks_to_stop) obey(server);
    if (!server.answers || server.deaf || server.ends_at_ms >= 0) {
      response.error = Error{ErrorCode::kTimeout, "no answer"};
      return response;
    }
    for (const auto& command : request.commands) response.replies.push_back(reply(server, command));
    return response;
  }

  resp::Reply reply(const PaperServer& server, const resp::Command& command) {
    resp::Reply reply;
    reply.type = resp::ReplyType::kString;
    if (command[0] == "SHUTDOWN") {
      reply.type = resp::ReplyType::kError;
      reply.text = "ERR Errors trying to SHUTDOWN. Check logs.";
    } else if (command[0] == "INFO") {
      reply.text = fmt::format(
          "# Server\r\nredis_version:7.0.15\r\nprocess_id:1\r\nloading:0\r\nused_memory:1000\r\nrole:{}\r\n"
          "connected_slaves:0\r\nmaster_replid:{}\r\nmaster_replid2:{}\r\nmaster_repl_offset:10\r\nsecond_"
          "repl_offset:-1\r\n"
          "{}db0:keys={},expires=0,avg_ttl=0\r\n",
          server.primary ? "master" : "slave", std::string(40, 'a'), std::string(40, '0'),
          server.primary
              ? std::string()
              : fmt::format(
                    "master_host:127.0.0.1\r\nmaster_port:7000\r\nmaster_link_status:{}\r\n"
                    "master_last_io_seconds_ago:0\r\nmaster_sync_in_progress:{}\r\nslave_repl_offset:10\r\n",
                    server.link_up ? "up" : "down", server.syncing ? 1 : 0),
          server.keys);
      if (server.keys == 0) reply.text.erase(reply.text.find("db0:"));
    }
    return reply;
  }
};

class StopperTest : public testing::Test {
 protected:
  void add(const std::string& name, PaperServer server) { paper_.servers[name] = std::move(server); }
  static PaperServer primary() {
    PaperServer server;
    server.primary = true;
    return server;
  }
  static PaperServer replica() { return {}; }

  // Steps every 50 ms until it is done, for at most `limit_ms`; the result.
  Status run(int64_t limit_ms = 3'600'000) {
    Stopper stopper(
        paper_, paper_,
        [this](LogLevel, const std::string&, const std::string& text) { said_.push_back(text); },
        [this](int pid) { return paper_.probe(pid); });
    const int64_t begin_ms = paper_.now_ms;
    while (!stopper.step()) {
      if (paper_.now_ms - begin_ms > limit_ms) {
        ADD_FAILURE() << "not done after " << limit_ms << " ms";
        break;
      }
      paper_.now_ms += 50;
    }
    took_ms_ = paper_.now_ms - begin_ms;
    return stopper.result();
  }

  size_t at(const std::string& order) const {
    const auto it = std::find(paper_.orders.begin(), paper_.orders.end(), order);
    EXPECT_NE(it, paper_.orders.end()) << order;
    return static_cast<size_t>(it - paper_.orders.begin());
  }
  bool said(const std::string& part) const {
    return std::any_of(said_.begin(), said_.end(),
                       [&](const std::string& text) { return text.find(part) != std::string::npos; });
  }

  Paper paper_;
  std::vector<std::string> said_;
  int64_t took_ms_ = 0;
};

TEST_F(StopperTest, NothingRunsIsDoneAtOnce) {
  EXPECT_TRUE(run());
  EXPECT_EQ(took_ms_, 0);
  EXPECT_TRUE(said_.empty());
}

TEST_F(StopperTest, PrimariesSaveFirstThenTheirReplicas) {
  for (int shard = 1; shard <= 3; ++shard) {
    add(fmt::format("p{}-0", shard), replica());
    add(fmt::format("p{}-1", shard), primary());
  }
  paper_.servers["p2-1"].stop_takes_ms = 2000;
  paper_.servers["p2-1"].works_while_it_stops = true;
  EXPECT_TRUE(run());
  EXPECT_EQ(paper_.orders.size(), 6u);
  for (const char* name : {"p1-1", "p2-1", "p3-1"}) EXPECT_LT(at(fmt::format("{} SAVE", name)), 3u);
  EXPECT_EQ(at("p2-0 SAVE"), 5u) << "a shard that is slow holds up only its own replicas";
  EXPECT_TRUE(said("all servers have stopped (6 servers, 2.1 s)")) << said_.back();
}

TEST_F(StopperTest, SixSmallServersTakeLessThanASecond) {
  for (int shard = 1; shard <= 3; ++shard) {
    add(fmt::format("p{}-0", shard), primary());
    add(fmt::format("p{}-1", shard), replica());
  }
  EXPECT_TRUE(run());
  EXPECT_LT(took_ms_, 1000);
}

TEST_F(StopperTest, AReplicaInTheMiddleOfACopyDoesNotSave) {
  add("p1-0", primary());
  add("p1-1", replica());
  paper_.servers["p1-1"].syncing = true;
  paper_.servers["p1-1"].link_up = false;
  EXPECT_TRUE(run());
  at("p1-1 NOSAVE");
}

TEST_F(StopperTest, AnEmptyServerBesideOnesWithDataDoesNotSave) {
  add("p1-0", primary());
  add("p1-1", replica());
  paper_.servers["p1-0"].keys = 0;
  EXPECT_TRUE(run());
  at("p1-0 NOSAVE");
  at("p1-1 SAVE");
}

TEST_F(StopperTest, AShardThatWasEmptiedSavesThatItIsEmpty) {
  add("p1-0", primary());
  add("p1-1", replica());
  paper_.servers["p1-0"].keys = paper_.servers["p1-1"].keys = 0;
  EXPECT_TRUE(run());
  at("p1-0 SAVE");
  at("p1-1 NOSAVE");
}

TEST_F(StopperTest, AReplicaWithoutItsPrimarySavesTheOnlyCopy) {
  add("p1-1", replica());
  paper_.servers["p1-1"].link_up = false;
  EXPECT_TRUE(run());
  at("p1-1 SAVE");
}

TEST_F(StopperTest, WithAnAppendOnlyFileASignalIsEnough) {
  add("p1-0", primary());
  paper_.servers["p1-0"].config["appendonly"] = "yes";
  EXPECT_TRUE(run());
  EXPECT_EQ(paper_.orders, std::vector<std::string>{"p1-0 SIGTERM"});
}

TEST_F(StopperTest, ASilentPrimaryThatNeverSavesIsAskedToSave) {
  add("p1-0", primary());
  add("p2-0", primary());
  paper_.recorded = {{"p1", "p1-0"}, {"p2", "p2-0"}};
  for (auto& [name, server] : paper_.servers) server.answers = false;
  paper_.servers["p1-0"].config["save"] = "";
  EXPECT_TRUE(run());
  EXPECT_EQ(std::set<std::string>(paper_.orders.begin(), paper_.orders.end()),
            (std::set<std::string>{"p1-0 SAVE", "p2-0 SIGTERM"}));
}

TEST_F(StopperTest, ALongSaveIsWaitedForAndToldOf) {
  add("p1-0", primary());
  paper_.servers["p1-0"].stop_takes_ms = 300'000;
  paper_.servers["p1-0"].works_while_it_stops = true;
  EXPECT_TRUE(run());
  EXPECT_EQ(paper_.orders, std::vector<std::string>{"p1-0 SAVE"});
  EXPECT_TRUE(said("waiting for p1-0"));
  EXPECT_TRUE(said("it saves its data"));
  EXPECT_LT(said_.size(), 100u);
}

TEST_F(StopperTest, AServerThatCannotSaveIsLeftRunningWithItsReplicas) {
  add("p1-0", primary());
  add("p1-1", replica());
  add("p2-0", primary());
  paper_.servers["p1-0"].refuses = true;
  const Status status = run();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(status.error().message.find("p1-0 (pid 100): ERR Errors trying to SHUTDOWN"), std::string::npos)
      << status.error().message;
  EXPECT_NE(status.error().message.find("p1-1"), std::string::npos);
  EXPECT_EQ(status.error().message.find("p2-0"), std::string::npos);
  EXPECT_EQ(std::count(paper_.orders.begin(), paper_.orders.end(), "p1-1 SAVE"), 0);
  EXPECT_GE(std::count(paper_.orders.begin(), paper_.orders.end(), "p1-0 SAVE"), 3) << "it is told again";
  EXPECT_EQ(std::count(paper_.orders.begin(), paper_.orders.end(), "p1-0 SIGKILL"), 0);
  EXPECT_TRUE(said("p1-0 refuses to stop"));
  EXPECT_GE(took_ms_, 60'000);
  EXPECT_LE(took_ms_, 65'000);
}

TEST_F(StopperTest, SpaceThatIsFreedInTimeLetsItStop) {
  add("p1-0", primary());
  paper_.servers["p1-0"].refuses = true;
  Stopper stopper(
      paper_, paper_, [](LogLevel, const std::string&, const std::string&) {},
      [this](int pid) { return paper_.probe(pid); });
  for (int i = 0; i < 200; ++i, paper_.now_ms += 50) EXPECT_FALSE(stopper.step());
  EXPECT_EQ(stopper.waiting().size(), 1u);
  paper_.servers["p1-0"].refuses = false;
  bool done = false;
  for (int i = 0; i < 400 && !done; ++i, paper_.now_ms += 50) done = stopper.step();
  EXPECT_TRUE(done);
  EXPECT_TRUE(stopper.result());
}

TEST_F(StopperTest, AServerWithoutAnySignOfLifeIsKilledLateAndNotSilently) {
  add("p1-0", primary());
  add("p1-1", replica());
  paper_.recorded = {{"p1", "p1-0"}};
  paper_.servers["p1-0"].deaf = true;
  EXPECT_TRUE(run());
  EXPECT_GE(took_ms_, 60'000);
  EXPECT_LE(took_ms_, 65'000);
  EXPECT_TRUE(said("kill p1-0 (pid 100): it gave no sign of life for 1 min"));
  EXPECT_LT(at("p1-0 SIGKILL"), at("p1-1 SAVE"));
}

TEST_F(StopperTest, EveryWaitHasAnEnd) {
  add("p1-0", primary());
  paper_.servers["p1-0"].stop_takes_ms = 10'000'000;
  paper_.servers["p1-0"].works_while_it_stops = true;
  const Status status = run();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("10 min"), std::string::npos) << status.error().message;
  EXPECT_LE(took_ms_, 601'000);
}

}  // namespace
}  // namespace keyway::supervisor
