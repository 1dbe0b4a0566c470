#include "admin/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::admin {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

cluster::PeerView peer(const std::string& id, uint16_t port) {
  cluster::PeerView view;
  view.id = id;
  view.address = {"127.0.0.1", port};
  view.bus_port = static_cast<uint16_t>(port + 10000);
  view.primary = true;
  view.linked = true;
  return view;
}

// a and b know each other.
class Views : public testing::Test {
 protected:
  Views() {
    for (const auto& [id, other] : {std::pair("a", "b"), std::pair("b", "a")}) {
      cluster::NodeFacts& node = observed.nodes.emplace_back();
      node.address = {"127.0.0.1", port_of(id)};
      node.name = to_string(node.address);
      node.process = cluster::Process::kRunning;
      node.reach = cluster::Reach::kAnswering;
      node.server.id = id;
      node.server.peers = {peer(id, port_of(id)), peer(other, port_of(other))};
      node.server.peers[0].myself = true;
    }
  }
  static uint16_t port_of(const std::string& id) { return id == "a" ? 1 : 2; }

  cluster::PeerView& b_as_a_sees_it() { return observed.nodes[0].server.peers[1]; }
  // Requires that a is the only one who sees something else.
  Gap gap_of_a() {
    std::vector<ViewGap> gaps = view_gaps(observed);
    EXPECT_EQ(gaps.size(), 1u);
    EXPECT_EQ(gaps.at(0).viewer, 0u);
    EXPECT_EQ(gaps.at(0).about, 1u);
    return gaps.at(0).gap;
  }

  cluster::Observed observed;
};

TEST_F(Views, NoGapsWhereAllAgree) { EXPECT_THAT(view_gaps(observed), IsEmpty()); }

TEST_F(Views, UnknownAndMeeting) {
  b_as_a_sees_it().handshake = true;
  b_as_a_sees_it().id = "random";
  EXPECT_EQ(gap_of_a(), Gap::kMeeting);
  EXPECT_FALSE(knows(observed.nodes[0], "b"));
  EXPECT_FALSE(knows(observed.nodes[0], "random"));
  observed.nodes[0].server.peers.pop_back();
  EXPECT_EQ(gap_of_a(), Gap::kUnknown);
  EXPECT_TRUE(knows(observed.nodes[1], "a"));
}

TEST_F(Views, MeetingAgain) {
  cluster::PeerView again = peer("random", 2);
  again.handshake = true;
  observed.nodes[0].server.peers.push_back(again);
  EXPECT_EQ(gap_of_a(), Gap::kMeeting);
  observed.nodes[0].server.peers.back().address.port = 3;
  EXPECT_THAT(view_gaps(observed), IsEmpty()) << "it may try to meet others for ever";
}

TEST_F(Views, OutdatedSlotsEpochRoleAndPrimary) {
  cluster::PeerView& own = observed.nodes[1].server.peers[0];
  own.slots = {{1, 2}};
  EXPECT_EQ(gap_of_a(), Gap::kOutdated);
  b_as_a_sees_it().slots = {{1, 2}};
  EXPECT_THAT(view_gaps(observed), IsEmpty());
  own.config_epoch = 4;
  EXPECT_EQ(gap_of_a(), Gap::kOutdated);
  own.primary = false;
  own.primary_id = "a";
  EXPECT_EQ(gap_of_a(), Gap::kOutdated);
  b_as_a_sees_it().primary = false;
  EXPECT_EQ(gap_of_a(), Gap::kOutdated);
  b_as_a_sees_it().primary_id = "a";
  EXPECT_THAT(view_gaps(observed), IsEmpty()) << "the epoch that is told of a replica is its primary's";
}

TEST_F(Views, UnlinkedAndSuspected) {
  b_as_a_sees_it().linked = false;
  EXPECT_EQ(gap_of_a(), Gap::kUnlinked);
  b_as_a_sees_it().pfail = true;
  EXPECT_EQ(gap_of_a(), Gap::kSuspected);
}

TEST_F(Views, ThoseWhoDoNotAnswerArePassedOver) {
  observed.nodes[0].server.peers.pop_back();
  observed.nodes[1].reach = cluster::Reach::kSilent;
  EXPECT_THAT(view_gaps(observed), IsEmpty());
}

TEST_F(Views, AGapInWordsNamesBothAndTheBusPort) {
  EXPECT_THAT(describe(observed, {0, 1, Gap::kUnknown}),
              AllOf(HasSubstr("127.0.0.1:1 does not know 127.0.0.1:2"), HasSubstr("10002")));
}

}  // namespace
}  // namespace keyway::admin
