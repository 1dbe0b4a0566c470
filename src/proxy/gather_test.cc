#include "proxy/gather.h"

#include <gtest/gtest.h>

#include <string>

namespace keyway::proxy {
namespace {

class GatherTest : public testing::Test {
 protected:
  // Each reply in one piece, and again in pieces of three bytes.
  std::string merge(Merge merge, const std::vector<std::string>& replies,
                    std::vector<uint16_t> part_of_key = {}) {
    std::string whole = merge_pieces(merge, replies, part_of_key, SIZE_MAX);
    EXPECT_EQ(merge_pieces(merge, replies, part_of_key, 3), whole);
    return whole;
  }

 private:
  std::string merge_pieces(Merge merge, const std::vector<std::string>& replies,
                           const std::vector<uint16_t>& part_of_key, size_t piece_bytes) {
    Gather gather;
    gather.merge = merge;
    gather.part_of_key = part_of_key;
    for (const std::string& reply : replies) {
      Request* part = requests_.take();
      for (size_t at = 0; at < reply.size(); at += std::min(piece_bytes, reply.size()))
        part->add_reply(copy_of(std::string_view(reply).substr(at, piece_bytes), pool_));
      gather.parts.push_back(part);
    }
    SliceQueue out(pool_);
    merge_replies(gather, pool_, out);
    std::string text;
    out.pieces(SIZE_MAX, [&](size_t, const char* data, size_t size) { text.append(data, size); });
    for (Request* part : gather.parts) requests_.give_back(part);
    return text;
  }

  ChunkPool pool_;
  RequestPool requests_;
};

TEST_F(GatherTest, ValuesComeInTheOrderOfTheKeys) {
  EXPECT_EQ(merge(Merge::kKeyOrder, {"*2\r\n$1\r\na\r\n$-1\r\n", "*1\r\n$1\r\nb\r\n"}, {0, 1, 0}),
            "*3\r\n$1\r\na\r\n$1\r\nb\r\n$-1\r\n");
}

TEST_F(GatherTest, Integers) {
  EXPECT_EQ(merge(Merge::kSum, {":3\r\n", ":0\r\n", ":-1\r\n"}), ":2\r\n");
  EXPECT_EQ(merge(Merge::kLeast, {":3\r\n", ":1\r\n", ":2\r\n"}), ":1\r\n");
}

TEST_F(GatherTest, Lists) {
  EXPECT_EQ(merge(Merge::kJoin, {"*1\r\n$1\r\na\r\n", "*0\r\n", "*1\r\n$1\r\nb\r\n"}),
            "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_EQ(merge(Merge::kDistinct, {"*2\r\n$1\r\nb\r\n$1\r\na\r\n", "*1\r\n$1\r\na\r\n"}),
            "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_EQ(merge(Merge::kAllTrue, {"*2\r\n:1\r\n:1\r\n", "*2\r\n:1\r\n:0\r\n"}), "*2\r\n:1\r\n:0\r\n");
  EXPECT_EQ(merge(Merge::kEachSum,
                  {"*4\r\n$1\r\nx\r\n:1\r\n$1\r\ny\r\n:0\r\n", "*4\r\n$1\r\nx\r\n:2\r\n$1\r\ny\r\n:0\r\n"}),
            "*4\r\n$1\r\nx\r\n:3\r\n$1\r\ny\r\n:0\r\n");
}

TEST_F(GatherTest, OneOfThem) {
  EXPECT_EQ(merge(Merge::kAnyOne, {"$-1\r\n", "$1\r\na\r\n", "$-1\r\n"}), "$1\r\na\r\n");
  EXPECT_EQ(merge(Merge::kAnyOne, {"$-1\r\n", "$-1\r\n"}), "$-1\r\n");
  EXPECT_EQ(merge(Merge::kOneWorked, {"-NOTBUSY\r\n", "+OK\r\n"}), "+OK\r\n");
  EXPECT_EQ(merge(Merge::kOneWorked, {"-NOTBUSY\r\n", "-NOTBUSY\r\n"}), "-NOTBUSY\r\n");
}

TEST_F(GatherTest, AnErrorOfOnePartIsTheAnswer) {
  EXPECT_EQ(merge(Merge::kSum, {":3\r\n", "-ERR no\r\n"}), "-ERR no\r\n");
  EXPECT_EQ(merge(Merge::kFirst, {"+OK\r\n", "+OK\r\n"}), "+OK\r\n");
}

TEST_F(GatherTest, InfoAddsCountsUp) {
  std::string one =
      "# Clients\r\nconnected_clients:3\r\nredis_mode:cluster\r\n# "
      "Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=9\r\n";
  std::string two =
      "# Clients\r\nconnected_clients:4\r\nredis_mode:cluster\r\n# "
      "Keyspace\r\ndb0:keys=5,expires=0,avg_ttl=0\r\n";
  auto bulk = [](const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  };
  std::string merged = merge(Merge::kInfo, {bulk(one), bulk(two)});
  EXPECT_NE(merged.find("connected_clients:7\r\n"), std::string::npos) << merged;
  EXPECT_NE(merged.find("redis_mode:cluster\r\n"), std::string::npos) << merged;
  EXPECT_NE(merged.find("db0:keys=7,expires=1,avg_ttl=0\r\n"), std::string::npos) << merged;
}

}  // namespace
}  // namespace keyway::proxy
