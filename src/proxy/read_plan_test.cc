#include "proxy/read_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/readers.h"

namespace keyway::proxy {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

const Address kPrimary = {"10.0.0.1", 1};
const Address kFirst = {"10.0.0.2", 2};
const Address kSecond = {"10.0.0.3", 3};

// One primary with two replicas, all of which have the same data.
class ReadPlanTest : public testing::Test {
 protected:
  ReadPlanTest() {
    topology_.nodes = {{"p", kPrimary, "", true, false, "", 1},
                       {"a", kFirst, "", false, false, "p", 1},
                       {"b", kSecond, "", false, false, "p", 1}};
    topology_.owners.fill(0);
    for (const TopologyNode& node : topology_.nodes) {
      NodeLook& look = looks_[node.address];
      look.answers = true;
      look.facts.role = node.primary ? cluster::Role::kPrimary : cluster::Role::kReplica;
      look.facts.link_up = true;
      look.facts.replid = "history";
      look.facts.offset = 1000;
      look.facts.last_io_ms = 1000;
    }
    options_.policy = ReadPolicy::kPreferReplica;
  }

  std::vector<Address> readers(int64_t now_ms = 0) {
    plan_ = plan_reads(topology_, looks_, options_, histories_, now_ms);
    auto found = plan_.readers.find(kPrimary);
    return found == plan_.readers.end() ? std::vector<Address>{} : found->second;
  }
  cluster::ServerFacts& facts(const Address& address) { return looks_[address].facts; }

  Topology topology_;
  NodeLooks looks_;
  ReadOptions options_;
  std::map<Address, LagHistory> histories_;
  ReadPlan plan_;
};

TEST_F(ReadPlanTest, ReplicasThatFollowAnswer) {
  EXPECT_THAT(readers(), ElementsAre(kFirst, kSecond));
  facts(kFirst).link_up = false;
  EXPECT_THAT(readers(), ElementsAre(kSecond));
  facts(kSecond).replid = "another";
  EXPECT_THAT(readers(), ElementsAre());
}

TEST_F(ReadPlanTest, OneThatIsSilentOrGivenUpOrPromotedDoesNot) {
  looks_[kFirst].answers = false;
  EXPECT_THAT(readers(), ElementsAre(kSecond));
  EXPECT_THAT(plan_.silent, ElementsAre(kFirst));
  topology_.nodes[1].failed = true;
  facts(kSecond).role = cluster::Role::kPrimary;
  EXPECT_THAT(readers(), ElementsAre());
  EXPECT_THAT(plan_.silent, ElementsAre());
}

TEST_F(ReadPlanTest, BytesBehind) {
  options_.max_lag_bytes = 100;
  facts(kFirst).offset = 900;
  facts(kSecond).offset = 899;
  EXPECT_THAT(readers(), ElementsAre(kFirst));
}

TEST_F(ReadPlanTest, TimeBehindCountsFromWhenThePrimaryHadMore) {
  options_.max_lag_ms = 5000;
  EXPECT_EQ(readers(0).size(), 2U);
  facts(kPrimary).offset = 1100;
  EXPECT_EQ(readers(1000).size(), 2U) << "behind, but not yet for long";
  facts(kPrimary).offset = 1200;
  facts(kSecond).offset = 1150;
  EXPECT_EQ(readers(6000).size(), 2U) << "for just so long";
  EXPECT_THAT(readers(6001), ElementsAre(kSecond));
  EXPECT_THAT(readers(11'001), ElementsAre());
  facts(kFirst).offset = 1200;
  EXPECT_THAT(readers(11'002), ElementsAre(kFirst));
}

TEST_F(ReadPlanTest, NothingIsKnownOfThePast) {
  options_.max_lag_ms = 5000;
  facts(kFirst).offset = 900;
  facts(kFirst).last_io_ms = 5001;
  EXPECT_THAT(readers(), ElementsAre(kSecond)) << "it says itself that it has heard nothing for so long";
  looks_[kPrimary].answers = false;
  facts(kSecond).last_io_ms = -1;
  EXPECT_THAT(readers(), ElementsAre()) << "without the primary only its own word counts";
}

TEST_F(ReadPlanTest, NearestIsTheSameZone) {
  options_.policy = ReadPolicy::kNearest;
  options_.zone = "a";
  facts(kPrimary).zone = "b";
  facts(kFirst).zone = "b";
  facts(kSecond).zone = "a";
  EXPECT_THAT(readers(), ElementsAre(kSecond));
  facts(kPrimary).zone = "a";
  EXPECT_THAT(readers(), UnorderedElementsAre(kPrimary, kSecond));
}

TEST_F(ReadPlanTest, NearestIsElseWhoAnswersSoonest) {
  options_.policy = ReadPolicy::kNearest;
  options_.zone = "nowhere";
  looks_[kPrimary].round_trip_us = 40'000;
  looks_[kFirst].round_trip_us = 1000;
  looks_[kSecond].round_trip_us = 1100;
  EXPECT_THAT(readers(), UnorderedElementsAre(kFirst, kSecond));
  looks_[kSecond].round_trip_us = 2000;
  EXPECT_THAT(readers(), ElementsAre(kFirst));
}

TEST_F(ReadPlanTest, SlotsOnTheMoveAreTheirOwners) {
  facts(kPrimary).open_slots = {{7, "elsewhere", false}};
  readers();
  Routes routes;
  routes.apply(topology_);
  Readers chosen;
  chosen.apply(plan_, routes);
  EXPECT_TRUE(chosen.any());
  EXPECT_EQ(chosen.next(7, 0, 0), Routes::kNobody);
  EXPECT_NE(chosen.next(8, 0, 0), Routes::kNobody);
}

TEST_F(ReadPlanTest, ReadersTakeTurnsAndAreSpared) {
  readers();
  Routes routes;
  routes.apply(topology_);
  Readers chosen;
  chosen.apply(plan_, routes);
  uint16_t first = chosen.next(0, 0, 0);
  uint16_t second = chosen.next(0, 0, 0);
  EXPECT_NE(first, second);
  EXPECT_EQ(chosen.next(0, 0, 0), first);
  chosen.spare(first, 0);
  EXPECT_EQ(chosen.next(0, 0, 1), second);
  EXPECT_EQ(chosen.next(0, 0, 1), second);
  chosen.spare(second, 0);
  EXPECT_EQ(chosen.next(0, 0, 1), Routes::kNobody);
  EXPECT_NE(chosen.next(0, 0, Readers::kSpareMs), Routes::kNobody);
}

TEST(LagHistory, StaysSmall) {
  LagHistory history(1'000'000);
  for (int64_t i = 0; i < 100'000; ++i) history.note(i * 1000, "one", i);
  EXPECT_EQ(history.lag_ms(100'000'000, 99'999), 0);
  EXPECT_GT(history.lag_ms(100'000'000, 10), 1'000'000);
  int64_t lag_ms = history.lag_ms(100'000'000, 99'899);
  EXPECT_GT(lag_ms, 80'000);
  EXPECT_LT(lag_ms, 110'000);
  history.note(100'001'000, "another", 5);
  EXPECT_EQ(history.lag_ms(100'002'000, 5), 0);
}

}  // namespace
}  // namespace keyway::proxy
