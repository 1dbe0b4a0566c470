#include "agent/handover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::agent {
namespace {

using cluster::NodeFacts;
using cluster::Role;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using State = Handover::State;

// Notes what it is told, and answers with `answer`.
class Told : public engine::Servers {
 public:
  std::vector<engine::Response> exchange(const std::vector<engine::Request>& requests, int64_t) override {
    std::vector<engine::Response> responses;
    for (const engine::Request& request : requests) {
      engine::Response& response = responses.emplace_back();
      for (const resp::Command& command : request.commands) {
        std::string words = to_string(request.address);
        for (const std::string& word : command) words += " " + word;
        said.push_back(words);
        response.replies.push_back(answer);
      }
    }
    return responses;
  }

  std::vector<std::string> said;
  resp::Reply answer{
      .type = resp::ReplyType::kStatus, .integer = 0, .number = 0, .text = "OK", .elements = {}};
};

NodeFacts server(const std::string& name, int number, Role role, int64_t offset) {
  NodeFacts node;
  node.name = name;
  node.address = {"10.0.0." + std::to_string(number), 6379};
  node.process = cluster::Process::kRunning;
  node.reach = cluster::Reach::kAnswering;
  node.server.role = role;
  node.server.offset = offset;
  node.server.replid = "h";
  node.server.link_up = role == Role::kReplica;
  return node;
}

class HandoverOf : public testing::Test {
 protected:
  HandoverOf() : own(server("p-0", 0, Role::kPrimary, 100)) {
    sight.now_ms = 1000;
    sight.own = &own;
    sight.view = &view;
    sight.others = {server("p-1", 1, Role::kReplica, 90), server("p-2", 2, Role::kReplica, 100)};
    view.lease.emplace();
  }
  void announce(const std::string& pod) {
    LeaseNote note;
    note.to = pod;
    view.lease->note = encode(note);
  }

  Told servers;
  NodeFacts own;
  View view;
  HandoverSight sight;
};

TEST_F(HandoverOf, NamesTheBestReplicaInTheLeaseFirst) {
  Handover handover(cluster::Mode::kReplicated, servers, 20'000);
  EXPECT_EQ(handover.step(sight), State::kAnnounced);
  EXPECT_EQ(handover.to(), "p-2");
  EXPECT_EQ(handover.step(sight), State::kAnnounced) << "the Lease does not say so yet";
  EXPECT_THAT(servers.said, IsEmpty());
  announce("p-2");
  EXPECT_EQ(handover.step(sight), State::kOrdered);
  EXPECT_THAT(servers.said, ElementsAre("10.0.0.0:6379 FAILOVER TO 10.0.0.2 6379 TIMEOUT 5000",
                                        "10.0.0.2:6379 ROLE", "10.0.0.2:6379 REPLCONF GETACK *"));
  EXPECT_EQ(handover.step(sight), State::kOrdered);
  own.server.role = Role::kReplica;
  EXPECT_EQ(handover.step(sight), State::kDone);
  EXPECT_TRUE(handover.ended());
}

TEST_F(HandoverOf, InAClusterTheReplicaIsTold) {
  Handover handover(cluster::Mode::kSharded, servers, 20'000);
  EXPECT_EQ(handover.step(sight), State::kOrdered);
  EXPECT_THAT(servers.said, ElementsAre("10.0.0.2:6379 CLUSTER FAILOVER"));
}

TEST_F(HandoverOf, InAClusterTheReplicaIsToHaveHeardOfTheLatestEpoch) {
  own.server.current_epoch = 8;
  sight.others[1].server.current_epoch = 7;
  Handover handover(cluster::Mode::kSharded, servers, 20'000);
  EXPECT_EQ(handover.step(sight), State::kChoosing);
  sight.others[1].server.current_epoch = 8;
  EXPECT_EQ(handover.step(sight), State::kOrdered);
  EXPECT_EQ(handover.to(), "p-2");

  sight.others[1].server.current_epoch = 7;
  Handover patient(cluster::Mode::kSharded, servers, 20'000);
  EXPECT_EQ(patient.step(sight), State::kChoosing);
  sight.now_ms += 2000;
  EXPECT_EQ(patient.step(sight), State::kOrdered) << "it may be heard of in time";
}

TEST_F(HandoverOf, TriesTheNextOneAndThenGivesUp) {
  Handover handover(cluster::Mode::kSharded, servers, 20'000);
  handover.step(sight);
  sight.now_ms += 6000;
  EXPECT_EQ(handover.step(sight), State::kChoosing);
  EXPECT_EQ(handover.step(sight), State::kOrdered);
  EXPECT_EQ(handover.to(), "p-1");
  sight.now_ms += 6000;
  handover.step(sight);
  EXPECT_EQ(handover.step(sight), State::kFailed);
  EXPECT_THAT(handover.why(), HasSubstr("p-1 did not take over"));
}

TEST_F(HandoverOf, TakesNobodyElseThanWasAskedFor) {
  Handover handover(cluster::Mode::kReplicated, servers, 20'000, "p-1");
  EXPECT_EQ(handover.step(sight), State::kAnnounced);
  EXPECT_EQ(handover.to(), "p-1");
  Handover absent(cluster::Mode::kReplicated, servers, 20'000, "p-9");
  EXPECT_EQ(absent.step(sight), State::kFailed);
  EXPECT_EQ(absent.why(), "p-9 is not in sync");
}

TEST_F(HandoverOf, OnlyACopyThatHasAllIsGoodEnough) {
  sight.others[0].server.syncing = true;
  sight.others[1].server.replid = "another";
  Handover handover(cluster::Mode::kReplicated, servers, 20'000);
  EXPECT_EQ(handover.step(sight), State::kFailed);
  EXPECT_THAT(handover.why(), HasSubstr("no replica is in sync"));
}

TEST_F(HandoverOf, EndsWithItsTimeOrItsServer) {
  Handover late(cluster::Mode::kSharded, servers, 20'000);
  late.step(sight);
  sight.now_ms = 20'000;
  EXPECT_EQ(late.step(sight), State::kFailed);
  EXPECT_THAT(late.why(), HasSubstr("no time"));
  Handover dead(cluster::Mode::kSharded, servers, 90'000);
  own.process = cluster::Process::kStopped;
  EXPECT_EQ(dead.step(sight), State::kFailed);
  EXPECT_THAT(dead.why(), HasSubstr("has ended"));
}

TEST_F(HandoverOf, AnOrderThatIsRefusedIsGivenToTheNext) {
  servers.answer.type = resp::ReplyType::kError;
  servers.answer.text = "ERR no";
  Handover handover(cluster::Mode::kSharded, servers, 20'000);
  EXPECT_EQ(handover.step(sight), State::kChoosing);
  EXPECT_EQ(handover.step(sight), State::kChoosing);
  EXPECT_EQ(handover.step(sight), State::kFailed);
  EXPECT_EQ(handover.why(), "ERR no");
  EXPECT_EQ(servers.said.size(), 2U);
}

}  // namespace
}  // namespace keyway::agent
