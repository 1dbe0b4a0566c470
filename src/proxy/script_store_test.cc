#include "proxy/script_store.h"

#include <gtest/gtest.h>

#include "proxy/script_notes.h"

namespace keyway::proxy {
namespace {

constexpr const char* kDigestOfReturn1 = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";

TEST(ScriptStore, FindsByTheServersDigest) {
  ScriptStore store;
  EXPECT_EQ(store.find(kDigestOfReturn1), std::nullopt);
  store.keep("return 1");
  EXPECT_EQ(store.find(kDigestOfReturn1), "return 1");
  EXPECT_EQ(store.find("E0E1F9FABFC9D4800C877A703B823AC0578FF8DB"), "return 1") << "of either case";
  EXPECT_EQ(store.find("e0e1"), std::nullopt);
  store.forget_all();
  EXPECT_EQ(store.find(kDigestOfReturn1), std::nullopt);
  EXPECT_EQ(store.flushes(), 1U);
}

TEST(ScriptStore, WhatWasNotUsedForLongestGoesFirst) {
  ScriptStore store(20);
  store.keep("return 1");
  store.keep("return 2");
  EXPECT_EQ(store.evictions(), 0U);
  EXPECT_TRUE(store.find(kDigestOfReturn1));
  store.keep("return 3");
  EXPECT_EQ(store.evictions(), 1U);
  EXPECT_TRUE(store.find(kDigestOfReturn1)) << "it was used last";
  EXPECT_EQ(store.find("7f923f79fe76194c868d7e1d0820de36700eb649"), std::nullopt) << "return 2";
  store.keep("a script that is larger than all of the store");
  EXPECT_TRUE(store.find(kDigestOfReturn1)) << "nothing has to go for what cannot be kept";
}

TEST(ScriptNotes, WhatTheStoreHasLostIsBroughtAnew) {
  ScriptStore store(20);
  ScriptNotes notes(store);
  notes.keep("return 1");
  ScriptNotes others(store);
  others.keep("return 2");
  others.keep("return 3");
  ASSERT_EQ(store.find(kDigestOfReturn1), std::nullopt);
  notes.keep("return 1");
  EXPECT_TRUE(store.find(kDigestOfReturn1));
  others.forget_all();
  ASSERT_EQ(store.find(kDigestOfReturn1), std::nullopt);
  notes.keep("return 1");
  EXPECT_TRUE(store.find(kDigestOfReturn1));
}

TEST(ScriptNotes, CallsAreKnownByServer) {
  ScriptStore store;
  ScriptNotes notes(store);
  uint64_t call = ScriptNotes::call_of(kDigestOfReturn1);
  EXPECT_NE(call, 0U);
  EXPECT_EQ(call, ScriptNotes::call_of("E0E1F9FABFC9D4800C877A703B823AC0578FF8DB"));
  EXPECT_EQ(ScriptNotes::call_of("short"), 0U);
  EXPECT_FALSE(notes.is_known(call, 0));
  notes.note(call, 0, true);
  EXPECT_TRUE(notes.is_known(call, 0));
  EXPECT_FALSE(notes.is_known(call, 1));
  notes.note(call, 1, true);
  notes.note(call, 0, false);
  EXPECT_FALSE(notes.is_known(call, 0));
  EXPECT_TRUE(notes.is_known(call, 1));
  notes.doubt_all();
  EXPECT_FALSE(notes.is_known(call, 1));
}

}  // namespace
}  // namespace keyway::proxy
