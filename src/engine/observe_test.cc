#include "engine/observe.h"

#include <gtest/gtest.h>

#include <map>

#include "engine/samples/samples.h"

namespace keyway::engine {
namespace {

using cluster::Mode;
using cluster::NodeFacts;
using cluster::Observed;
using cluster::Process;
using cluster::Reach;
using resp::Reply;
using resp::ReplyType;

Reply string_reply(std::string_view text) {
  Reply reply;
  reply.type = ReplyType::kString;
  reply.text = text;
  return reply;
}

Reply error_reply(std::string_view text) {
  Reply reply = string_reply(text);
  reply.type = ReplyType::kError;
  return reply;
}

// Answers by address with what it was given, and keeps what it was asked.
class Script : public Servers {
 public:
  std::vector<Response> exchange(const std::vector<Request>& requests, int64_t timeout_ms) override {
    asked = requests;
    asked_timeout_ms = timeout_ms;
    std::vector<Response> responses;
    for (const Request& request : requests) responses.push_back(answers[request.address.port]);
    return responses;
  }

  std::map<uint16_t, Response> answers;
  std::vector<Request> asked;
  int64_t asked_timeout_ms = 0;
};

Response sharded_answer() {
  const EngineSample& sample = kEngineSamples[0];
  return {{string_reply(sample.info_primary), string_reply("40857eb1ac0e20156419c6f01a7b15e7a96232e0"),
           string_reply(sample.cluster_info), string_reply(sample.nodes_migrating)},
          {}};
}

NodeFacts running(uint16_t port) {
  NodeFacts node;
  node.name = "p1-0";
  node.address = {"127.0.0.1", port};
  node.process = Process::kRunning;
  node.note = "as it was";
  return node;
}

NodeFacts observe_one(Mode mode, Response answer) {
  Script servers;
  servers.answers[1] = std::move(answer);
  Observed observed;
  observed.nodes.push_back(running(1));
  observe(servers, mode, observed, 400);
  return observed.nodes[0];
}

TEST(Observe, ShardedNode) {
  NodeFacts node = observe_one(Mode::kSharded, sharded_answer());
  EXPECT_EQ(node.reach, Reach::kAnswering);
  EXPECT_EQ(node.note, "as it was");
  EXPECT_EQ(node.server.id, "40857eb1ac0e20156419c6f01a7b15e7a96232e0");
  EXPECT_FALSE(node.server.cluster_ok);
  EXPECT_EQ(node.server.current_epoch, 3u);
  EXPECT_EQ(node.server.peers.size(), 7u);
  EXPECT_EQ(node.server.open_slots.size(), 1u);
  EXPECT_EQ(node.server.keys, 60);
}

TEST(Observe, AsksOnlyRunningNodesAndOnlyWhatTheModeNeeds) {
  Script servers;
  servers.answers[1] = {{string_reply(kEngineSamples[5].info_replica)}, {}};
  Observed observed;
  observed.nodes = {running(1), running(2), running(3)};
  observed.nodes[1].process = Process::kStopped;
  observed.nodes[2].process = Process::kForeign;
  observe(servers, Mode::kReplicated, observed, 250);
  ASSERT_EQ(servers.asked.size(), 1u);
  EXPECT_EQ(servers.asked_timeout_ms, 250);
  ASSERT_EQ(servers.asked[0].commands.size(), 1u);
  EXPECT_EQ(servers.asked[0].commands[0][0], "INFO");
  EXPECT_EQ(observed.nodes[0].reach, Reach::kAnswering);
  EXPECT_EQ(observed.nodes[0].server.version, "9.1.2");
  EXPECT_EQ(observed.nodes[1].reach, Reach::kSilent);
  EXPECT_EQ(observed.nodes[2].note, "as it was");
}

TEST(Observe, LoadingByInfo) {
  Response answer = sharded_answer();
  answer.replies[0] = string_reply("redis_version:7.0.15\r\nloading:1\r\nrole:master\r\n");
  for (size_t i = 1; i < 4; ++i)
    answer.replies[i] = error_reply("LOADING Redis is loading the dataset in memory");
  NodeFacts node = observe_one(Mode::kSharded, answer);
  EXPECT_EQ(node.reach, Reach::kLoading);
  EXPECT_EQ(node.server.version, "7.0.15");
}

TEST(Observe, LoadingOrBusyByErrors) {
  for (std::string_view text :
       {"LOADING Redis is loading the dataset in memory", "BUSY Redis is busy running a script."}) {
    NodeFacts node = observe_one(Mode::kReplicated, {{error_reply(text)}, {}});
    EXPECT_EQ(node.reach, Reach::kLoading);
    EXPECT_EQ(node.note, text);
  }
}

TEST(Observe, AReplicaThatNeverSawItsPrimary) {
  std::string info =
      "redis_version:8.0.6\r\nrole:slave\r\nmaster_link_status:down\r\nslave_repl_offset:1\r\n";
  NodeFacts node =
      observe_one(Mode::kReplicated, {{string_reply(info + "master_link_down_since_seconds:-1\r\n")}, {}});
  EXPECT_FALSE(node.server.was_linked);
  node = observe_one(Mode::kReplicated, {{string_reply(info + "master_link_down_since_seconds:0\r\n")}, {}});
  EXPECT_TRUE(node.server.was_linked);
}

TEST(Observe, Denied) {
  NodeFacts node = observe_one(Mode::kReplicated, {{}, Error{ErrorCode::kDenied, "refused"}});
  EXPECT_EQ(node.reach, Reach::kDenied);
  EXPECT_EQ(node.note, "refused");
  EXPECT_EQ(observe_one(Mode::kReplicated, {{error_reply("NOAUTH Authentication required.")}, {}}).reach,
            Reach::kDenied);
  EXPECT_EQ(observe_one(Mode::kReplicated, {{error_reply("NOPERM this user has no permissions")}, {}}).reach,
            Reach::kDenied);
}

TEST(Observe, SilentOrNotUnderstood) {
  NodeFacts node = observe_one(Mode::kSharded, {{}, Error{ErrorCode::kTimeout, "no answer"}});
  EXPECT_EQ(node.reach, Reach::kSilent);
  EXPECT_EQ(node.note, "no answer");

  Response alone = sharded_answer();
  alone.replies[1] = error_reply("ERR This instance has cluster support disabled");
  node = observe_one(Mode::kSharded, alone);
  EXPECT_EQ(node.reach, Reach::kSilent);
  EXPECT_EQ(node.note, "ERR This instance has cluster support disabled");

  for (size_t i : {0u, 2u, 3u}) {
    Response garbled = sharded_answer();
    garbled.replies[i] = string_reply("what is this");
    node = observe_one(Mode::kSharded, garbled);
    EXPECT_EQ(node.reach, Reach::kSilent) << i;
    EXPECT_NE(node.note, "as it was") << i;
  }
}

}  // namespace
}  // namespace keyway::engine
