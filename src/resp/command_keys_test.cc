#include "resp/command_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "resp/command_lines_testing.h"
#include "resp/command_table.h"

namespace keyway::resp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<size_t> listed(const KeyPositions& positions) {
  std::vector<size_t> all;
  positions.for_each([&](size_t position) { all.push_back(position); });
  EXPECT_EQ(all.size(), positions.count());
  EXPECT_EQ(all.empty(), positions.empty());
  return all;
}

// A command that is not built in, with specs of its own.
class LearntKeys : public testing::Test {
 protected:
  void is(std::vector<KeySpec> specs, uint32_t flags = 0) {
    specs_ = std::move(specs);
    spec_.arity = -1;
    spec_.flags = flags;
    spec_.key_rule = KeyRule::kSpecs;
    spec_.key_specs = specs_;
  }
  // {0} where the arguments make no sense.
  std::vector<size_t> keys(std::string_view line) {
    KeyPositions positions;
    if (!key_positions(spec_, split_blanks(line), positions)) return {0};
    return listed(positions);
  }

 private:
  std::vector<KeySpec> specs_;
  CommandSpec spec_;
};

TEST(CommandKeys, AreFoundInEveryLine) {
  ASSERT_GE(kCommandLines.size(), 300U);
  KeyPositions positions;
  for (const CommandLine& line : read_command_lines()) {
    std::vector<std::string_view> arguments = line.views();
    const CommandSpec* spec = CommandTable::builtin().resolve(arguments);
    ASSERT_NE(spec, nullptr) << line.text;
    EXPECT_EQ(key_positions(*spec, arguments, positions), line.makes_sense) << line.text;
    if (!line.makes_sense) continue;
    EXPECT_EQ(listed(positions), line.keys) << line.text;
    EXPECT_EQ(spec->has(command_flag::kSlotOnly) && !line.keys.empty(), line.slot_only) << line.text;
  }
}

TEST(CommandKeys, OfARangeNeedOnlyTheNumberOfArguments) {
  KeyPositions positions;
  std::vector<std::string_view> arguments(200'001);
  ASSERT_TRUE(key_positions(*find_command("mset"), arguments, positions));
  EXPECT_THAT(positions.ranges(), ElementsAre(KeyRange{1, 100'000, 2}));
  EXPECT_EQ(key_range(*find_command("mget"), 5), (KeyRange{1, 4, 1}));
  EXPECT_EQ(key_range(*find_command("blpop"), 4), (KeyRange{1, 2, 1}));
  EXPECT_EQ(key_range(*find_command("set"), 3), (KeyRange{1, 1, 1}));
  EXPECT_EQ(key_range(*find_command("get"), 1).count, 0U);
}

TEST_F(LearntKeys, BeginBehindAKeyword) {
  is({{.keyword = "keys", .begin = 1, .last = -1}});
  EXPECT_THAT(keys("cmd a KEYS b c"), ElementsAre(3, 4));
  EXPECT_THAT(keys("cmd a keys keys c"), ElementsAre(3, 4));
  EXPECT_THAT(keys("cmd a b c"), ElementsAre(0));
  EXPECT_THAT(keys("cmd a b keys"), ElementsAre(0));
  EXPECT_THAT(keys("keys a"), ElementsAre(0));
  is({{.keyword = "keys", .begin = 3, .last = 0}});
  EXPECT_THAT(keys("cmd keys a KEYS b c"), ElementsAre(4));
  EXPECT_THAT(keys("cmd"), ElementsAre(0));
  is({{.keyword = "keys", .begin = -2, .last = -1}}, command_flag::kNoMandatoryKeys);
  EXPECT_THAT(keys("cmd keys a keys b"), ElementsAre(4));
  EXPECT_THAT(keys("cmd keys a b c keys"), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(keys("cmd"), IsEmpty());
  EXPECT_THAT(keys("cmd a b keys"), IsEmpty());
}

TEST_F(LearntKeys, EndWhereTheirSpecSays) {
  is({{.begin = 1, .last = -1, .limit = 2}});
  EXPECT_THAT(keys("cmd a b 1 2"), ElementsAre(1, 2));
  EXPECT_THAT(keys("cmd a 1"), ElementsAre(1));
  EXPECT_THAT(keys("cmd a"), ElementsAre(0));
  is({{.begin = 1, .last = -3, .step = 3}});
  EXPECT_THAT(keys("cmd a x x b x x"), ElementsAre(1, 4));
  EXPECT_THAT(keys("cmd a x"), ElementsAre(0));
  is({{.begin = 2, .last = 1}});
  EXPECT_THAT(keys("cmd x a b c"), ElementsAre(2, 3));
  EXPECT_THAT(keys("cmd x a"), ElementsAre(0));
}

TEST_F(LearntKeys, AreAsManyAsTheirNumberSays) {
  is({{.begin = 1, .find = KeySpec::Find::kKeyCount, .count = 1, .first = 3, .step = 2}});
  EXPECT_THAT(keys("cmd x 2 x a x b"), ElementsAre(4, 6));
  EXPECT_THAT(keys("cmd x 2 x a x"), ElementsAre(0));
  EXPECT_THAT(keys("cmd x 0 x a"), ElementsAre(0));
  EXPECT_THAT(keys("cmd x 18446744073709551615 x a"), ElementsAre(0));
  EXPECT_THAT(keys("cmd x 1"), ElementsAre(0));
  EXPECT_THAT(keys("cmd x"), ElementsAre(0));
  is({{.begin = 1, .find = KeySpec::Find::kKeyCount, .first = 1}}, command_flag::kNoMandatoryKeys);
  EXPECT_THAT(keys("cmd 0"), IsEmpty());
  EXPECT_THAT(keys("cmd 1 a"), ElementsAre(1 + 1));
}

TEST_F(LearntKeys, MayBeOfSeveralGroups) {
  is({{.begin = 1}, {.keyword = "store", .begin = 2}, {.keyword = "from", .begin = 2, .last = -1}});
  EXPECT_THAT(keys("cmd a"), ElementsAre(1));
  EXPECT_THAT(keys("cmd a STORE b FROM c d"), ElementsAre(1, 3, 5, 6));
}

TEST(CommandKeys, AreTheServersToTellWhereTheRuleSaysSo) {
  CommandSpec spec;
  spec.arity = -1;
  spec.key_rule = KeyRule::kAskServer;
  KeyPositions positions;
  std::vector<std::string_view> arguments = {"cmd", "a"};
  EXPECT_FALSE(key_positions(spec, arguments, positions));
  EXPECT_TRUE(positions.empty());
}

}  // namespace
}  // namespace keyway::resp
