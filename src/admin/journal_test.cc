#include "admin/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/format.h"

namespace keyway::admin {
namespace {

using cluster::SlotMove;
using testing::HasSubstr;

// A folder that is not there yet, in one that is deleted in the end.
class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    std::string text = testing::TempDir() + "keyway-journal-XXXXXX";
    root_ = mkdtemp(text.data());
    folder_ = root_ + "/a/b";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
      names.push_back(entry.path().filename());
    return names;
  }
  std::string only_file() const { return folder_ + "/" + files().at(0); }

  std::string root_;
  std::string folder_;
};

void expect_same(const std::vector<SlotMove>& left, const std::vector<SlotMove>& right) {
  ASSERT_EQ(left.size(), right.size());
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i].from, right[i].from);
    EXPECT_EQ(left[i].to, right[i].to);
    EXPECT_EQ(left[i].slots, right[i].slots);
  }
}

TEST_F(JournalTest, KeepsAPlanUntilItIsDone) {
  std::vector<SlotMove> moves{{"a", "b", {{0, 99}, {200, 200}}}, {"c", "b", {{16383, 16383}}}};
  MoveJournal journal(folder_, "reshard", "b 102 a c");
  EXPECT_FALSE(journal.read().value().has_value());
  ASSERT_TRUE(journal.write(moves));
  expect_same(MoveJournal(folder_, "reshard", "b 102 a c").read().value().value(), moves);
  EXPECT_FALSE(MoveJournal(folder_, "reshard", "b 102 a").read().value().has_value());
  moves.pop_back();
  ASSERT_TRUE(journal.write(moves));
  expect_same(journal.read().value().value(), moves);
  EXPECT_EQ(files().size(), 1U);
  journal.remove();
  EXPECT_FALSE(journal.read().value().has_value());
  EXPECT_TRUE(files().empty());
}

TEST_F(JournalTest, WithoutAFolderNothingIsKept) {
  MoveJournal journal("", "reshard", "words");
  EXPECT_TRUE(journal.write({{"a", "b", {{0, 0}}}}));
  EXPECT_FALSE(journal.read().value().has_value());
  journal.remove();
}

TEST_F(JournalTest, IsPutAside) {
  MoveJournal journal(folder_, "reshard", "words");
  ASSERT_TRUE(journal.write({{"a", "b", {{0, 0}}}}));
  EXPECT_TRUE(std::filesystem::exists(journal.put_aside()));
  EXPECT_FALSE(journal.read().value().has_value());
}

TEST_F(JournalTest, IsNotBelievedIfItIsBroken) {
  MoveJournal journal(folder_, "reshard", "words");
  ASSERT_TRUE(journal.write({{"a", "b", {{0, 99}}}, {"a", "c", {{100, 199}}}}));
  std::ifstream in(only_file());
  std::string whole{std::istreambuf_iterator<char>(in), {}};
  for (size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(only_file(), std::ios::trunc) << whole.substr(0, size);
    auto read = journal.read();
    ASSERT_FALSE(read) << whole.substr(0, size);
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(read.error().message, HasSubstr(only_file()));
  }
}

TEST_F(JournalTest, SaysWhyItCannotBeWritten) {
  std::ofstream(root_ + "/file") << "no folder";
  MoveJournal journal(root_ + "/file/x", "reshard", "words");
  Status written = journal.write({{"a", "b", {{0, 0}}}});
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr(root_ + "/file"));
  EXPECT_FALSE(ClusterLock::take(root_ + "/file/x", "name"));
}

TEST_F(JournalTest, OneHoldsTheLock) {
  {
    auto first = ClusterLock::take(folder_, "name");
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_TRUE(ClusterLock::take(folder_, "another"));
    ClusterLock moved = *std::move(first);
    auto second = ClusterLock::take(folder_, "name");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
    EXPECT_THAT(second.error().message, HasSubstr(fmt::format("({})", getpid())));
  }
  EXPECT_TRUE(ClusterLock::take(folder_, "name"));
}

RC_GTEST_PROP(JournalProperty, AnyPlanComesBackAsItWas, ()) {
  std::string text = testing::TempDir() + "keyway-journal-XXXXXX";
  std::string folder = mkdtemp(text.data());
  std::vector<SlotMove> moves;
  int count = *rc::gen::inRange(0, 5);
  for (int i = 0; i < count; ++i) {
    cluster::SlotSet set;
    for (int slot : *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 16384))))
      set.set(static_cast<size_t>(slot));
    moves.push_back({fmt::format("from{}", i), fmt::format("to{}", i), cluster::to_ranges(set)});
  }
  MoveJournal journal(folder, "name", "words");
  RC_ASSERT(journal.write(moves).has_value());
  expect_same(journal.read().value().value(), moves);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace keyway::admin
