#include "engine/survey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "cluster/ownership.h"

namespace keyway::engine {
namespace {

using cluster::NodeFacts;
using cluster::Observed;
using cluster::Reach;
using resp::Reply;
using resp::ReplyType;
using testing::ElementsAre;
using testing::HasSubstr;

std::string id_of(int number) { return fmt::format("{:040x}", number); }
Address address_of(int number) { return {"10.0.0.1", static_cast<uint16_t>(number)}; }

// One line of CLUSTER NODES.
std::string line(int number, const std::string& flags, const std::string& endpoint = "",
                 const std::string& link = "connected") {
  std::string address = endpoint.empty() ? fmt::format("10.0.0.1:{}@{}", number, number + 10000) : endpoint;
  return fmt::format("{} {} {} - 0 0 {} {}\n", id_of(number), address, flags, number, link);
}

// Servers that answer what a survey asks, each with the table that it was given; others refuse connections.
class Answers : public Servers {
 public:
  std::vector<Response> exchange(const std::vector<Request>& requests, int64_t) override {
    asked.emplace_back();
    std::vector<Response> responses;
    for (const Request& request : requests) {
      asked.back().push_back(request.address);
      auto known = responses_.find(request.address);
      responses.push_back(known != responses_.end()
                              ? known->second
                              : Response{{}, Error{ErrorCode::kUnavailable, "cannot connect"}});
    }
    return responses;
  }

  void add(const Address& address, int id, const std::string& table) {
    std::string info = "redis_version:7.0.15\r\nrole:master\r\nloading:0\r\n";
    responses_[address] = {{text(info), text(id_of(id)), text("cluster_state:ok\r\n"), text(table)}, {}};
  }
  void add_error(const Address& address, const std::string& error) {
    responses_[address] = {std::vector<Reply>(4, text(error, ReplyType::kError)), {}};
  }

  std::vector<std::vector<Address>> asked;  // by round

 private:
  static Reply text(const std::string& words, ReplyType type = ReplyType::kString) {
    Reply reply;
    reply.type = type;
    reply.text = words;
    return reply;
  }

  std::map<Address, Response> responses_;
};

Observed must_survey(Servers& servers, const Address& seed, const SurveyOptions& options = {}) {
  Result<Observed> observed = survey(servers, seed, options);
  EXPECT_TRUE(observed) << observed.error().message;
  return observed.value_or(Observed{});
}

std::vector<std::string> names(const Observed& observed) {
  std::vector<std::string> all;
  for (const NodeFacts& node : observed.nodes) all.push_back(node.name);
  return all;
}

TEST(Survey, AsksAllOthersAtOnceAndTellsOfThoseThatAreSilent) {
  Answers servers;
  servers.add(address_of(2), 2, line(2, "myself,master") + line(3, "slave,fail", "", "disconnected"));
  servers.add_error(address_of(4), "NOAUTH Authentication required.");
  servers.add(
      address_of(1), 1,
      line(1, "myself,master") + line(2, "master") + line(3, "slave") + line(4, "master") + line(5, "slave"));
  servers.add_error(address_of(5), "LOADING Redis is loading the dataset in memory");
  Observed observed = must_survey(servers, address_of(1));
  ASSERT_EQ(observed.nodes.size(), 5u);
  EXPECT_EQ(servers.asked.size(), 2u);
  EXPECT_EQ(servers.asked[1].size(), 4u);
  EXPECT_THAT(names(observed),
              ElementsAre("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:4", "10.0.0.1:5"));
  std::vector<Reach> reaches;
  for (const NodeFacts& node : observed.nodes) {
    reaches.push_back(node.reach);
    EXPECT_TRUE(node.running());
    EXPECT_EQ(node.id, id_of(node.address.port));
    EXPECT_EQ(node.note.empty(), node.reach == Reach::kAnswering) << node.note;
  }
  EXPECT_THAT(reaches, ElementsAre(Reach::kAnswering, Reach::kAnswering, Reach::kSilent, Reach::kDenied,
                                   Reach::kLoading));
}

TEST(Survey, FollowsNodesThatOnlyOthersKnow) {
  Answers servers;
  servers.add(address_of(1), 1, line(1, "myself,master") + line(2, "master"));
  servers.add(address_of(2), 2, line(2, "myself,master") + line(3, "master"));
  servers.add(address_of(3), 3, line(3, "myself,master") + line(4, "master"));
  servers.add(address_of(4), 4, line(4, "myself,master"));
  EXPECT_EQ(must_survey(servers, address_of(1)).nodes.size(), 4u);
  EXPECT_EQ(servers.asked.size(), 4u);
}

TEST(Survey, HandshakesAndStrangersAreNoMembers) {
  Answers servers;
  servers.add(address_of(1), 1, line(1, "myself,master") + line(2, "handshake") + line(3, "master"));
  servers.add(address_of(3), 7, line(7, "myself,master") + line(8, "master"));  // reset, in another cluster
  Observed observed = must_survey(servers, address_of(1));
  ASSERT_EQ(observed.nodes.size(), 2u);
  EXPECT_EQ(observed.nodes[1].id, id_of(3));
  EXPECT_EQ(observed.nodes[1].reach, Reach::kSilent);
  EXPECT_THAT(observed.nodes[1].note, HasSubstr(id_of(7)));
}

TEST(Survey, OneThatIsFoundAtAnotherAddressIsThere) {
  Answers servers;
  std::string stale = line(3, "master,fail", "10.0.0.1:33@10033", "disconnected");
  servers.add(address_of(1), 1, line(1, "myself,master") + stale + line(2, "master"));
  servers.add(address_of(2), 2, line(2, "myself,master") + line(3, "master"));
  servers.add(address_of(3), 3, line(3, "myself,master"));
  Observed observed = must_survey(servers, address_of(1));
  EXPECT_THAT(names(observed), ElementsAre("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"));
  EXPECT_EQ(observed.nodes[2].reach, Reach::kAnswering);
}

TEST(Survey, ANodeThatAnswersInAnEarlierRoundThanItIsNamed) {
  Answers servers;  // 3 answers where 2 is thought to be, and is named by 4 only afterwards
  servers.add(address_of(1), 1, line(1, "myself,master") + line(2, "master") + line(4, "master"));
  servers.add(address_of(2), 3, line(3, "myself,master", "10.0.0.1:2@10002"));
  servers.add(address_of(4), 4, line(4, "myself,master") + line(3, "master", "10.0.0.1:2@10002"));
  Observed observed = must_survey(servers, address_of(1));
  ASSERT_EQ(observed.nodes.size(), 4u);
  EXPECT_EQ(observed.nodes[1].id, id_of(2));
  EXPECT_EQ(observed.nodes[1].reach, Reach::kSilent);
  EXPECT_EQ(observed.nodes[2].id, id_of(3));
  EXPECT_EQ(observed.nodes[2].reach, Reach::kAnswering);
}

TEST(Survey, NodesWithoutAnAddressAreTold) {
  Answers servers;
  servers.add(address_of(1), 1, line(1, "myself,master") + line(2, "master,noaddr", ":0@0", "disconnected"));
  Observed observed = must_survey(servers, address_of(1));
  ASSERT_EQ(observed.nodes.size(), 2u);
  EXPECT_EQ(observed.nodes[0].id, id_of(2));
  EXPECT_EQ(observed.nodes[0].name, id_of(2));
  EXPECT_TRUE(observed.nodes[0].address.empty());
  EXPECT_EQ(observed.nodes[0].reach, Reach::kSilent);
}

TEST(Survey, AnnouncedAndReachedAddresses) {
  Answers servers;
  Address seed{"::1", 9001};
  Address behind{"127.0.0.1", 9002};
  servers.add(seed, 1, line(1, "myself,master", ":1@10001") + line(2, "master") + line(3, "master,fail"));
  servers.add(behind, 2, line(2, "myself,master") + line(1, "master"));
  Observed observed = must_survey(servers, seed, {.reach = {{address_of(2), behind}}});
  ASSERT_EQ(observed.nodes.size(), 3u);
  const NodeFacts* first = observed.find_id(id_of(1));
  const NodeFacts* second = observed.find_id(id_of(2));
  const NodeFacts* third = observed.find_id(id_of(3));
  ASSERT_TRUE(first != nullptr && second != nullptr && third != nullptr);
  EXPECT_EQ(first->address, seed);
  EXPECT_EQ(first->name, "[::1]:9001");
  EXPECT_EQ(second->address, behind);
  EXPECT_EQ(announced_address(observed, *first), address_of(1));  // as the second one knows it
  EXPECT_EQ(announced_address(observed, *second), address_of(2));
  EXPECT_EQ(announced_address(observed, *third), address_of(3));
  observed.nodes = {*first};
  EXPECT_EQ(announced_address(observed, observed.nodes[0]), seed);
}

TEST(Survey, SeedsThatTellNothing) {
  Answers servers;
  servers.add_error(address_of(1), "ERR This instance has cluster support disabled");
  servers.add_error(address_of(2), "NOAUTH Authentication required.");
  servers.add_error(address_of(3), "LOADING Redis is loading the dataset in memory");
  std::vector<ErrorCode> codes;
  for (int n : {1, 2, 3, 4}) {
    Result<Observed> observed = survey(servers, address_of(n));
    ASSERT_FALSE(observed);
    codes.push_back(observed.error().code);
    if (n < 4) {
      EXPECT_THAT(observed.error().message, HasSubstr(to_string(address_of(n))));
    }
  }
  EXPECT_THAT(codes, ElementsAre(ErrorCode::kConflict, ErrorCode::kDenied, ErrorCode::kUnavailable,
                                 ErrorCode::kUnavailable));
}

}  // namespace
}  // namespace keyway::engine
