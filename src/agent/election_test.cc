#include "agent/election.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::agent {
namespace {

using cluster::NodeFacts;
using cluster::Process;
using cluster::Reach;
using cluster::Role;
using testing::HasSubstr;

constexpr int64_t kNow = 1'000'000;

NodeFacts copy(const std::string& pod, int64_t offset, int64_t keys = 10, const std::string& replid = "h") {
  NodeFacts node;
  node.name = pod;
  node.address = {"10.0.0." + pod.substr(pod.size() - 1), 6379};
  node.process = Process::kRunning;
  node.reach = Reach::kAnswering;
  node.server.role = Role::kReplica;
  node.server.offset = offset;
  node.server.keys = keys;
  node.server.replid = replid;
  return node;
}

NodeFacts primary(const std::string& pod, int64_t offset) {
  NodeFacts node = copy(pod, offset);
  node.server.role = Role::kPrimary;
  return node;
}

NodeFacts silent(const std::string& pod) {
  NodeFacts node = copy(pod, 0);
  node.reach = Reach::kSilent;
  return node;
}

// Seen by s-1, of three pods; s-0 held the Lease last.
class Election : public testing::Test {
 protected:
  Election() {
    sight.now_ms = kNow;
    sight.since_ms = kNow - 400;
    sight.pod = "s-1";
    sight.identity = "s-1/u";
    sight.expected = 3;
    sight.view.lease_read = sight.view.pods_read = true;
    LeaseNote note;
    note.replid = "h";
    note.offset = 100;
    note.keys = 10;
    note.last = "s-0";
    sight.view.lease = Lease{};
    sight.view.lease->duration_ms = 5000;
    sight.view.lease->resource_version = "7";
    sight.view.lease->note = encode(note);
    sight.view.changed_ms = kNow - 400;
  }

  void note(const std::function<void(LeaseNote&)>& change) {
    LeaseNote changed = decode_note(sight.view.lease->note);
    change(changed);
    sight.view.lease->note = encode(changed);
  }
  Decision decide_now() { return decide(sight, {}); }
  bool takes() {
    Decision decision = decide_now();
    return decision.hold == Wish::Hold::kHold && decision.take_version == sight.view.lease->resource_version;
  }

  Sight sight;
};

TEST_F(Election, TheFreshestCopyTakesWhatWasGivenUp) {
  sight.nodes = {silent("s-0"), copy("s-1", 120), copy("s-2", 110)};
  EXPECT_TRUE(takes());
  sight.nodes = {silent("s-0"), copy("s-1", 110), copy("s-2", 120)};
  Decision decision = decide_now();
  EXPECT_EQ(decision.hold, Wish::Hold::kWatch);
  EXPECT_THAT(decision.waiting_for, HasSubstr("s-2 is to take over"));
}

TEST_F(Election, AnEmptyOrOldCopyWaitsForABetterOne) {
  for (NodeFacts mine : {copy("s-1", 500, 0, "x"), copy("s-1", 90), copy("s-1", 500, 10, "x")}) {
    sight.since_ms = kNow - 1'000'000;
    sight.nodes = {silent("s-0"), mine, silent("s-2")};
    EXPECT_FALSE(takes()) << mine.server.offset << mine.server.replid;
  }
}

TEST_F(Election, WhenAllAreThereTheBestOfThemGoesOn) {
  sight.nodes = {copy("s-0", 10, 0, "x"), copy("s-1", 90), copy("s-2", 80)};
  EXPECT_TRUE(takes());
}

TEST_F(Election, WhenAllAreEmptyThatWereNotItAsks) {
  sight.nodes = {copy("s-0", 10, 0, "x"), copy("s-1", 10, 0, "y"), copy("s-2", 10, 0, "z")};
  EXPECT_FALSE(takes());
  EXPECT_THAT(decide_now().waiting_for, HasSubstr("accept the loss"));
  sight.accept_loss = true;
  sight.nodes = {copy("s-1", 10, 0, "y")};
  EXPECT_TRUE(takes());
}

TEST_F(Election, ACopyInTheMiddleOfASyncIsNone) {
  sight.nodes = {silent("s-0"), copy("s-1", 120), copy("s-2", 110)};
  sight.nodes[1].server.syncing = true;
  EXPECT_FALSE(takes());
}

TEST_F(Election, WhoDoesNotTakeItsTurnIsPassedOver) {
  // s-0's server lives and takes itself for the primary; its agent hangs.
  sight.nodes = {primary("s-0", 130), copy("s-1", 120), copy("s-2", 110)};
  EXPECT_FALSE(takes());
  sight.since_ms = kNow - 2000;
  EXPECT_TRUE(takes());
  sight.view.mine = true;
  sight.view.renewed_ms = kNow;
  Decision decision = decide_now();
  EXPECT_EQ(decision.order, Order::kPromote);
  EXPECT_EQ(decision.demote, "s-0");
}

TEST_F(Election, AReplicaThatHasMoreIsWaitedForLonger) {
  sight.nodes = {silent("s-0"), copy("s-1", 110), copy("s-2", 120)};
  sight.since_ms = kNow - 8000;
  EXPECT_FALSE(takes());
  sight.since_ms = kNow - 8300;
  EXPECT_TRUE(takes());
  sight.nodes[2].server.offset = 110;  // it has no more, and is the better one by less
  sight.nodes[2].server.keys = sight.nodes[1].server.keys + 1;
  sight.since_ms = kNow - 1500;
  EXPECT_FALSE(takes());
  sight.since_ms = kNow - 1800;
  EXPECT_TRUE(takes());
}

TEST_F(Election, ANewShardWaitsForItsPods) {
  sight.view.lease.reset();
  sight.nodes = {copy("s-1", 0, 0, "x")};
  EXPECT_EQ(decide_now().hold, Wish::Hold::kWatch);
  sight.nodes = {copy("s-0", 0, 0, "y"), copy("s-1", 0, 0, "x"), copy("s-2", 0, 0, "z")};
  EXPECT_EQ(decide_now().hold, Wish::Hold::kWatch) << "the first pod goes first";
  sight.pod = "s-0";
  Decision decision = decide_now();
  EXPECT_EQ(decision.hold, Wish::Hold::kHold);
  EXPECT_EQ(decision.take_version, "");
}

TEST_F(Election, AHolderThatCannotRenewFencesItselfInTime) {
  sight.view.mine = true;
  sight.view.lease->holder = sight.identity;
  sight.nodes = {primary("s-1", 120)};
  for (int64_t age_ms = 0; age_ms < 10'000; age_ms += 100) {
    sight.view.renewed_ms = kNow - age_ms;
    Decision decision = decide_now();
    bool fenced = decision.fenced && decision.order == Order::kHold;
    EXPECT_EQ(fenced, age_ms >= 3500) << age_ms;
    EXPECT_EQ(decision.hold, Wish::Hold::kHold);
  }
}

TEST_F(Election, AServerThatWasStartedAnewIsNotTheOneTheLeaseIsHeldFor) {
  sight.view.mine = true;
  sight.view.lease->holder = sight.identity;
  sight.view.renewed_ms = kNow;
  sight.restarted = true;
  sight.nodes = {copy("s-1", 0, 0, "x")};
  EXPECT_EQ(decide_now().hold, Wish::Hold::kGiveUp);
  sight.view.mine = false;
  EXPECT_EQ(decide_now().hold, Wish::Hold::kGiveUp);
  EXPECT_EQ(decide_now().order, Order::kNone);
}

TEST_F(Election, OthersFollowTheHolderOnceItIsThePrimary) {
  sight.view.lease->holder = "s-0/u";
  sight.nodes = {copy("s-0", 100), copy("s-1", 100)};
  EXPECT_EQ(decide_now().order, Order::kNone);
  sight.nodes = {primary("s-0", 100), copy("s-1", 100)};
  EXPECT_EQ(decide_now().order, Order::kFollow);
  EXPECT_EQ(decide_now().follow, "s-0");
  sight.nodes[1].server.primary_address = sight.nodes[0].address;
  sight.nodes[1].server.link_up = true;
  EXPECT_EQ(decide_now().order, Order::kNone);
  EXPECT_FALSE(decide_now().unsteady);
}

TEST_F(Election, ACopyDoesNotFollowAnEmptyHolder) {
  sight.view.lease->holder = "s-0/u";
  sight.nodes = {primary("s-0", 1), copy("s-1", 100)};
  sight.nodes[0].server.keys = 0;
  sight.nodes[0].server.replid = "new";
  EXPECT_EQ(decide_now().order, Order::kNone);
  EXPECT_THAT(decide_now().waiting_for, HasSubstr("s-0 is empty"));
}

TEST_F(Election, APrimaryWithoutTheLeaseTakesNoWrites) {
  sight.view.lease->holder = "s-0/u";
  sight.nodes = {copy("s-0", 100), primary("s-1", 100)};
  EXPECT_EQ(decide_now().order, Order::kHold);
  note([](LeaseNote& changed) { changed.to = "s-1"; });
  sight.primary_since_ms = kNow - 3000;
  EXPECT_EQ(decide_now().order, Order::kNone) << "it was handed over";
  EXPECT_TRUE(takes());
  sight.primary_since_ms = kNow - 3500;
  EXPECT_EQ(decide_now().order, Order::kHold) << "others may take the Lease soon";
  sight.view.lease_read = false;
  EXPECT_EQ(decide_now().order, Order::kHold);
}

TEST_F(Election, WhoeverWasNamedHasItsTimeSeenOrNot) {
  note([](LeaseNote& changed) { changed.to = "s-2"; });
  for (const NodeFacts& named : {silent("s-2"), primary("s-2", 120)}) {
    sight.nodes = {copy("s-0", 100), copy("s-1", 110), named};
    sight.since_ms = kNow - 5000;
    EXPECT_FALSE(takes());
    sight.since_ms = kNow - 5300;
    EXPECT_TRUE(takes());
  }
  EXPECT_EQ(decide_now().order, Order::kFollow) << "so that it has what the primary takes";
  EXPECT_EQ(decide_now().follow, "s-2");
}

TEST_F(Election, WhoeverSeesLessLeavesTheOthersATurn) {
  sight.nodes = {silent("s-0"), copy("s-1", 110), silent("s-2")};
  EXPECT_FALSE(takes());
  sight.since_ms = kNow - 1800;
  EXPECT_TRUE(takes());
  sight.nodes = {silent("s-0"), copy("s-1", 110), copy("s-2", 105)};
  sight.since_ms = kNow - 300;
  EXPECT_TRUE(takes()) << "the last holder is gone anyway";
}

TEST_F(Election, AfterAHandoverThatNobodyNotedTheOffsetCounts) {
  note([](LeaseNote& changed) { changed.to = "s-2"; });
  sight.nodes = {copy("s-0", 130, 10, "new"), copy("s-1", 90), copy("s-2", 80)};
  sight.since_ms = kNow - 60'000;
  EXPECT_FALSE(takes());
  EXPECT_THAT(decide_now().waiting_for, HasSubstr("s-0 is to take over"));
}

TEST_F(Election, ALeaseThatIsNotRenewedEnds) {
  sight.view.lease->holder = "s-0/u";
  sight.nodes = {silent("s-0"), copy("s-1", 120), copy("s-2", 110)};
  sight.view.changed_ms = kNow - 5000;
  EXPECT_FALSE(takes());
  sight.view.changed_ms = kNow - 5001;
  EXPECT_TRUE(takes());
}

// A handover names it in the Lease, but it has seen its server become the primary first.
TEST_F(Election, WhatTheServerHasBecomeIsLookedUpBeforeItIsUndone) {
  sight.view.lease->holder = "s-0/u";
  sight.view.changed_ms = kNow - 400;
  sight.nodes = {copy("s-0", 100), primary("s-1", 100)};
  sight.view.read_ms = kNow - 500;
  sight.primary_since_ms = kNow - 100;
  Decision decision = decide(sight, {});
  EXPECT_EQ(decision.order, Order::kNone);
  EXPECT_TRUE(decision.unsteady);
  sight.view.read_ms = kNow - 50;
  EXPECT_EQ(decide(sight, {}).order, Order::kHold) << "it is another's";
  sight.view.read_ms = kNow - 5000;
  sight.primary_since_ms = kNow - 1000;
  EXPECT_EQ(decide(sight, {}).order, Order::kHold) << "nobody says that it is its own";
}

// The holder is s-1, whose server says nothing.
class Silent : public Election {
 protected:
  Silent() {
    sight.view.mine = true;
    sight.view.renewed_ms = kNow - 500;
    sight.view.lease->holder = sight.identity;
    sight.nodes = {silent("s-1"), copy("s-2", 100)};
    sight.nodes[0].silent_ms = 10'000;
  }
};

TEST_F(Silent, IsKilledIfAnotherCopyCanGoOn) {
  Decision decision = decide(sight, {});
  EXPECT_TRUE(decision.kill);
  EXPECT_EQ(decision.hold, Wish::Hold::kHold) << "until it is dead";
  EXPECT_THAT(decision.waiting_for, HasSubstr("10000 ms"));
}

TEST_F(Silent, IsLeftAloneForAWhile) {
  sight.nodes[0].silent_ms = 6000;
  EXPECT_FALSE(decide(sight, {}).kill);
  EXPECT_TRUE(decide(sight, {}).unsteady) << "all are to be looked at by then";
  sight.nodes[0].silent_ms = 1000;
  EXPECT_FALSE(decide(sight, {}).unsteady);
}

TEST_F(Silent, IsLeftAloneIfItIsTheOnlyCopyThatIsAnyGood) {
  sight.nodes[1].server.syncing = true;
  EXPECT_FALSE(decide(sight, {}).kill);
  sight.nodes[1] = copy("s-2", 100, 10, "another");
  EXPECT_FALSE(decide(sight, {}).kill);
  sight.nodes[1] = silent("s-2");
  EXPECT_FALSE(decide(sight, {}).kill);
  sight.nodes.pop_back();
  EXPECT_FALSE(decide(sight, {}).kill);
}

TEST_F(Silent, IsLeftAloneWhileItLoads) {
  sight.nodes[0].reach = Reach::kLoading;
  EXPECT_FALSE(decide(sight, {}).kill);
}

TEST_F(Silent, AnotherThatTakesItselfForThePrimaryIsDemoted) {
  sight.nodes = {primary("s-1", 100), primary("s-0", 120)};
  Decision decision = decide(sight, {});
  EXPECT_EQ(decision.demote, "s-0");
  EXPECT_EQ(decision.order, Order::kNone) << "its own server is the primary already";
}

TEST(LeaseNoteText, IsReadAsItIsWritten) {
  LeaseNote note;
  note.replid = "abc";
  note.offset = 17;
  note.keys = 4;
  note.to = "p-1";
  note.last = "p-0";
  note.met = "p-2";
  note.accept = true;
  EXPECT_EQ(decode_note(encode(note)), note);
  EXPECT_EQ(decode_note(""), LeaseNote{});
  EXPECT_EQ(decode_note("offset=x;;=;replid"), LeaseNote{});
}

}  // namespace
}  // namespace keyway::agent
