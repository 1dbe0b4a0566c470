#include "platform/local/files.h"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/local/lock.h"
#include "platform/local/test_home.h"

namespace keyway::platform::local {
namespace {

using testing::HasSubstr;

TEST(ReplaceFile, ReplacesWholeAndPrivately) {
  TestHome home;
  std::string path = home.path + "/file";
  ASSERT_TRUE(replace_file(path, "first", Durability::kDurable));
  ASSERT_TRUE(replace_file(path, "second", Durability::kDurable));
  EXPECT_EQ(read_file(path).value(), "second");
  struct stat about{};
  ASSERT_EQ(::stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST(ReplaceFile, WritesNothingIfNothingChanges) {
  TestHome home;
  std::string path = home.path + "/file";
  ASSERT_TRUE(replace_file(path, "same", Durability::kDurable));
  struct stat before{};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  ASSERT_TRUE(replace_file(path, "same", Durability::kDurable));
  struct stat after{};
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST(ReplaceFile, KeepsTheOldTextWhenTheDiskIsFull) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can mount a small disk";
  TestHome home;
  if (::mount("none", home.path.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "mounting is not allowed";
  std::string path = home.path + "/file";
  Status first = replace_file(path, "old", Durability::kDurable);
  Status second = replace_file(path, std::string(200'000, 'x'), Durability::kDurable);
  Result<std::string> kept = read_file(path);
  bool left_over = file_exists(path + ".new");
  ASSERT_EQ(::umount(home.path.c_str()), 0);
  ASSERT_TRUE(first);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kExhausted);
  EXPECT_THAT(second.error().message, HasSubstr("No space left on device"));
  EXPECT_EQ(kept.value(), "old");
  EXPECT_FALSE(left_over);
}

TEST(ReadFile, TellsWhyItCannot) {
  TestHome home;
  EXPECT_EQ(read_file(home.path + "/none").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(replace_file(home.path + "/big", "12345", Durability::kVolatile));
  EXPECT_EQ(read_file(home.path + "/big", 4).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(read_file(home.path + "/big", 5).value(), "12345");
}

TEST(ReadTail, BeginsAtTheOffsetOrNearTheEnd) {
  TestHome home;
  std::string path = home.path + "/log";
  ASSERT_TRUE(replace_file(path, "0123456789", Durability::kVolatile));
  EXPECT_EQ(read_tail(path, 4, 100), "456789");
  EXPECT_EQ(read_tail(path, 0, 3), "789");
  EXPECT_EQ(read_tail(path, 20, 100), "");
  EXPECT_EQ(read_tail(home.path + "/none", 0, 100), "");
}

TEST(DeleteFolder, DeletesAllButWhatLinksPointAt) {
  TestHome home;
  std::string outside = home.path + "/outside";
  ASSERT_TRUE(replace_file(outside, "stays", Durability::kVolatile));
  std::string folder = home.path + "/folder";
  for (const char* below : {"", "/a", "/a/b"}) ASSERT_EQ(::mkdir((folder + below).c_str(), 0700), 0);
  ASSERT_TRUE(replace_file(folder + "/a/b/file", "x", Durability::kVolatile));
  ASSERT_EQ(::symlink(home.path.c_str(), (folder + "/a/link").c_str()), 0);
  ASSERT_TRUE(delete_folder(folder));
  EXPECT_FALSE(file_exists(folder));
  EXPECT_TRUE(file_exists(outside));
  EXPECT_TRUE(delete_folder(folder)) << "nothing to delete is no error";
}

TEST(FileLock, IsHeldByOneAndNamesIt) {
  TestHome home;
  std::string path = home.path + "/lock";
  EXPECT_EQ(FileLock::holder(path), 0);
  {
    Result<FileLock> first = FileLock::take(path);
    ASSERT_TRUE(first);
    EXPECT_EQ(FileLock::holder(path), ::getpid());
    Result<FileLock> second = FileLock::take(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
    EXPECT_THAT(second.error().message, HasSubstr(std::to_string(::getpid())));
  }
  EXPECT_EQ(FileLock::holder(path), 0);
  EXPECT_TRUE(FileLock::take(path));
}

TEST(FileLock, AskingWhoHoldsItDoesNotTakeIt) {
  TestHome home;
  std::string path = home.path + "/lock";
  ASSERT_TRUE(FileLock::take(path));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(FileLock::holder(path), 0);
    EXPECT_TRUE(FileLock::take(path));
  }
}

}  // namespace
}  // namespace keyway::platform::local
