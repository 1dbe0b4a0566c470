#include "agent/clerk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace keyway::agent {
namespace {

using testing::ElementsAre;

// As an API server keeps them; with somebody who gets in between.
class Shelf : public Registry {
 public:
  Result<std::vector<Pod>> pods() override { return listed; }
  Result<std::optional<Lease>> lease(const std::string&) override {
    if (silent) return fail(ErrorCode::kTimeout, "no answer");
    return kept;
  }
  Result<Lease> put_lease(const Lease& lease) override {
    ++writes;
    if (before_write) before_write();
    if (silent) return fail(ErrorCode::kTimeout, "no answer");
    if ((kept ? kept->resource_version : "") != lease.resource_version)
      return fail(ErrorCode::kConflict, "it was written by somebody else");
    std::string wanted = kept ? kept->wanted : "";
    kept = lease;
    kept->wanted = wanted;
    bump();
    if (forgets_to_answer) return fail(ErrorCode::kTimeout, "no answer");
    return *kept;
  }
  Status mark_role(const std::string& pod, RoleMark role) override {
    marks.push_back(pod + (role == RoleMark::kPrimary ? " primary" : " replica"));
    for (Pod& one : listed) {
      if (one.name == pod) one.role = role;
    }
    return {};
  }
  Status mark_node_id(const std::string& id) override {
    marks.push_back("id " + id);
    return {};
  }

  void bump() { kept->resource_version = std::to_string(++version); }
  void patch(const std::string& wanted) {
    if (!kept) kept.emplace();
    kept->wanted = wanted;
    bump();
  }
  void take(const std::string& holder) {
    kept->holder = holder;
    ++kept->renewed_us;
    bump();
  }

  std::optional<Lease> kept;
  std::vector<Pod> listed;
  std::vector<std::string> marks;
  std::function<void()> before_write;
  bool silent = false;
  bool forgets_to_answer = false;
  int writes = 0;
  int version = 0;
};

class ClerkOf : public testing::Test {
 protected:
  ClerkOf() : clerk(shelf, {"l", "p-0/u", "p-0", "p"}) {}

  void hold(int64_t now_ms) {
    clerk.step(wish, now_ms);
    wish.hold = Wish::Hold::kHold;
    wish.take_version = clerk.view().lease ? clerk.view().lease->resource_version : "";
    clerk.step(wish, now_ms);
    ASSERT_TRUE(clerk.view().mine);
  }

  Shelf shelf;
  Clerk clerk;
  Wish wish;
};

TEST_F(ClerkOf, TakesAFreeLeaseAndRenewsIt) {
  hold(1000);
  EXPECT_EQ(shelf.kept->holder, "p-0/u");
  EXPECT_EQ(shelf.kept->transitions, 1);
  int64_t first_us = shelf.kept->renewed_us;
  EXPECT_EQ(clerk.step(wish, 1500), 2000);
  EXPECT_EQ(shelf.writes, 1);
  clerk.step(wish, 2000);
  EXPECT_EQ(shelf.writes, 2);
  EXPECT_EQ(clerk.view().renewed_ms, 2000);
  EXPECT_GT(shelf.kept->renewed_us, first_us);
  EXPECT_EQ(shelf.kept->transitions, 1);
}

TEST_F(ClerkOf, TakesOneThatTheOperatorHasMade) {
  shelf.patch("{}");
  hold(1000);
  EXPECT_EQ(shelf.kept->wanted, "{}");
}

TEST_F(ClerkOf, APatchOfSomebodyElsesAnnotationCostsNobodyHisLease) {
  hold(1000);
  bool once = true;
  shelf.before_write = [&] {
    if (once) shelf.patch(R"({"generation":2})");
    once = false;
  };
  clerk.step(wish, 2000);
  EXPECT_TRUE(clerk.view().mine);
  EXPECT_EQ(clerk.view().renewed_ms, 2000);
  EXPECT_EQ(shelf.kept->wanted, R"({"generation":2})");
  EXPECT_EQ(clerk.view().lease->wanted, R"({"generation":2})");
  EXPECT_EQ(shelf.writes, 3);
}

TEST_F(ClerkOf, PatchesWithoutEndAreMetAgainAndAgain) {
  hold(1000);
  shelf.before_write = [&] { shelf.patch("{}"); };
  int64_t next_ms = clerk.step(wish, 2000);
  EXPECT_TRUE(clerk.view().mine);
  EXPECT_EQ(clerk.view().renewed_ms, 1000) << "nothing was written";
  EXPECT_LE(next_ms, 2200);
  shelf.before_write = {};
  clerk.step(wish, next_ms);
  EXPECT_EQ(clerk.view().renewed_ms, next_ms);
}

TEST_F(ClerkOf, AnotherHolderEndsIt) {
  hold(1000);
  shelf.take("p-1/u");
  clerk.step(wish, 2000);
  EXPECT_FALSE(clerk.view().mine);
  EXPECT_EQ(shelf.kept->holder, "p-1/u");
  EXPECT_EQ(clerk.view().holder(2100), "p-1/u");
}

TEST_F(ClerkOf, ALostAnswerDoesNotEndIt) {
  hold(1000);
  shelf.forgets_to_answer = true;
  clerk.step(wish, 2000);
  EXPECT_TRUE(clerk.view().mine);
  EXPECT_EQ(clerk.view().renewed_ms, 1000) << "it is not known to have worked";
  shelf.forgets_to_answer = false;
  clerk.step(wish, 3000);
  EXPECT_TRUE(clerk.view().mine);
  EXPECT_EQ(clerk.view().renewed_ms, 3000);
}

TEST_F(ClerkOf, APatchIsNoSignOfLife) {
  shelf.patch("{}");
  shelf.kept->duration_ms = 5000;
  shelf.take("p-1/u");
  clerk.step(wish, 1000);
  shelf.patch(R"({"generation":9})");
  clerk.step(wish, 4000);
  EXPECT_EQ(clerk.view().changed_ms, 1000);
  EXPECT_EQ(clerk.view().lease->wanted, R"({"generation":9})");
  EXPECT_TRUE(clerk.view().is_free(6001));
  shelf.take("p-1/u");
  clerk.step(wish, 6100);
  EXPECT_FALSE(clerk.view().is_free(6200));
}

TEST_F(ClerkOf, WithoutRenewalsItEnds) {
  hold(1000);
  shelf.silent = true;
  for (int64_t now_ms = 2000; now_ms <= 7000; now_ms += 1000) clerk.step(wish, now_ms);
  EXPECT_EQ(clerk.view().renewed_ms, 1000) << "whoever acts for it sees that it is long ago";
  wish.hold = Wish::Hold::kWatch;
  clerk.step(wish, 8000);
  EXPECT_FALSE(clerk.view().mine);
}

TEST_F(ClerkOf, TellsItsNoteAndItsReportAtOnce) {
  hold(1000);
  wish.note = "a";
  clerk.step(wish, 1100);
  EXPECT_EQ(shelf.writes, 1) << "with the next renewal";
  wish.note_now = true;
  clerk.step(wish, 1200);
  EXPECT_EQ(shelf.kept->note, "a");
  wish.report = "{}";
  clerk.step(wish, 1300);
  EXPECT_EQ(shelf.kept->report, "{}");
  wish.report.clear();
  clerk.step(wish, 2400);
  EXPECT_EQ(shelf.kept->report, "{}") << "what was told stands";
}

TEST_F(ClerkOf, GivesItUp) {
  hold(1000);
  wish.hold = Wish::Hold::kGiveUp;
  clerk.step(wish, 1100);
  EXPECT_TRUE(shelf.kept->holder.empty());
  EXPECT_FALSE(clerk.view().mine);
  EXPECT_TRUE(clerk.view().is_free(1100));
}

TEST_F(ClerkOf, TheOldMarkGoesBeforeTheNewOneComes) {
  for (const char* name : {"p-0", "p-1", "q-0"}) {
    Pod pod;
    pod.name = name;
    pod.shard = pod.name.substr(0, 1);
    pod.role = pod.name == "p-0" ? RoleMark::kReplica : RoleMark::kPrimary;
    shelf.listed.push_back(pod);
  }
  wish.mark = RoleMark::kPrimary;
  wish.node_id = "abc";
  clerk.step(wish, 1000);
  EXPECT_THAT(shelf.marks, ElementsAre("id abc", "p-1 replica", "p-0 primary"));
  clerk.step(wish, 1100);
  EXPECT_EQ(shelf.marks.size(), 3U);
}

}  // namespace
}  // namespace keyway::agent
