#include "base/strings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace keyway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split(",", ','), ElementsAre("", ""));
}

TEST(SplitBlanks, DropsEmptyParts) {
  EXPECT_THAT(split_blanks("  a \t b\r\n"), ElementsAre("a", "b"));
  EXPECT_THAT(split_blanks(" \n"), IsEmpty());
}

TEST(Trim, TakesBlanksOffBothEnds) {
  EXPECT_EQ(trim("\t a b \r\n"), "a b");
  EXPECT_EQ(trim("  "), "");
}

TEST(ParseInt, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_int("-12"), -12);
  EXPECT_EQ(parse_int("9223372036854775807"), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(parse_int("9223372036854775808"), std::nullopt);
  for (const char* wrong : {"", " 1", "1 ", "1a", "0x10", "+1", "--1"})
    EXPECT_EQ(parse_int(wrong), std::nullopt) << wrong;
}

TEST(ParseUint, RefusesSigns) {
  EXPECT_EQ(parse_uint("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  for (const char* wrong : {"", "-1", "+1", "18446744073709551616"})
    EXPECT_EQ(parse_uint(wrong), std::nullopt) << wrong;
}

TEST(Join, PutsTheSeparatorBetween) {
  EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join({"a", "a"}, "-"), "a-a");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(ToLower, LeavesOtherBytesAlone) { EXPECT_EQ(to_lower("AZ az \xc3\x84 09"), "az az \xc3\x84 09"); }

TEST(HumanBytes, ChoosesTheUnit) {
  EXPECT_EQ(human_bytes(812), "812 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(int64_t{3} << 30), "3.0 GiB");
  EXPECT_EQ(human_bytes(-2048), "-2.0 KiB");
}

TEST(HumanDuration, ChoosesTheUnits) {
  EXPECT_EQ(human_duration(850), "850 ms");
  EXPECT_EQ(human_duration(12'300), "12.3 s");
  EXPECT_EQ(human_duration(245'000), "4 min 5 s");
  EXPECT_EQ(human_duration(10'920'000), "3 h 2 min");
  EXPECT_EQ(human_duration(187'200'000), "2 d 4 h");
  EXPECT_EQ(human_duration(-850), "-850 ms");
}

TEST(CountOf, AddsTheS) {
  EXPECT_EQ(count_of(1, "shard"), "1 shard");
  EXPECT_EQ(count_of(0, "shard"), "0 shards");
  EXPECT_EQ(count_of(2, "shard"), "2 shards");
}

TEST(Hex, IsLowerCaseAndTwoDigitsAByte) { EXPECT_EQ(hex(std::string_view("\x00\x0f\xff", 3)), "000fff"); }

}  // namespace
}  // namespace keyway
