#include "proxy/heavy_hitters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "base/format.h"
#include "proxy/big_keys.h"

namespace keyway::proxy {
namespace {

std::string key(size_t number) { return fmt::format("key:{}", number); }

// Of streams of many shapes: no count is too low, none is too high by more than its error, and whoever makes
// up more than one in kEntries is there.
TEST(HeavyHitters, KeepItsGuarantee) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    double steepness = 0.3 + 0.1 * seed;  // from nearly even to a few that are nearly all
    std::uniform_real_distribution<double> unit(0, 1);
    HeavyHitters sketch;
    std::map<std::string, double> truth;
    constexpr size_t kAdded = 20'000;
    for (size_t i = 0; i < kAdded; ++i) {
      std::string drawn = key(static_cast<size_t>(5000 * std::pow(unit(random), steepness * steepness)));
      sketch.add(drawn);
      truth[drawn] += 1;
    }
    ASSERT_EQ(sketch.total(), kAdded);
    std::map<std::string, HeavyHitters::Hit> found;
    for (const HeavyHitters::Hit& hit : sketch.hits()) found[hit.key.shown()] = hit;
    ASSERT_LE(found.size(), HeavyHitters::kEntries);
    for (const auto& [name, hit] : found) {
      ASSERT_GE(hit.count, truth[name]) << name << " of seed " << seed;
      ASSERT_LE(hit.count - hit.error, truth[name]) << name << " of seed " << seed;
      ASSERT_LE(hit.error, double{kAdded} / HeavyHitters::kEntries);
    }
    for (const auto& [name, count] : truth) {
      if (count > double{kAdded} / HeavyHitters::kEntries) {
        ASSERT_TRUE(found.contains(name)) << name << " of seed " << seed << " came " << count << " times";
      }
    }
  }
}

TEST(HeavyHitters, ExactWhileThereIsRoom) {
  HeavyHitters sketch;
  for (size_t i = 0; i < 6; ++i) sketch.add(key(i % 3 == 0 ? 0 : 1));
  std::vector<HeavyHitters::Hit> hits = sketch.hits();
  ASSERT_EQ(hits.size(), 2U);
  EXPECT_EQ(hits[0].key.shown(), "key:1");
  EXPECT_EQ(hits[0].count, 4);
  EXPECT_EQ(hits[0].error, 0);
  EXPECT_EQ(hits[1].count, 2);
}

TEST(HeavyHitters, WhatWasHotFades) {
  HeavyHitters sketch;
  for (int i = 0; i < 1000; ++i) sketch.add("once");
  for (int i = 0; i < 10; ++i) sketch.fade();
  for (int i = 0; i < 10; ++i) sketch.add("now");
  EXPECT_EQ(sketch.hits().front().key.shown(), "now");
  EXPECT_NEAR(sketch.total(), 11, 0.1);
}

TEST(HeavyHitters, KeysThatBeginAlikeAreNotOne) {
  HeavyHitters sketch;
  std::string beginning(2 * ShortText::kMaxBytes, 'x');
  sketch.add(beginning + "1");
  sketch.add(beginning + "2");
  EXPECT_EQ(sketch.hits().size(), 2U);
}

TEST(ShortText, IsPrintable) {
  EXPECT_EQ(ShortText("plain key").shown(), "plain key");
  EXPECT_EQ(ShortText(std::string_view("a\0\\\n\xff", 5)).shown(), "a\\x00\\\\\\x0a\\xff");
  EXPECT_EQ(ShortText(std::string(128, 'k')).shown(), std::string(128, 'k'));
  EXPECT_EQ(ShortText(std::string(131, 'k')).shown(), std::string(128, 'k') + "... (3 more bytes)");
}

TEST(BigKeys, TheLargestStayUntilTheyAreOld) {
  BigKeys big;
  for (size_t i = 0; i < 2 * BigKeys::kEntries; ++i) big.add(key(i), 1000 + i, "get", 1);
  std::vector<BigKeys::Big> keys = big.keys();
  ASSERT_EQ(keys.size(), BigKeys::kEntries);
  EXPECT_EQ(keys.front().size_bytes, 1000 + 2 * BigKeys::kEntries - 1);
  EXPECT_EQ(keys.back().size_bytes, 1000 + BigKeys::kEntries);
  big.add(key(40), 10, "get", BigKeys::kKeepMs);
  EXPECT_EQ(big.keys().back().size_bytes, 1000 + BigKeys::kEntries) << "the largest size counts";
  big.forget_old(BigKeys::kKeepMs + 2);
  keys = big.keys();
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys.front().key.shown(), "key:40");
}

}  // namespace
}  // namespace keyway::proxy
