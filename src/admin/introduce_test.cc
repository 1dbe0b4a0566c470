#include "admin/introduce.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/fake_nodes.h"
#include "admin/look.h"

namespace keyway::admin {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kTimeoutMs = 10'000;

// Primaries 1 and 2, whom 3 and 4 follow; nobody hears anything but by CLUSTER MEET.
class Introduce : public testing::Test {
 protected:
  Introduce() {
    nodes[1].self.slots = {{0, 8191}};
    nodes[2].self.slots = {{8192, 16383}};
    nodes[3].self.primary_id = FakeNodes::id_of(1);
    nodes[4].self.primary_id = FakeNodes::id_of(2);
    nodes[1].self.epoch = 1;
    nodes[2].self.epoch = 2;
    nodes.join_all();
    nodes.gossip = false;
    nodes.instead = [this](uint16_t port, const resp::Command& command) { return answer(port, command); };
  }

  // 2 believes that 3 is a primary yet, with that epoch.
  void mistake(uint64_t epoch) {
    nodes[2].known[FakeNodes::id_of(3)].primary_id.clear();
    nodes[2].known[FakeNodes::id_of(3)].epoch = epoch;
  }

  // As Valkey 9 does: of a replica of an earlier epoch than is known of it nothing is heeded.
  std::optional<resp::Reply> answer(uint16_t port, const resp::Command& command) {
    if (command.size() > 1 && command[1] == "BUMPEPOCH") {
      nodes[port].self.epoch = 9;
      return reply_of(resp::ReplyType::kStatus, "BUMPED 9");
    }
    bool ignored = port == 3 && command.size() > 3 && command[1] == "MEET" && command[3] == "2" &&
                   nodes[1].self.epoch < nodes[2].known[FakeNodes::id_of(3)].epoch;
    return ignored ? std::optional(ok_reply()) : std::nullopt;
  }

  bool agree() {
    cluster::Observed observed =
        look_at(fake.session, {FakeNodes::at(1), FakeNodes::at(2), FakeNodes::at(3), FakeNodes::at(4)});
    Introducer introducer(fake.session);
    return wait_until(
        fake.session,
        [&] {
          look_again(fake.session, observed);
          std::vector<ViewGap> gaps = view_gaps(observed);
          Status closed = introducer.close(observed, gaps);
          EXPECT_TRUE(closed) << closed.error().message;
          return gaps.empty();
        },
        kTimeoutMs);
  }

  FakeSession fake{4};
  FakeNodes& nodes = fake.nodes;
};

TEST_F(Introduce, WhoHasAnOutdatedPictureIsMet) {
  mistake(1);
  EXPECT_TRUE(agree());
  EXPECT_THAT(nodes.sent("CLUSTER MEET 127.0.0.1 2", 3), SizeIs(1));
  EXPECT_THAT(nodes.sent("CLUSTER BUMPEPOCH", 1), IsEmpty());
}

TEST_F(Introduce, APrimaryOvertakenByItsReplicaGetsALaterEpoch) {
  mistake(7);
  EXPECT_TRUE(agree());
  EXPECT_EQ(nodes[2].known[FakeNodes::id_of(3)].primary_id, FakeNodes::id_of(1));
  EXPECT_THAT(nodes.sent("CLUSTER BUMPEPOCH", 1), SizeIs(1));
  EXPECT_THAT(nodes.sent("CLUSTER BUMPEPOCH", 2), IsEmpty());
}

}  // namespace
}  // namespace keyway::admin
