#include "cluster/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/diagnosis_testing.h"
#include "cluster/mending.h"

namespace keyway::cluster {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<Trouble> troubles(const std::vector<Finding>& findings) {
  std::vector<Trouble> all;
  for (const Finding& finding : findings) all.push_back(finding.trouble);
  return all;
}

// What is found; it must be exactly one thing.
Finding only(const Town& town, Trouble trouble, const KeyCounts& keys = {}) {
  std::vector<Finding> findings = diagnose(town.observed, keys);
  EXPECT_THAT(troubles(findings), ElementsAre(trouble)) << (findings.empty() ? "" : findings.back().text);
  return findings.empty() ? Finding{} : findings.front();
}

TEST(Diagnosis, NothingIsWrongWithAClusterInOrder) {
  EXPECT_THAT(diagnose(Town(3, 3).observed, {}), IsEmpty());
  EXPECT_THAT(diagnose(Town(1, 0).observed, {}), IsEmpty());
  KeyCounts keys;
  keys[5][id_of(0)] = 7;
  EXPECT_THAT(diagnose(Town(3, 0).observed, keys), IsEmpty());
  EXPECT_TRUE(slots_in_question(Town(3, 3).observed).none());
}

TEST(Diagnosis, TwoOwners) {
  Town town(3, 0);
  for (Slot slot = 5; slot <= 7; ++slot) {
    for (int viewer : {1, 2}) {  // epoch 2, above the owner's 1
      town.take(viewer, 0, slot);
      town.give(viewer, 1, slot);
    }
  }
  Finding finding = only(town, Trouble::kTwoOwners);
  EXPECT_EQ(finding.slots, (SlotRanges{{5, 7}}));
  EXPECT_THAT(finding.ids, ElementsAre(id_of(1), id_of(0)));
  EXPECT_THAT(finding.text, AllOf(HasSubstr("127.0.0.1:7000 (epoch 1)"),
                                  HasSubstr("127.0.0.1:7001 (epoch 2)"), HasSubstr("slots 5-7")));
  EXPECT_THAT(finding.remedy, HasSubstr("127.0.0.1:7001 keeps"));
  EXPECT_EQ(slots_in_question(town.observed).count(), 3u);
}

TEST(Diagnosis, StrayKeys) {
  Town town(3, 0);
  KeyCounts keys;
  keys[5] = {{id_of(0), 10}, {id_of(2), 3}};
  keys[6] = {{id_of(2), 4}};
  Finding finding = only(town, Trouble::kStrayKeys, keys);
  EXPECT_EQ(finding.slots, (SlotRanges{{5, 6}}));
  EXPECT_THAT(finding.text, AllOf(HasSubstr("7 keys"), HasSubstr("on 127.0.0.1:7002")));
  EXPECT_THAT(finding.remedy, HasSubstr("from 127.0.0.1:7002 to 127.0.0.1:7000"));
}

TEST(Diagnosis, SlotsOfNobody) {
  Town town(3, 0);
  for (int viewer : {0, 1, 2}) town.take(viewer, 0, 9);
  EXPECT_THAT(only(town, Trouble::kUncovered).remedy, HasSubstr("fewest slots"));
  KeyCounts keys;
  keys[9] = {{id_of(1), 2}, {id_of(2), 1}};
  Finding finding = only(town, Trouble::kUncovered, keys);
  EXPECT_EQ(finding.slots, (SlotRanges{{9, 9}}));
  EXPECT_THAT(finding.remedy, HasSubstr("127.0.0.1:7001 takes"));
}

TEST(Diagnosis, ADeadPrimary) {
  Town town(3, 3);
  town.kill(0);
  std::vector<Finding> findings = diagnose(town.observed, {});
  ASSERT_THAT(troubles(findings), ElementsAre(Trouble::kUncovered, Trouble::kUnreachable));
  EXPECT_EQ(findings[0].slots, (SlotRanges{{0, 5461}}));
  EXPECT_THAT(findings[0].remedy, HasSubstr("replica 127.0.0.1:7003 takes over"));
  EXPECT_THAT(findings[1].text, AllOf(HasSubstr("the primary of 5462 slots"), HasSubstr("cannot connect")));

  town.kill(3);
  findings = diagnose(town.observed, {});
  ASSERT_THAT(troubles(findings),
              ElementsAre(Trouble::kUncovered, Trouble::kUnreachable, Trouble::kUnreachable));
  EXPECT_EQ(findings[0].remedy, "");
  EXPECT_THAT(findings[0].text, HasSubstr("--give-up-unreachable"));
}

TEST(Diagnosis, AReplicaWithoutACopyDoesNotTakeOver) {
  Town town(2, 1);
  town.kill(0);
  town.node(2).server.was_linked = false;
  EXPECT_EQ(diagnose(town.observed, {}).front().remedy, "");
  town.node(2).server.keys = 10;
  EXPECT_NE(diagnose(town.observed, {}).front().remedy, "");
  town.node(2).server.syncing = true;
  EXPECT_EQ(diagnose(town.observed, {}).front().remedy, "");
}

TEST(Diagnosis, OnlyWeCannotReachIt) {
  Town town(3, 0);
  town.kill(0, false);
  EXPECT_THAT(only(town, Trouble::kUnreachable).text, HasSubstr("other nodes are connected to it"));
  town.node(0).reach = Reach::kLoading;
  EXPECT_THAT(only(town, Trouble::kUnreachable).text, HasSubstr("loading"));
  town.node(0).reach = Reach::kDenied;
  EXPECT_THAT(only(town, Trouble::kUnreachable).text, HasSubstr("password"));
}

TEST(Diagnosis, ADeadEmptyPrimaryIsAFinding) {
  Town town(4, 0);
  for (int slot = even_range(3, 4).first; slot < kSlotCount; ++slot) town.move(3, 0, static_cast<Slot>(slot));
  EXPECT_THAT(diagnose(town.observed, {}), IsEmpty());
  town.kill(3);
  EXPECT_THAT(only(town, Trouble::kUnreachable).text, HasSubstr("primary without slots"));
}

TEST(Diagnosis, AfterAFailoverOnlyTheDeadNodeIsAFinding) {
  Town town(2, 2);
  town.kill(0);
  for (int viewer : {1, 2, 3}) {
    town.view(viewer, 2).primary = true;
    town.view(viewer, 2).primary_id.clear();
    town.view(viewer, 2).config_epoch = 5;
    std::swap(town.view(viewer, 2).slots, town.view(viewer, 0).slots);
  }
  only(town, Trouble::kUnreachable);
}

TEST(Diagnosis, OpenSlots) {
  Town town(3, 0);
  town.open(0, 5, false, 1);
  town.open(1, 5, true, 0);
  KeyCounts keys;
  keys[5] = {{id_of(0), 10}, {id_of(1), 3}};
  Finding finding = only(town, Trouble::kOpenSlot, keys);
  EXPECT_THAT(finding.text,
              AllOf(HasSubstr("slot 5 is open"), HasSubstr("7000 is migrating to 127.0.0.1:7001"),
                    HasSubstr("7001 is importing from 127.0.0.1:7000"), HasSubstr("3 keys")));
  EXPECT_THAT(finding.remedy, AllOf(HasSubstr("finished"), Not(HasSubstr("compared"))));
}

TEST(Diagnosis, OpenSlotsWithoutTheirOtherFlag) {
  Town migrating(3, 0);
  migrating.open(0, 5, false, 1);
  EXPECT_THAT(only(migrating, Trouble::kOpenSlot).remedy, HasSubstr("7000 keeps them"));
  Town importing(3, 0);
  importing.open(1, 5, true, 0);
  EXPECT_THAT(only(importing, Trouble::kOpenSlot).remedy, HasSubstr("7000 keeps them"));

  KeyCounts keys;  // clients of the source are not sent to them
  keys[5] = {{id_of(0), 2}, {id_of(1), 3}};
  std::vector<Finding> findings = diagnose(importing.observed, keys);
  ASSERT_THAT(troubles(findings), ElementsAre(Trouble::kStrayKeys, Trouble::kOpenSlot));
  EXPECT_THAT(findings[1].remedy, AllOf(HasSubstr("finished"), HasSubstr("compared")));
}

TEST(Diagnosis, Disagreement) {
  Town town(3, 1);
  town.take(2, 0, 5);
  town.take(3, 0, 5);
  for (int viewer : {2, 3}) town.give(viewer, 1, 5);
  town.view(1, 1).config_epoch = 9;  // they heard that from it, before it let go
  Finding finding = only(town, Trouble::kDisagreement);
  EXPECT_THAT(finding.ids, ElementsAre(id_of(2), id_of(3)));
  EXPECT_THAT(finding.text, AllOf(HasSubstr("7002 and 127.0.0.1:7003 take slot 5 for 127.0.0.1:7001's"),
                                  HasSubstr("not 127.0.0.1:7000's")));
  town.take(3, 1, 5);
  EXPECT_EQ(diagnose(town.observed, {}).size(), 2u);
  town.open(2, 5, true, 0);
  EXPECT_THAT(troubles(diagnose(town.observed, {})), ElementsAre(Trouble::kOpenSlot, Trouble::kDisagreement));
}

TEST(Diagnosis, AReplicaThatIsTakenForAPrimaryWithALaterEpoch) {
  Town town(3, 3);
  PeerView& seen = town.view(2, 4);
  seen.primary = true;
  seen.primary_id = "";
  EXPECT_THAT(diagnose(town.observed, {}), IsEmpty()) << "with the same epoch it is mere news on its way";
  seen.config_epoch = 9;
  Finding finding = only(town, Trouble::kDisagreement);
  EXPECT_THAT(finding.ids, ElementsAre(id_of(2)));
  EXPECT_THAT(finding.text,
              AllOf(HasSubstr("127.0.0.1:7002 takes 127.0.0.1:7004 for a primary of config epoch 9"),
                    HasSubstr("a replica of 127.0.0.1:7001")));
  EXPECT_THAT(finding.remedy, HasSubstr("127.0.0.1:7001 takes a new one"));
  town.view(0, 4) = seen;
  std::vector<Mend> mends = plan_mending(town.observed, {}, false);
  ASSERT_THAT(mends, testing::SizeIs(1));
  EXPECT_EQ(mends[0].kind, MendKind::kRaiseEpoch);
  EXPECT_EQ(mends[0].node, id_of(1));
}

TEST(Diagnosis, EqualEpochs) {
  Town town(3, 3);
  for (int viewer = 0; viewer < 6; ++viewer) town.view(viewer, 1).config_epoch = 1;
  Finding finding = only(town, Trouble::kEqualEpochs);
  EXPECT_THAT(finding.ids, ElementsAre(id_of(1), id_of(0)));
  EXPECT_THAT(finding.remedy, HasSubstr("all but 127.0.0.1:7001"));
}

TEST(Diagnosis, ReplicasOfNobody) {
  Town unknown(2, 2);
  unknown.own(2).primary_id = id_of(99);
  EXPECT_THAT(only(unknown, Trouble::kReplicaOfNobody).remedy, HasSubstr("follows 127.0.0.1:7000"));
  Town nobody(2, 2);
  nobody.own(2).primary_id.clear();
  EXPECT_THAT(only(nobody, Trouble::kReplicaOfNobody).text, HasSubstr("follows nobody"));
  Town chained(2, 2);
  chained.own(2).primary_id = id_of(3);
  Finding finding = only(chained, Trouble::kReplicaOfNobody);
  EXPECT_THAT(finding.text, HasSubstr("127.0.0.1:7003, which is a replica itself"));
  EXPECT_THAT(finding.remedy, HasSubstr("follows 127.0.0.1:7001"));
  Town sharded(2, 2);
  for (int n : {1, 2}) sharded.own(n).shard_id = "b";
  sharded.own(2).primary_id = id_of(99);
  EXPECT_THAT(only(sharded, Trouble::kReplicaOfNobody).remedy, HasSubstr("follows 127.0.0.1:7001"));
}

TEST(Diagnosis, AReplicaWhoseLinkIsDown) {
  Town town(2, 1);
  town.node(2).server.link_up = false;
  EXPECT_THAT(only(town, Trouble::kLinkDown).text, HasSubstr("no connection to its primary 127.0.0.1:7000"));
  town.node(2).server.syncing = true;
  EXPECT_THAT(only(town, Trouble::kLinkDown).text, HasSubstr("still copying"));
}

TEST(Diagnosis, HalfForgotten) {
  Town town(4, 0);
  town.forget(0, 3);
  town.forget(1, 3);
  Finding finding = only(town, Trouble::kHalfForgotten);
  EXPECT_THAT(finding.ids, ElementsAre(id_of(3)));
  EXPECT_THAT(finding.text, HasSubstr("7003 is unknown to 127.0.0.1:7000 and 127.0.0.1:7001"));
  EXPECT_THAT(finding.remedy, HasSubstr("introduced"));
}

TEST(Diagnosis, HalfForgottenAndDead) {
  Town town(3, 1);
  town.kill(3);
  town.forget(0, 3);
  std::vector<Finding> findings = diagnose(town.observed, {});
  ASSERT_THAT(troubles(findings), ElementsAre(Trouble::kUnreachable, Trouble::kHalfForgotten));
  EXPECT_THAT(findings[1].remedy, HasSubstr("forget"));

  Town owner(3, 0);
  owner.kill(2);
  owner.forget(0, 2);
  findings = diagnose(owner.observed, {});
  ASSERT_THAT(troubles(findings),
              ElementsAre(Trouble::kUncovered, Trouble::kUnreachable, Trouble::kHalfForgotten));
  EXPECT_EQ(findings[2].remedy, "");
}

TEST(Diagnosis, OneWithoutAnAddressIsHalfForgotten) {
  Town town(3, 1);
  town.kill(3);
  for (int viewer : {0, 1, 2}) town.view(viewer, 3).noaddr = true;
  EXPECT_THAT(troubles(diagnose(town.observed, {})),
              ElementsAre(Trouble::kUnreachable, Trouble::kHalfForgotten));
}

TEST(Diagnosis, NeverMet) {
  Town town(4, 0);
  for (int a : {0, 1}) {
    for (int b : {2, 3}) {
      town.forget(a, b);
      town.forget(b, a);
    }
  }
  std::vector<Finding> findings = diagnose(town.observed, {});
  ASSERT_THAT(troubles(findings), ElementsAre(Trouble::kNeverMet, Trouble::kNeverMet));
  EXPECT_THAT(findings[0].ids, ElementsAre(id_of(2), id_of(0), id_of(1)));
  EXPECT_THAT(findings[1].ids, ElementsAre(id_of(3), id_of(0), id_of(1)));
}

TEST(Diagnosis, StaleAddresses) {
  Town town(3, 0);
  town.view(0, 2).address.port = 7999;
  EXPECT_THAT(diagnose(town.observed, {}), IsEmpty()) << "a link proves the address";
  town.view(0, 2).linked = false;
  Finding finding = only(town, Trouble::kStaleAddress);
  EXPECT_THAT(finding.text, AllOf(HasSubstr("7002 at 127.0.0.1:7999")));
  town.view(0, 2).address = town.own(2).address;
  EXPECT_THAT(diagnose(town.observed, {}), IsEmpty());
  town.view(0, 2).bus_port = 1;
  EXPECT_THAT(only(town, Trouble::kStaleAddress).text, HasSubstr("port 1, not 17002"));
  town.own(2).address.host.clear();  // it does not know its own
  only(town, Trouble::kStaleAddress);
}

TEST(Diagnosis, TheMostDangerousFirst) {
  Town town(3, 3);
  town.kill(5);
  town.open(0, 5, false, 1);
  for (int viewer : {0, 1, 2, 3, 4}) town.take(viewer, 0, 9);
  town.node(3).server.link_up = false;
  KeyCounts keys;
  keys[20][id_of(1)] = 1;
  EXPECT_THAT(troubles(diagnose(town.observed, keys)),
              ElementsAre(Trouble::kStrayKeys, Trouble::kUncovered, Trouble::kOpenSlot, Trouble::kUnreachable,
                          Trouble::kLinkDown));
}

TEST(Diagnosis, NamesOfTroubles) {
  EXPECT_EQ(to_string(Trouble::kTwoOwners), "two_owners");
  EXPECT_EQ(to_string(Trouble::kStaleAddress), "stale_address");
}

}  // namespace
}  // namespace keyway::cluster
