#include "proxy/users_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::proxy {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kHash = "#2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

std::string refusal(std::string_view text) {
  Result<UsersFile> file = parse_users_file(text, "f");
  return file ? "" : file.error().message;
}

TEST(UsersFile, IsRead) {
  Result<UsersFile> file = parse_users_file("# who may come in\n\nuser app on " + std::string(kHash) +
                                                " >other as=writer\r\n"
                                                "  user default on nopass as=reader\n"
                                                "user gone off\n"
                                                "upstream writer file=w.password\n"
                                                "upstream reader >r\nupstream default nopass",
                                            "f");
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->users.size(), 3U);
  const UsersFile::User& app = file->users[0];
  EXPECT_EQ(app.name, "app");
  EXPECT_EQ(app.line, 3U);
  EXPECT_TRUE(app.on && !app.any_password);
  EXPECT_THAT(app.passwords, ElementsAre(hash_password("secret"), hash_password("other")));
  EXPECT_EQ(app.acts_as, "writer");
  EXPECT_TRUE(file->users[1].on && file->users[1].any_password);
  EXPECT_FALSE(file->users[2].on);
  ASSERT_EQ(file->upstreams.size(), 3U);
  EXPECT_EQ(file->upstreams[0].password_file, "w.password");
  EXPECT_EQ(file->upstreams[1].password, "r");
  EXPECT_EQ(file->upstreams[2].name, "default");
  EXPECT_EQ(file->upstreams[2].password + file->upstreams[2].password_file, "");
}

TEST(UsersFile, TakesLinesOfAclFilesThatLimitNothing) {
  Result<UsersFile> file =
      parse_users_file("user a on sanitize-payload " + std::string(kHash) + " ~* &* +@all as=w\n", "f");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->users[0].acts_as, "w");
  for (const char* rule : {"~app:*", "-@dangerous", "+get", "&news", "%R~x", "(+get", "<old", "!old"}) {
    EXPECT_THAT(refusal(std::string("user a on >p as=w ") + rule),
                HasSubstr("f:1: word 6 is a rule of rights"))
        << rule;
  }
}

TEST(UsersFile, MistakesAreToldWithTheirLine) {
  EXPECT_THAT(refusal("\n\nusr a on\n"), StartsWith("f:3: the line begins with neither"));
  EXPECT_THAT(refusal("user\n"), StartsWith("f:1: the second word is no name"));
  EXPECT_THAT(refusal("user a\x01 on\n"), StartsWith("f:1: the second word is no name"));
  EXPECT_THAT(refusal("user a >p as=w\n"), HasSubstr("either on or off"));
  EXPECT_THAT(refusal("user a on off >p as=w\n"), HasSubstr("either on or off"));
  EXPECT_THAT(refusal("user a on as=w\n"), HasSubstr("has no password"));
  EXPECT_THAT(refusal("user a on nopass >p as=w\n"), HasSubstr("nopass lets the user in by any"));
  EXPECT_THAT(refusal("user a on >p\n"), HasSubstr("add as=USER"));
  EXPECT_THAT(refusal("user a on >p as=\n"), HasSubstr("as= is without a name"));
  EXPECT_THAT(refusal("user a off\nuser b off\nuser a off\n"),
              StartsWith("f:3: user a is on line 1 already; remove one"));
  EXPECT_THAT(refusal("upstream a\n"), HasSubstr("comes one word"));
  EXPECT_THAT(refusal("upstream a nopass nopass\n"), HasSubstr("comes one word"));
  EXPECT_THAT(refusal("upstream a file=\n"), HasSubstr("the third word is none of"));
  EXPECT_EQ(refusal("user a off\nupstream a nopass\n"), "") << "they are different users";
}

TEST(UsersFile, MistakesRepeatNoPassword) {
  for (const char* line : {"user a on hunter2 as=w", "user a on #hunter2 as=w", "user a on >hunter2",
                           "user a on nopass >hunter2", "user a on <hunter2", "upstream a hunter2",
                           "upstream a >hunter2 nopass", "hunter2", "a >hunter2"}) {
    EXPECT_THAT(refusal(line), AllOf(StartsWith("f:1: "), Not(HasSubstr("hunter2")))) << line;
  }
}

}  // namespace
}  // namespace keyway::proxy
