#include "backup/trial_folder.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "backup/test_store.h"
#include "platform/local/process.h"

namespace keyway::backup {
namespace {

namespace fs = std::filesystem;

class TrialFolders : public testing::Test {
 protected:
  // As one that a run has left, which was killed.
  std::string left(const std::string& name) {
    std::string path = base_.path() + "/" + name;
    fs::create_directory(path);
    ::chmod(path.c_str(), 0700);
    std::ofstream(path + "/lock") << "1\n";
    std::ofstream(path + "/dump.rdb") << "data";
    return path;
  }

  TestFolder base_;
};

TEST_F(TrialFolders, AreForTheirOwnerAndGoAway) {
  std::string path;
  {
    Result<TrialFolder> folder = TrialFolder::make(base_.path());
    ASSERT_TRUE(folder) << folder.error().message;
    path = folder->path();
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    std::ofstream(folder->data_file()) << "data";
    TrialFolder moved = std::move(*folder);
    EXPECT_TRUE(fs::exists(moved.data_file()));
    EXPECT_TRUE(moved.check_room(1));
    Status room = moved.check_room(int64_t{1} << 60);
    ASSERT_FALSE(room);
    EXPECT_EQ(room.error().code, ErrorCode::kExhausted);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(TrialFolders, WhatWasLeftIsRemovedAndWhatIsInUseStays) {
  Result<TrialFolder> in_use = TrialFolder::make(base_.path());
  ASSERT_TRUE(in_use);
  std::string old = left("keyway-verify-old");
  std::string foreign = left("something-else");
  std::string open = left("keyway-verify-open");
  ::chmod(open.c_str(), 0755);
  Result<TrialFolder> next = TrialFolder::make(base_.path());
  ASSERT_TRUE(next);
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(foreign) && fs::exists(open) && fs::exists(in_use->path()));
}

TEST_F(TrialFolders, AServerThatWasLeftIsEnded) {
  std::string old = left("keyway-verify-old");
  // Whoever works there by chance is let alone.
  platform::local::Launch server{
      "/bin/sh", {"-c", "read x < /dev/zero", old + "/server.conf"}, old, old + "/server.log"};
  platform::local::Launch person{"/bin/sh", {"-c", "read x < /dev/zero"}, old, old + "/other.log"};
  Result<platform::local::ProcessIdentity> left_over = platform::local::launch(server);
  Result<platform::local::ProcessIdentity> bystander = platform::local::launch(person);
  ASSERT_TRUE(left_over && bystander);
  ASSERT_TRUE(TrialFolder::make(base_.path()));
  EXPECT_FALSE(platform::local::is_alive(*left_over));
  EXPECT_TRUE(platform::local::is_alive(*bystander));
  EXPECT_TRUE(platform::local::send_signal(*bystander, SIGKILL));
  EXPECT_FALSE(fs::exists(old));
}

TEST_F(TrialFolders, NeedsAFolderToBeIn) {
  Result<TrialFolder> folder = TrialFolder::make(base_.path() + "/nowhere");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace keyway::backup
