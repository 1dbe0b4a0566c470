#include "engine/rdb_transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/format.h"

namespace keyway::engine {
namespace {

using testing::HasSubstr;

const std::string kRdb = "REDIS0011" + std::string(3000, 'd') + "\xff" + std::string(8, '\0');
const std::string kMark = "0123456789abcdef0123456789abcdef01234567";

// What is written down when `stream` comes in pieces of `piece` bytes.
struct Taken {
  Status status;
  std::string file;
  RdbTransfer transfer;
};

Taken take(std::string_view stream, size_t piece) {
  Taken taken;
  while (!stream.empty() && taken.status) {
    taken.status = taken.transfer.feed(stream.substr(0, piece), [&](std::string_view bytes) {
      taken.file += bytes;
      return Status{};
    });
    stream.remove_prefix(std::min(piece, stream.size()));
  }
  return taken;
}

std::string sized(const std::string& rdb) { return fmt::format("${}\r\n{}", rdb.size(), rdb); }
std::string marked(const std::string& rdb) { return fmt::format("$EOF:{}\r\n{}{}", kMark, rdb, kMark); }

TEST(RdbTransfer, BothFormsInPiecesOfEverySize) {
  for (const std::string& stream :
       {sized(kRdb), marked(kRdb), "\n\n\r\n" + sized(kRdb), "\n" + marked(kRdb)}) {
    for (size_t piece :
         {size_t{1}, size_t{7}, size_t{39}, size_t{40}, size_t{41}, size_t{1000}, stream.size()}) {
      Taken taken = take(stream, piece);
      ASSERT_TRUE(taken.status) << taken.status.error().message;
      EXPECT_TRUE(taken.transfer.done());
      EXPECT_EQ(taken.file, kRdb);
      EXPECT_EQ(taken.transfer.size_bytes(), static_cast<int64_t>(kRdb.size()));
    }
  }
}

TEST(RdbTransfer, ValkeysOwnMagic) {
  EXPECT_TRUE(take(sized("VALKEY080" + std::string(100, 'x')), 13).transfer.done());
}

TEST(RdbTransfer, WritesThatFollowAreIgnored) {
  Taken taken = take(sized(kRdb) + "*1\r\n$4\r\nPING\r\n", 5000);
  EXPECT_TRUE(taken.transfer.done());
  EXPECT_EQ(taken.file, kRdb);
}

TEST(RdbTransfer, AnUnfinishedOneIsNotDone) {
  EXPECT_FALSE(take(sized(kRdb).substr(0, 2000), 100).transfer.done());
  EXPECT_FALSE(take(marked(kRdb).substr(0, marked(kRdb).size() - 1), 100).transfer.done());
  EXPECT_FALSE(take("\n\n\n", 1).transfer.begun());
  EXPECT_EQ(take(sized(kRdb).substr(0, 100), 100).transfer.announced_bytes(),
            static_cast<int64_t>(kRdb.size()));
}

TEST(RdbTransfer, Refusals) {
  Taken taken = take("-NOMASTERLINK Can't SYNC while not connected with my master\r\n", 10);
  ASSERT_FALSE(taken.status);
  EXPECT_EQ(taken.status.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(taken.status.error().message, HasSubstr("NOMASTERLINK"));
  taken = take("-NOPERM this user has no permissions to run the 'sync' command\r\n", 1000);
  ASSERT_FALSE(taken.status);
  EXPECT_EQ(taken.status.error().code, ErrorCode::kDenied);
}

TEST(RdbTransfer, TheHistoryThatItIsOf) {
  std::string id(40, 'e');
  Taken taken = take("+FULLRESYNC " + id + " 4711\r\n\n" + marked(kRdb), 3);
  ASSERT_TRUE(taken.status) << taken.status.error().message;
  EXPECT_EQ(taken.file, kRdb);
  EXPECT_EQ(taken.transfer.replication_id(), id);
  EXPECT_EQ(taken.transfer.offset(), 4711);
  EXPECT_EQ(take(marked(kRdb), 1000).transfer.offset(), -1);
  for (const std::string& line : {"+FULLRESYNC " + id, "+FULLRESYNC " + id + " -2",
                                  "+FULLRESYNC " + id + " 1 2", "+FULLRESYNC X" + id.substr(1) + " 1"}) {
    EXPECT_FALSE(take(line + "\r\n" + marked(kRdb), 1000).status) << line;
  }
}

TEST(RdbTransfer, WhatIsNoTransfer) {
  for (const std::string& stream :
       {std::string("+OK\r\n"), std::string("$nonsense\r\n"), std::string("$-1\r\n"),
        std::string("$3\r\nabc"), "$EOF:" + kMark.substr(1) + "\r\n", std::string(5000, 'x'),
        sized("NOTANRDBFILEATALL" + kRdb), marked("REDIS0011")}) {
    Taken taken = take(stream, 64);
    ASSERT_FALSE(taken.status) << stream;
    EXPECT_EQ(taken.status.error().code, ErrorCode::kCorrupt);
  }
}

TEST(RdbTransfer, FailsAsItsSinkDoes) {
  RdbTransfer transfer;
  Status status = transfer.feed(
      sized(kRdb), [](std::string_view) { return Status(fail(ErrorCode::kExhausted, "disk full")); });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kExhausted);
}

RC_GTEST_PROP(RdbTransfer, AnyDataInAnyPieces, ()) {
  auto data = *rc::gen::arbitrary<std::string>();
  auto piece = *rc::gen::inRange<size_t>(1, 100);
  std::string rdb = "REDIS0012" + data + std::string(9, '\0');
  std::string stream = *rc::gen::arbitrary<bool>() ? sized(rdb) : marked(rdb);
  Taken taken = take(stream, piece);
  RC_ASSERT(taken.status.has_value());
  RC_ASSERT(taken.transfer.done());
  RC_ASSERT(taken.file == rdb);
}

}  // namespace
}  // namespace keyway::engine
