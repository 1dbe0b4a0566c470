#include "platform/kubernetes/quantity.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace keyway::platform::kubernetes {
namespace {

TEST(Quantity, KnowsTheUnitsOfKubernetes) {
  EXPECT_EQ(parse_quantity("64Gi"), int64_t{64} << 30);
  EXPECT_EQ(parse_quantity("128G"), 128'000'000'000);
  EXPECT_EQ(parse_quantity("1.5Ki"), 1536);
  EXPECT_EQ(parse_quantity("100k"), 100'000);
  EXPECT_EQ(parse_quantity("7"), 7);
  EXPECT_EQ(parse_quantity("1e3"), 1000);
  EXPECT_EQ(parse_quantity("1E3"), 1000);
  EXPECT_EQ(parse_quantity("12E-1"), 2);  // rounded up
  EXPECT_EQ(parse_quantity("1E"), 1'000'000'000'000'000'000);
  EXPECT_EQ(parse_quantity("+5"), 5);
  EXPECT_EQ(parse_quantity(".5Gi"), int64_t{1} << 29);
  EXPECT_EQ(parse_quantity("5."), 5);
  EXPECT_EQ(parse_quantity("100m"), 1);
  EXPECT_EQ(parse_quantity("0"), 0);
}

TEST(Quantity, CountsThousandths) {
  EXPECT_EQ(parse_milli_quantity("250m"), 250);
  EXPECT_EQ(parse_milli_quantity("0.25"), 250);
  EXPECT_EQ(parse_milli_quantity("2"), 2000);
  EXPECT_EQ(parse_milli_quantity("1u"), 1);
}

TEST(Quantity, RefusesWhatKubernetesRefuses) {
  for (const char* text : {"",     "Gi",      "64gb", "64GB", "64 Gi", "1,5Gi", "-1",
                           "1K",   "1ki",     "1ee3", "e3",   "1e",    "1e+",   "1e+-3",
                           ".",    "1.2.3",   "++1",  "0x10", "1e99",  "9Ei",   "99999999999999999999",
                           "1Gi ", "Infinity"}) {
    EXPECT_EQ(parse_quantity(text), std::nullopt) << text;
  }
}

TEST(Quantity, IsWrittenShort) {
  EXPECT_EQ(quantity_text(int64_t{64} << 30), "64Gi");
  EXPECT_EQ(quantity_text(64'000'000'000), "64G");
  EXPECT_EQ(quantity_text(1536), "1536");
  EXPECT_EQ(quantity_text(1'500'000'000), "1500M");
  EXPECT_EQ(quantity_text(0), "0");
  EXPECT_EQ(milli_quantity_text(250), "250m");
  EXPECT_EQ(milli_quantity_text(2000), "2");
}

RC_GTEST_PROP(Quantity, ReadsWhatItWrites, ()) {
  const int64_t amount = *rc::gen::inRange<int64_t>(0, std::numeric_limits<int64_t>::max());
  const int shift = *rc::gen::inRange(0, 62);
  const int64_t round = amount >> shift << shift;
  RC_ASSERT(parse_quantity(quantity_text(round)) == round);
  RC_ASSERT(parse_quantity(quantity_text(amount / 1'000'000 * 1'000'000)) == amount / 1'000'000 * 1'000'000);
}

}  // namespace
}  // namespace keyway::platform::kubernetes
