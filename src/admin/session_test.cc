#include "admin/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/fake_nodes.h"

namespace keyway::admin {
namespace {

using testing::HasSubstr;

cluster::Observed two_nodes() {
  cluster::Observed observed;
  for (const char* id : {"abcd1111", "abcd2222"}) {
    cluster::NodeFacts& node = observed.nodes.emplace_back();
    node.id = id;
    node.name = fmt::format("127.0.0.1:{}", 7000 + observed.nodes.size());
  }
  return observed;
}

TEST(FindNode, ByIdPrefixOrAddress) {
  cluster::Observed observed = two_nodes();
  for (const char* name : {"abcd2222", "abcd2", "127.0.0.1:7002"}) {
    auto found = find_node(observed, name);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ((*found)->id, "abcd2222") << name;
  }
}

TEST(FindNode, AnIdThatIsTheBeginningOfAnotherIsMeantItself) {
  cluster::Observed observed = two_nodes();
  observed.nodes[0].id = "abcd";
  EXPECT_EQ(find_node(observed, "abcd").value()->id, "abcd");
}

TEST(FindNode, WhatFitsTwoOrNobodyIsAnError) {
  cluster::Observed observed = two_nodes();
  auto both = find_node(observed, "abcd");
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(both.error().message, HasSubstr("abcd1111"));
  EXPECT_THAT(both.error().message, HasSubstr("abcd2222"));
  for (const char* name : {"", "abc", "abcd3", "127.0.0.1:7003"}) {
    auto nobody = find_node(observed, name);
    ASSERT_FALSE(nobody) << name;
    EXPECT_EQ(nobody.error().code, ErrorCode::kNotFound);
    EXPECT_THAT(nobody.error().message, HasSubstr(fmt::format("'{}'", name)));
  }
}

TEST(WaitUntil, AsksUntilItIsSo) {
  FakeSession fake(1);
  int asked = 0;
  EXPECT_TRUE(wait_until(fake.session, [&] { return ++asked == 3; }, 60'000));
  EXPECT_EQ(asked, 3);
}

TEST(WaitUntil, EndsInTimeOrWhenInterrupted) {
  FakeSession fake(1);
  int64_t start_ms = now_ms();
  EXPECT_FALSE(wait_until(fake.session, [] { return false; }, 20));
  EXPECT_GE(now_ms() - start_ms, 20);
  int asked = 0;
  auto interrupt = [&] {
    fake.stop = ++asked == 2;
    return false;
  };
  EXPECT_FALSE(wait_until(fake.session, interrupt, 60'000));
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace keyway::admin
