#include "proxy/users.h"

#include <gtest/gtest.h>

namespace keyway::proxy {
namespace {

constexpr std::string_view kHashOfSecret = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

Users some_users() {
  return Users({{"app", {false, {hash_password("old"), hash_password("secret")}, {"writer", "w"}}},
                {"guest", {true, {}, {"reader", "r"}}}});
}

TEST(ProxyUsers, HashesAreThoseOfAclFiles) {
  EXPECT_EQ(parse_password_hash(kHashOfSecret), hash_password("secret"));
  EXPECT_NE(parse_password_hash(kHashOfSecret), hash_password("Secret"));
  for (std::string_view wrong : {"", "#", "secret", "2bb80d"})
    EXPECT_FALSE(parse_password_hash(wrong)) << wrong;
  std::string text(kHashOfSecret);
  for (const char* wrong : {"g0", "0x", "-1", " 1", "+1"}) {
    text.replace(10, 2, wrong);
    EXPECT_FALSE(parse_password_hash(text)) << text;
  }
}

TEST(ProxyUsers, AnyOfTheirPasswordsIsRight) {
  Users users = some_users();
  ASSERT_NE(users.check("app", "secret"), nullptr);
  EXPECT_EQ(users.check("app", "secret")->upstream, (Account{"writer", "w"}));
  EXPECT_NE(users.check("app", "old"), nullptr);
  for (const char* wrong : {"", "w", "Secret", "secret "})
    EXPECT_EQ(users.check("app", wrong), nullptr) << wrong;
  for (const char* given : {"", "secret"}) EXPECT_EQ(users.check("other", given), nullptr);
  EXPECT_EQ(users.check("", ""), nullptr);
  EXPECT_EQ(users.check("guest", "whatever"), users.find("guest"));
}

TEST(ProxyUsers, OnlyADefaultUserWithoutPasswordNeedsNoLogin) {
  EXPECT_EQ(some_users().without_login(), nullptr);
  EXPECT_EQ(Users({{"default", {false, {hash_password("x")}, {}}}}).without_login(), nullptr);
  Users users({{"default", {true, {}, {"reader", "r"}}}});
  ASSERT_NE(users.without_login(), nullptr);
  EXPECT_EQ(users.without_login()->upstream.user, "reader");
}

}  // namespace
}  // namespace keyway::proxy
