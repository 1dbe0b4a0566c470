#include "resp/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace keyway::resp {
namespace {

using std::string_literals::operator""s;

TEST(Glob, MatchesAsServersDo) {
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("user:*", "user:1"));
  EXPECT_FALSE(matches_glob("user:*", "users:1"));
  EXPECT_TRUE(matches_glob("*:name", "user:1:name"));
  EXPECT_TRUE(matches_glob("a*b*c", "aXXbbYc"));
  EXPECT_FALSE(matches_glob("a*b*c", "aXXbbY"));
  EXPECT_TRUE(matches_glob("h?llo", "hallo"));
  EXPECT_FALSE(matches_glob("h?llo", "hllo"));
  EXPECT_TRUE(matches_glob("h[ae]llo", "hello"));
  EXPECT_FALSE(matches_glob("h[^e]llo", "hello"));
  EXPECT_TRUE(matches_glob("k[0-9]", "k7"));
  EXPECT_TRUE(matches_glob("k[9-0]", "k7"));
  EXPECT_FALSE(matches_glob("k[0-9]", "kx"));
  EXPECT_TRUE(matches_glob("a\\*b", "a*b"));
  EXPECT_FALSE(matches_glob("a\\*b", "axb"));
  EXPECT_TRUE(matches_glob("[\\]]", "]"));
  EXPECT_TRUE(matches_glob("", ""));
  EXPECT_FALSE(matches_glob("", "a"));
  EXPECT_TRUE(matches_glob("a*c", "a\0b\0c"s));
}

TEST(Glob, IsQuickWithManyStars) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "a*";
  EXPECT_FALSE(matches_glob(pattern + "b", std::string(10'000, 'a')));
}

}  // namespace
}  // namespace keyway::resp
