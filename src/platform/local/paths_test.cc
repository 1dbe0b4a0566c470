#include "platform/local/paths.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "platform/local/test_home.h"

namespace keyway::platform::local {
namespace {

using testing::HasSubstr;

mode_t mode_of(const std::string& path) {
  struct stat about{};
  EXPECT_EQ(::stat(path.c_str(), &about), 0) << path;
  return about.st_mode & 0777;
}

TEST(FindHome, TakesTheFirstVariableThatIsSet) {
  TestVariable home("HOME", "/home/me");
  TestVariable xdg("XDG_STATE_HOME", nullptr);
  TestVariable keyway("KEYWAY_HOME", nullptr);
  EXPECT_EQ(find_home().value(), "/home/me/.local/state/keyway");
  TestVariable xdg_set("XDG_STATE_HOME", "/state/");
  EXPECT_EQ(find_home().value(), "/state/keyway");
  TestVariable keyway_set("KEYWAY_HOME", "/kw");
  EXPECT_EQ(find_home().value(), "/kw");
}

TEST(FindHome, RefusesRelativePathsAndNothing) {
  TestVariable keyway("KEYWAY_HOME", "some/where");
  Result<std::string> relative = find_home();
  ASSERT_FALSE(relative);
  EXPECT_THAT(relative.error().message, HasSubstr("KEYWAY_HOME"));
  TestVariable none("KEYWAY_HOME", nullptr);
  TestVariable xdg("XDG_STATE_HOME", nullptr);
  TestVariable home("HOME", nullptr);
  ASSERT_FALSE(find_home());
  EXPECT_EQ(find_home().error().code, ErrorCode::kInvalidArgument);
}

TEST(PrepareHome, MakesPrivateFolders) {
  TestHome home;
  std::string deep = home.path + "/a/b";
  ASSERT_TRUE(prepare_home(deep));
  EXPECT_EQ(mode_of(home.path + "/a"), 0700u);
  EXPECT_EQ(mode_of(deep), 0700u);
  EXPECT_EQ(mode_of(clusters_folder(deep)), 0700u);
  EXPECT_TRUE(prepare_home(deep)) << "a second time is the same";
}

TEST(PrepareHome, TakesThePermissionsOfOthersAway) {
  TestHome home;
  ASSERT_EQ(::chmod(home.path.c_str(), 0755), 0);
  ASSERT_TRUE(prepare_home(home.path));
  EXPECT_EQ(mode_of(home.path), 0700u);
}

TEST(PrepareHome, RefusesWhatIsNoFolderOrNotOurs) {
  TestHome home;
  ASSERT_TRUE(replace_file(home.path + "/file", "x", Durability::kVolatile));
  Status file = prepare_home(home.path + "/file");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr(home.path + "/file"));
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  std::string given = home.path + "/given";
  ASSERT_TRUE(make_private_folder(given));
  ASSERT_EQ(::chown(given.c_str(), 12345, 12345), 0);
  Status others = prepare_home(given);
  ASSERT_FALSE(others);
  EXPECT_EQ(others.error().code, ErrorCode::kDenied);
  EXPECT_THAT(others.error().message, HasSubstr("uid 12345"));
}

TEST(MakeSharedFolder, TakesOneOfAnotherUserAsItIs) {
  TestHome home;
  std::string volume = home.path + "/volume";
  ASSERT_TRUE(make_shared_folder(volume));
  ASSERT_EQ(::chmod(volume.c_str(), 02775), 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(volume.c_str(), 12345, 12345), 0);
  }
  ASSERT_TRUE(make_shared_folder(volume));
  struct stat about{};
  ASSERT_EQ(::stat(volume.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 02775U);
}

}  // namespace
}  // namespace keyway::platform::local
