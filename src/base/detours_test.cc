#include "base/detours.h"

#include <gtest/gtest.h>

namespace keyway {
namespace {

TEST(Detours, LeadWhereTheyAreSetToAndNowhereElse) {
  const Address real{"10.89.1.5", 6379};
  EXPECT_EQ(way_to(nullptr, real).value(), real);
  auto detours = std::make_shared<Detours>();
  EXPECT_EQ(way_to(detours, real).error().code, ErrorCode::kUnavailable);
  detours->set({{real, {"127.0.0.1", 13000}}});
  EXPECT_EQ(way_to(detours, real).value(), (Address{"127.0.0.1", 13000}));
  detours->set({});
  EXPECT_EQ(way_to(detours, real).error().message, "there is no way to 10.89.1.5:6379 from here (yet)");
}

}  // namespace
}  // namespace keyway
