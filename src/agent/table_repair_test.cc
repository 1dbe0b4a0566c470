#include "agent/table_repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kA(40, 'a');
const std::string kB(40, 'b');
const Address kOwn = {"10.0.0.9", 6379};

std::string own_line(const std::string& address = "10.0.0.1:6379@16379") {
  return kA + " " + address + " myself,master - 0 0 3 connected 0-5460\n";
}
std::string other_line() {
  return kB + " 10.0.0.2:6379@16379,,shard-id=s slave " + kA + " 0 0 3 connected\n";
}
constexpr const char* kVars = "vars currentEpoch 7 lastVoteEpoch 6\n";

TEST(TableRepair, GivesTheServerItsPresentAddressAndOthersTheirsById) {
  auto repaired = repair_table(own_line() + other_line() + kVars, kOwn, {{kB, {"10.0.0.8", 6379}}});
  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_EQ(repaired->text, own_line("10.0.0.9:6379@16379") + kB + " 10.0.0.8:6379@16379,,shard-id=s slave " +
                                kA + " 0 0 3 connected\n" + kVars);
  EXPECT_EQ(repaired->readdressed, 2);
  EXPECT_TRUE(repaired->changed);
  EXPECT_EQ(repaired->id, kA);
  EXPECT_TRUE(repaired->primary && repaired->has_slots);
}

TEST(TableRepair, LeavesWhatIsTrueAsItIs) {
  std::string text = own_line("10.0.0.9:6379@16379") + other_line() + kVars;
  auto repaired = repair_table(text, kOwn, {{kB, {"10.0.0.2", 6379}}});
  ASSERT_TRUE(repaired);
  EXPECT_EQ(repaired->text, text);
  EXPECT_FALSE(repaired->changed);
}

TEST(TableRepair, NeverMatchesByAddress) {
  // The address of B is now that of another node, of which nothing is said here.
  auto repaired = repair_table(own_line() + other_line() + kVars, {"10.0.0.2", 6379}, {});
  ASSERT_TRUE(repaired);
  EXPECT_THAT(repaired->text, HasSubstr(kA + " 10.0.0.2:6379@16379"));
  EXPECT_THAT(repaired->text, HasSubstr(kB + " 10.0.0.2:6379@16379"));
}

TEST(TableRepair, DropsATornLastLineAndKeepsTheEpochs) {
  std::string whole = own_line() + other_line();
  for (size_t cut = whole.size() - other_line().size() + 1; cut < whole.size(); ++cut) {
    auto repaired = repair_table(whole.substr(0, cut), kOwn, {});
    ASSERT_TRUE(repaired) << cut;
    EXPECT_TRUE(repaired->torn);
    EXPECT_EQ(repaired->text, own_line("10.0.0.9:6379@16379") + "vars currentEpoch 3 lastVoteEpoch 3\n");
  }
  auto torn_vars = repair_table(whole + "vars currentEp", kOwn, {});
  ASSERT_TRUE(torn_vars);
  EXPECT_THAT(torn_vars->text, HasSubstr("\nvars currentEpoch 3 lastVoteEpoch 3\n"));
  EXPECT_THAT(torn_vars->text, HasSubstr(kB));
}

TEST(TableRepair, LetsAnEmptyFileGo) {
  for (const char* text : {"", "\n", "  \n\n"}) {
    auto repaired = repair_table(text, kOwn, {});
    ASSERT_TRUE(repaired);
    EXPECT_EQ(repaired->text, "");
    EXPECT_EQ(repaired->id, "");
  }
}

TEST(TableRepair, RefusesWhatTellsNothingToRelyOn) {
  EXPECT_FALSE(repair_table(other_line() + kVars, kOwn, {})) << "nobody is myself";
  EXPECT_FALSE(repair_table("what is this\n" + own_line() + kVars, kOwn, {})) << "damage in the middle";
  EXPECT_FALSE(repair_table(own_line() + "vars what\n" + other_line(), kOwn, {}));
}

TEST(TableRepair, TakesIpv6) {
  auto repaired = repair_table(own_line("fd00::1:6379@16379") + kVars, {"fd00::2", 6379}, {});
  ASSERT_TRUE(repaired);
  EXPECT_THAT(repaired->text, HasSubstr(" fd00::2:6379@16379 "));
  EXPECT_THAT(repaired->text, Not(HasSubstr("fd00::1")));
}

}  // namespace
}  // namespace keyway::agent
