#include "platform/local/users.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "platform/local/test_home.h"

namespace keyway::platform::local {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

cluster::Spec spec_with(std::vector<cluster::UserSpec> users) {
  cluster::Spec spec = cluster::default_spec("blue", cluster::Mode::kReplicated, 1, 0);
  spec.users = std::move(users);
  return spec;
}

TEST(Users, AdminIsThereTwiceWithOnePassword) {
  Users users = Users::for_spec(spec_with({{"app", "+@read ~*", true}}), Users{});
  ASSERT_EQ(users.all().size(), 3u);
  EXPECT_EQ(users.password("admin").value(), users.password("default").value());
  EXPECT_NE(users.password("admin").value(), users.password("app").value());
}

TEST(Users, PasswordsAreLongAndSafeInUrls) {
  for (int i = 0; i < 200; ++i) {
    std::string password = Users::for_spec(spec_with({}), Users{}).password("admin").value();
    EXPECT_GE(password.size() * 6, 160u);
    EXPECT_EQ(password.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
    EXPECT_NE(password.front(), '-');
  }
}

TEST(Users, KeepTheirPasswordsFromFileToFile) {
  cluster::Spec spec =
      spec_with({{"app", " +@read   ~app:* ", true}, {"old", "+get ~* (+set ~tmp:*)", false}});
  Users users = Users::for_spec(spec, Users{});
  Result<Users> read = Users::parse(users.to_file(), "users");
  ASSERT_TRUE(read) << read.error().message;
  Users again = Users::for_spec(spec, *read);
  EXPECT_EQ(again.to_file(), users.to_file());
  EXPECT_EQ(again.fingerprint(), users.fingerprint());
  Users fewer = Users::for_spec(spec_with({{"app", "+@all ~*", true}}), again);
  EXPECT_EQ(fewer.password("app").value(), users.password("app").value());
  EXPECT_FALSE(fewer.password("old"));
  EXPECT_NE(fewer.fingerprint(), users.fingerprint());
  EXPECT_TRUE(fewer.with(users).password("old"));
}

TEST(Users, NoPasswordIsInWhatServersGet) {
  Users users = Users::for_spec(spec_with({{"app", "+@read ~*", true}}), Users{});
  for (const User& user : users.all()) {
    EXPECT_THAT(users.to_acl_file(), Not(HasSubstr(user.password)));
    for (const resp::Command& command : users.to_commands({})) {
      for (const std::string& word : command) EXPECT_THAT(word, Not(HasSubstr(user.password)));
    }
  }
  EXPECT_THAT(users.to_acl_file(), HasSubstr("user app on +@read ~* #"));
}

TEST(Users, CommandsSetAllAndDeleteTheUnwanted) {
  Users users = Users::for_spec(spec_with({{"app", "+get ~* (+set ~tmp:* &x)", false}}), Users{});
  std::vector<resp::Command> commands = users.to_commands({"app", "gone", "admin"});
  ASSERT_EQ(commands.size(), 4u);
  EXPECT_THAT(commands[1], ElementsAre("ACL", "SETUSER", "app", "reset", "off", "+get", "~*",
                                       "(+set ~tmp:* &x)", testing::StartsWith("#")));
  EXPECT_EQ(commands[3], (resp::Command{"ACL", "DELUSER", "gone"}));
}

TEST(Users, DamagedLinesAreNamed) {
  for (const char* text : {"user", "user a maybe +@all >p", "use a on +@all >p", "user a on +@all p",
                           "user a on +@all >", "\nuser a on +@all >p\nuser a on +@all >q\n"}) {
    Result<Users> users = Users::parse(text, "/x/users");
    ASSERT_FALSE(users) << text;
    EXPECT_EQ(users.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(users.error().message, HasSubstr("/x/users:"));
  }
}

TEST(Users, UnknownNamesAreAnsweredWithTheKnown) {
  Result<std::string> password = Users::for_spec(spec_with({{"app", "+@all", true}}), Users{}).password("ap");
  ASSERT_FALSE(password);
  EXPECT_EQ(password.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(password.error().message, HasSubstr("admin, app, default"));
}

TEST(UsersFile, IsForItsOwnerOnly) {
  TestHome home;
  std::string path = home.path + "/users";
  Users users = Users::for_spec(spec_with({}), Users{});
  ASSERT_TRUE(save_users(path, users));
  struct stat about{};
  ASSERT_EQ(::stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_EQ(load_users(path).value().to_file(), users.to_file());
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  Result<Users> open = load_users(path);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, ErrorCode::kDenied);
  EXPECT_THAT(open.error().message, HasSubstr("chmod 600"));
}

TEST(UsersFile, NamesInAnAclFile) {
  EXPECT_THAT(names_in_acl_file("user admin on #1\nuser b off\n\njunk\n"), ElementsAre("admin", "b"));
}

}  // namespace
}  // namespace keyway::platform::local
