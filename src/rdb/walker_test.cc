#include "rdb/walker.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "rdb/crc64.h"
#include "rdb/test_file.h"
#include "rdb/text.h"

namespace keyway::rdb {
namespace {

using std::string_literals::operator""s;

struct Walked {
  std::vector<Entry> entries;
  std::vector<std::string> values;  // of the keys, in their order
  std::optional<Error> error;
  bool operator==(const Walked& other) const {
    return values == other.values && entries.size() == other.entries.size() &&
           error.has_value() == other.error.has_value();
  }
};

Walked walk(std::string_view file, size_t piece_bytes, WalkLimits limits = {}) {
  Walked walked;
  Walker walker(limits);
  for (size_t at = 0; at < file.size() && !walked.error; at += piece_bytes) {
    walker.feed(file.substr(at, piece_bytes));
    while (true) {
      Result<std::optional<Entry>> entry = walker.next();
      if (!entry) walked.error = entry.error();
      if (!entry || !*entry) break;
      if ((*entry)->kind == Entry::Kind::kKey) walked.values.emplace_back((*entry)->value);
      walked.entries.push_back(std::move(**entry));
      walked.entries.back().value = {};
    }
  }
  if (Status whole = walker.finish(); !whole && !walked.error) walked.error = whole.error();
  return walked;
}

std::string small_file() {
  return TestFile()
      .aux("redis-ver", "7.2.0")
      .add("\xf5" + TestFile::string("#!lua name=f"))
      .database(0)
      .add("\xfb\x02\x01")
      .key(0, "plain", TestFile::string("value"))
      .expiry("\x10\x27\0\0\0\0\0\0"s)
      .add("\xf8\x05")
      .key(1, "list", "\x02" + TestFile::string("a") + TestFile::string("b"))
      .database(3)
      .add("\xf9\x07")
      .key(5, "scores", "\x01" + TestFile::string("m") + "12345678")
      .whole();
}

TEST(Walker, GivesWhatAFileHolds) {
  Walked walked = walk(small_file(), 1 << 20);
  ASSERT_FALSE(walked.error) << walked.error->message;
  ASSERT_EQ(walked.entries.size(), 6u);
  EXPECT_EQ(walked.entries[0].kind, Entry::Kind::kAux);
  EXPECT_EQ(walked.entries[0].key, "redis-ver");
  EXPECT_EQ(walked.entries[0].text, "7.2.0");
  EXPECT_EQ(walked.entries[1].kind, Entry::Kind::kFunction);
  EXPECT_EQ(walked.entries[1].text, "#!lua name=f");
  EXPECT_EQ(walked.entries[2].key, "plain");
  EXPECT_FALSE(walked.entries[2].expires_at_ms);
  EXPECT_EQ(walked.values[0], "\0\5value"s);
  EXPECT_EQ(walked.entries[3].key, "list");
  EXPECT_EQ(walked.entries[3].expires_at_ms, 10'000);
  EXPECT_EQ(walked.entries[3].idle_s, 5);
  EXPECT_EQ(walked.entries[3].type->name, "list");
  EXPECT_EQ(walked.values[1], "\1\2\1a\1b"s);
  EXPECT_EQ(walked.entries[4].database, 3);
  EXPECT_EQ(walked.entries[4].frequency, 7);
  EXPECT_FALSE(walked.entries[4].expires_at_ms);
  EXPECT_EQ(walked.entries[5].kind, Entry::Kind::kEnd);
  EXPECT_TRUE(walked.entries[5].checked);
}

TEST(Walker, TakesAnyPieces) {
  std::string file = small_file();
  Walked whole = walk(file, file.size());
  for (size_t piece = 1; piece < 30; ++piece) EXPECT_EQ(walk(file, piece), whole) << piece;
}

TEST(Walker, RefusesAFileThatIsCutOff) {
  std::string file = small_file();
  for (size_t size = 0; size < file.size(); ++size) {
    Walked cut = walk(file.substr(0, size), 7);
    ASSERT_TRUE(cut.error) << size;
    EXPECT_EQ(cut.error->code, ErrorCode::kCorrupt) << size;
  }
}

TEST(Walker, RefusesAFileThatWasAltered) {
  std::string file = small_file();
  for (size_t at = 0; at < file.size(); ++at) {
    for (unsigned change : {1u, 0x40u, 0xffu}) {
      std::string altered = file;
      altered[at] = static_cast<char>(static_cast<unsigned char>(altered[at]) ^ change);
      EXPECT_TRUE(walk(altered, 7).error) << at;
    }
  }
}

TEST(Walker, RefusesWhatComesAfterTheEnd) {
  Walked walked = walk(small_file() + "x", 1 << 20);
  ASSERT_TRUE(walked.error);
  EXPECT_NE(walked.error->message.find("after the end"), std::string::npos);
}

TEST(Walker, TakesAFileWithoutChecksum) {
  Walked walked = walk(TestFile().key(0, "k", TestFile::string("v")).whole(false), 4);
  ASSERT_FALSE(walked.error) << walked.error->message;
  EXPECT_FALSE(walked.entries.back().checked);
}

TEST(Walker, SaysWhatItCannotRead) {
  auto message = [](const TestFile& file) {
    Walked walked = walk(file.whole(), 1 << 20);
    return walked.error ? walked.error->message : "";
  };
  EXPECT_NE(message(TestFile("REDIS0006")).find("version 6 (Redis 4 or older)"), std::string::npos);
  EXPECT_NE(message(TestFile("something")).find("no RDB file"), std::string::npos);
  EXPECT_NE(message(TestFile("REDIS00x1")).find("no RDB file"), std::string::npos);
  EXPECT_NE(message(TestFile("REDIS0099").key(77, "k", "v")).find("type 77"), std::string::npos);
  // Each family's own types are not the other's.
  EXPECT_NE(message(TestFile("REDIS0012").key(22, "k", "v")).find("type 22"), std::string::npos);
  EXPECT_NE(message(TestFile("VALKEY080").key(25, "k", "v")).find("type 25"), std::string::npos);
}

TEST(Walker, RefusesAnEntryAboveItsBound) {
  std::string file =
      TestFile().key(0, "small", TestFile::string("v")).key(0, "big", "\x80\x40\0\0\0"s).whole();
  Walked walked = walk(file, 3, {.max_entry_bytes = 1000});
  ASSERT_TRUE(walked.error);
  EXPECT_EQ(walked.error->code, ErrorCode::kUnsupported);
  EXPECT_NE(walked.error->message.find("1.0 GiB"), std::string::npos) << walked.error->message;
  EXPECT_NE(walked.error->message.find("key big"), std::string::npos) << walked.error->message;
}

// One value of every type, each with as little as shows where it ends.
TEST(Walker, FindsTheEndOfEveryType) {
  std::string id16 = "0123456789abcdef";
  std::string ms = "12345678";
  std::string s = TestFile::string("s");
  std::string stream = "\1" + s + s + "\1\2\3";
  std::string entries_of_group = "\1" + id16 + ms + "\2";
  std::map<char, std::string> shared = {
      {0, s},
      {1, "\2" + s + s},
      {2, "\1" + s},
      {3, "\3" + s + "\xff" + s + "\3" + "1.5" + s + "\xfd"},
      {4, "\1" + s + s},
      {5, "\1" + s + ms},
      {7, "\x81" + ms + "\1\5\2\5\3abcd\4" + ms + "\5" + s + "\0"s},
      {9, s},
      {11, s},
      {13, s},
      {14, "\2" + s + s},
      {15, stream + "\1" + s + "\1\2" + entries_of_group + "\1" + s + ms + "\1" + id16},
      {18, "\1\2" + s},
      {19, stream + "\1\2\3\4\5\1" + s + "\1\2\3" + entries_of_group + "\1" + s + ms + "\1" + id16},
      {21, stream + "\1\2\3\4\5\2" + s + "\1\2\3\0\0"s + s + "\1\2\3" + entries_of_group + "\1" + s + ms +
               ms + "\1" + id16},
  };
  auto check = [&](const char* magic, char type, const std::string& value) {
    std::string file = TestFile(magic).key(type, "k", value).key(0, "next", s).whole();
    Walked walked = walk(file, 5);
    ASSERT_FALSE(walked.error) << int{type} << ": " << walked.error->message;
    ASSERT_EQ(walked.values.size(), 2u) << int{type};
    EXPECT_EQ(walked.values[0], type + value) << int{type};
  };
  for (const auto& [type, value] : shared) check("REDIS0011", type, value);
  check("REDIS0012", 24, ms + "\2\1" + s + s + "\2" + s + s);
  check("REDIS0012", 25, ms + s);
  check("VALKEY080", 22, "\1" + s + s + ms);
}

TEST(Walker, PassesHintsOver) {
  std::string s = TestFile::string("s");
  std::string file = TestFile("VALKEY080")
                         .add("\xf3" + s + "\1\2\3")
                         .add("\xf4\1\2\3")
                         .add("\xf7\x05\2\1\5" + s + "\0"s)
                         .key(0, "k", s)
                         .whole();
  Walked walked = walk(file, 2);
  ASSERT_FALSE(walked.error) << walked.error->message;
  ASSERT_EQ(walked.entries.size(), 3u);
  EXPECT_EQ(walked.entries[0].kind, Entry::Kind::kModuleAux);
  EXPECT_EQ(walked.entries[0].module, 5u);
}

TEST(Text, UnpacksWhatServersPack) {
  EXPECT_EQ(unpack_string("\x03"
                          "abc"),
            "abc");
  EXPECT_EQ(unpack_string("\xc0\xff"), "-1");
  EXPECT_EQ(unpack_string("\xc1\x00\x80"s), "-32768");
  EXPECT_EQ(unpack_string("\xc2\x15\xcd\x5b\x07"), "123456789");
  // "a", then 20 bytes from one before.
  EXPECT_EQ(unpack_string("\xc3\x05\x15\x00"
                          "a\xe0\x0b\x00"s),
            std::string(21, 'a'));
  EXPECT_FALSE(
      unpack_string("\xc3\x05\x16\x00"
                    "a\xe0\x0b\x00"s));  // one more than there is
  EXPECT_FALSE(
      unpack_string("\xc3\x05\x15\x00"
                    "a\xe0\x0b\x07"s));                              // from before the beginning
  EXPECT_FALSE(unpack_string("\xc3\x01\x81\x7f\0\0\0\0\0\0\0\0"s));  // claims to be endless
  EXPECT_FALSE(unpack_string("\xc4"));
}

TEST(Crc64, IsThatOfRedis) {
  EXPECT_EQ(crc64(0, "123456789"), 0xe9c6d914c4b8d9caull);
  EXPECT_EQ(crc64(crc64(0, "1234"), "56789"), 0xe9c6d914c4b8d9caull);
  std::string long_text(1000, 'x');
  EXPECT_EQ(crc64(crc64(0, long_text.substr(0, 13)), long_text.substr(13)), crc64(0, long_text));
}

TEST(DumpPayload, EndsAsRestoreWants) {
  // What Redis 7.0 answers to SET k v; DUMP k.
  std::string payload = dump_payload("\0\1v"s, 10);
  EXPECT_EQ(payload.size(), 13u);
  EXPECT_EQ(payload.substr(0, 5), "\0\1v\x0a\0"s);
}

}  // namespace
}  // namespace keyway::rdb
