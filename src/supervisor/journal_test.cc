#include "supervisor/journal.h"

#include <gtest/gtest.h>

namespace keyway::supervisor {
namespace {

TEST(Journal, GivesWhatIsNewerInOrder) {
  Journal journal;
  EXPECT_TRUE(journal.since(0).empty());
  journal.add(10, LogLevel::kInfo, "p1", "one");
  journal.add(11, LogLevel::kWarning, "", "two");
  journal.add(12, LogLevel::kError, "", "three");
  ASSERT_EQ(journal.since(0).size(), 3u);
  const auto events = journal.since(1);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].sequence, 2u);
  EXPECT_EQ(events[0].text, "two");
  EXPECT_EQ(events[0].level, "warning");
  EXPECT_EQ(events[1].sequence, 3u);
  EXPECT_EQ(events[1].level, "error");
  EXPECT_EQ(events[1].wall_ms, 12);
  EXPECT_TRUE(journal.since(3).empty());
  EXPECT_TRUE(journal.since(99).empty());
}

TEST(Journal, KeepsTheLastThousand) {
  Journal journal;
  for (int i = 1; i <= 2500; ++i) journal.add(i, LogLevel::kInfo, "", std::to_string(i));
  const auto events = journal.since(0);
  ASSERT_EQ(events.size(), kMaxJournalEvents);
  EXPECT_EQ(events.front().text, "1501");
  EXPECT_EQ(events.back().sequence, 2500u);
  EXPECT_EQ(journal.since(2499).size(), 1u);
  EXPECT_EQ(journal.last_sequence(), 2500u);
}

TEST(Journal, CutsLongTextsBetweenCharacters) {
  Journal journal;
  journal.add(1, LogLevel::kInfo, "", std::string(kMaxEventTextBytes - 1, 'x') + "éé");
  const std::string text = journal.since(0)[0].text;
  EXPECT_EQ(text, std::string(kMaxEventTextBytes - 1, 'x') + "…");
}

}  // namespace
}  // namespace keyway::supervisor
