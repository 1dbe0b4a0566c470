#include "resp/slot.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>

namespace keyway::resp {
namespace {

// The definition, bit by bit: CRC-16/XMODEM.
uint16_t slow_crc16(const std::string& bytes) {
  uint32_t crc = 0;
  for (char c : bytes) {
    crc ^= static_cast<uint32_t>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return static_cast<uint16_t>(crc);
}

TEST(Crc16, GivesThePublishedCheckValue) {
  EXPECT_EQ(crc16("123456789"), 0x31C3);
  EXPECT_EQ(crc16(""), 0);
}

TEST(Crc16, IsItsDefinition) {
  EXPECT_TRUE(rc::check("table against bits",
                        [](const std::string& bytes) { RC_ASSERT(crc16(bytes) == slow_crc16(bytes)); }));
}

// As CLUSTER KEYSLOT of redis-server answers.
TEST(KeySlot, AgreesWithTheServers) {
  EXPECT_EQ(key_slot("AAA"), 3205);
  EXPECT_EQ(key_slot("BBB"), 12517);
  EXPECT_EQ(key_slot("CCC"), 9413);
  EXPECT_EQ(key_slot("foo"), 12182);
  EXPECT_EQ(key_slot(""), 0);
  EXPECT_EQ(key_slot("{user1000}.following"), key_slot("user1000"));
}

TEST(HashTag, IsWhatTheSpecificationSays) {
  EXPECT_EQ(hash_tag("{user1000}.following"), "user1000");
  EXPECT_EQ(hash_tag("a{b}c{d}"), "b");
  EXPECT_EQ(hash_tag("foo{{bar}}zap"), "{bar");
  EXPECT_EQ(hash_tag("foo{bar}{zap}"), "bar");
  EXPECT_EQ(hash_tag("a}b{c}"), "c");
}

TEST(HashTag, IsTheWholeKeyWithoutATag) {
  for (const char* key : {"", "plain", "foo{}{bar}", "{}", "{open", "close}", "}{", "a}b{c"})
    EXPECT_EQ(hash_tag(key), key);
}

std::string without(std::string text, char unwanted) {
  text.erase(std::remove(text.begin(), text.end(), unwanted), text.end());
  return text;
}

TEST(KeySlot, IsBelowTheNumberOfSlots) {
  EXPECT_TRUE(rc::check("range", [](const std::string& key) { RC_ASSERT(key_slot(key) < 16384); }));
}

TEST(KeySlot, IsTheSlotOfTheTagWhateverStandsAround) {
  EXPECT_TRUE(rc::check("tag decides",
                        [](const std::string& before, const std::string& within, const std::string& after) {
                          std::string tag = without(within, '}');
                          RC_PRE(!tag.empty());
                          std::string key = without(before, '{') + "{" + tag + "}" + after;
                          RC_ASSERT(hash_tag(key) == tag);
                          RC_ASSERT(key_slot(key) == (slow_crc16(tag) & 0x3fff));
                        }));
}

TEST(KeySlot, IsTheSlotOfTheWholeKeyIfTheTagIsEmptyOrOpen) {
  EXPECT_TRUE(rc::check("no tag", [](const std::string& before, const std::string& after) {
    std::string head = without(before, '{');
    for (const std::string& key : {head + "{}" + after, head + "{" + without(after, '}'), head}) {
      RC_ASSERT(key_slot(key) == (slow_crc16(key) & 0x3fff));
    }
  }));
}

}  // namespace
}  // namespace keyway::resp
