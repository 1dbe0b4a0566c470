#include "proxy/events.h"

#include <gtest/gtest.h>

namespace keyway::proxy {
namespace {

TEST(Events, OnlySoManyOfAKindPassInASecond) {
  EventRate rate;
  for (uint64_t i = 0; i < EventRate::kASecond; ++i) EXPECT_EQ(rate.admit(Event::kDeniedLogin, 5000), 0U);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(rate.admit(Event::kDeniedLogin, 5999));
  EXPECT_EQ(rate.admit(Event::kLostServer, 5999), 0U) << "other kinds are counted apart";
  EXPECT_EQ(rate.admit(Event::kDeniedLogin, 6000), 3U);
  EXPECT_EQ(rate.admit(Event::kDeniedLogin, 6001), 0U) << "told once";
}

TEST(Events, WhatWasLeftOutIsToldThoughNoneFollows) {
  EventRate rate;
  for (uint64_t i = 0; i < EventRate::kASecond + 4; ++i) rate.admit(Event::kLostServer, 1000);
  EXPECT_EQ(rate.take_left_out(Event::kLostServer, 1500), 0U) << "its second is not over";
  EXPECT_EQ(rate.take_left_out(Event::kLostServer, 2000), 4U);
  EXPECT_EQ(rate.take_left_out(Event::kLostServer, 3000), 0U);
  EXPECT_EQ(rate.take_left_out(Event::kStart, 3000), 0U);
}

}  // namespace
}  // namespace keyway::proxy
