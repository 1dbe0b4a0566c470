#include "engine/hasten.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace keyway::engine {
namespace {

// A replica that takes over after it was asked `patience` times; REPLCONF GETACK has no reply.
class Replica : public Servers {
 public:
  explicit Replica(int patience) : patience_(patience) {}

  std::vector<Response> exchange(const std::vector<Request>& requests, int64_t timeout_ms) override {
    waited_ms += timeout_ms;
    Response response;
    if (refuses) {
      response.error = Error{ErrorCode::kUnavailable, "no connection"};
    } else {
      resp::Reply role;
      role.type = resp::ReplyType::kArray;
      role.elements.resize(1);
      role.elements[0].text = asked < patience_ ? "slave" : "master";
      response.replies = {role};
      response.error = Error{ErrorCode::kTimeout, "no answer"};
    }
    const std::vector<resp::Command>& commands = requests.front().commands;
    asked += std::ranges::count(commands, resp::Command{"REPLCONF", "GETACK", "*"}) == 1 ? 1 : 0;
    return {response};
  }

  int asked = 0;
  int64_t waited_ms = 0;
  bool refuses = false;

 private:
  int patience_;
};

TEST(Hasten, AsksUntilTheReplicaIsThePrimary) {
  Replica replica(1);
  hasten_failover(replica, {"10.0.0.1", 6379});
  EXPECT_EQ(replica.asked, 2);
}

TEST(Hasten, GivesUpSoon) {
  Replica replica(100);
  hasten_failover(replica, {"10.0.0.1", 6379});
  EXPECT_EQ(replica.asked, 3);
  EXPECT_EQ(replica.waited_ms, 175);
}

TEST(Hasten, AsksNobodyWhoCannotBeReached) {
  Replica replica(100);
  replica.refuses = true;
  hasten_failover(replica, {"10.0.0.1", 6379});
  EXPECT_EQ(replica.asked, 1);
}

}  // namespace
}  // namespace keyway::engine
