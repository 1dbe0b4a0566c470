#include "resp/reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "resp/reply_testing.h"

namespace keyway::resp {
namespace {

using testing::HasSubstr;
using namespace std::string_view_literals;

// What the parser gives for all of `bytes`, expected to be one whole reply.
Reply parsed(std::string_view bytes) {
  ReplyParser parser;
  parser.feed(bytes);
  Result<std::optional<Reply>> reply = parser.next();
  if (!reply || !*reply) {
    ADD_FAILURE() << bytes << ": " << (reply ? "not whole" : reply.error().message);
    return {};
  }
  EXPECT_EQ(parser.pending_bytes(), 0u) << bytes;
  return std::move(**reply);
}

// Why the parser refuses `bytes`; empty if it does not.
std::string refusal(std::string_view bytes, ParserLimits limits = {}) {
  ReplyParser parser(limits);
  parser.feed(bytes);
  Result<std::optional<Reply>> reply = parser.next();
  if (reply) return "";
  EXPECT_EQ(reply.error().code, ErrorCode::kCorrupt);
  return reply.error().message;
}

TEST(ReplyParser, ReadsStrings) {
  EXPECT_TRUE(parsed("+OK\r\n").ok());
  EXPECT_EQ(parsed("+\r\n").text, "");
  EXPECT_EQ(parsed("$0\r\n\r\n").type, ReplyType::kString);
  Reply bulk = parsed("$6\r\na\r\nb\0\xff\r\n"sv);
  EXPECT_EQ(bulk.type, ReplyType::kString);
  EXPECT_EQ(bulk.text, "a\r\nb\0\xff"sv);
  Reply verbatim = parsed("=9\r\nmkd:# hi!\r\n");
  EXPECT_EQ(verbatim.type, ReplyType::kVerbatim);
  EXPECT_EQ(verbatim.text, "# hi!");
}

TEST(ReplyParser, ReadsErrors) {
  Reply moved = parsed("-MOVED 3999 127.0.0.1:6381\r\n");
  EXPECT_TRUE(moved.is_error());
  EXPECT_EQ(moved.text, "MOVED 3999 127.0.0.1:6381");
  EXPECT_EQ(moved.error_code(), "MOVED");
  EXPECT_EQ(parsed("!10\r\nSYNTAX a\nb\r\n").error_code(), "SYNTAX");
  EXPECT_EQ(parsed("-LOADING\r\n").error_code(), "LOADING");
  EXPECT_EQ(parsed("+MOVED 1\r\n").error_code(), "");
}

TEST(ReplyParser, ReadsNumbers) {
  EXPECT_EQ(parsed(":-42\r\n").integer, -42);
  EXPECT_EQ(parsed(":+7\r\n").integer, 7);
  EXPECT_EQ(parsed(":9223372036854775807\r\n").integer, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(parsed("#t\r\n").integer, 1);
  Reply no = parsed("#f\r\n");
  EXPECT_EQ(no.type, ReplyType::kBoolean);
  EXPECT_EQ(no.integer, 0);
  Reply big = parsed("(-3492890328409238509324850943850943825024385\r\n");
  EXPECT_EQ(big.type, ReplyType::kBigNumber);
  EXPECT_EQ(big.text, "-3492890328409238509324850943850943825024385");
}

TEST(ReplyParser, ReadsDoubles) {
  EXPECT_EQ(parsed(",1.5\r\n").type, ReplyType::kDouble);
  EXPECT_DOUBLE_EQ(parsed(",1.5\r\n").number, 1.5);
  EXPECT_DOUBLE_EQ(parsed(",10\r\n").number, 10);
  EXPECT_DOUBLE_EQ(parsed(",-1.2e-7\r\n").number, -1.2e-7);
  EXPECT_EQ(parsed(",inf\r\n").number, std::numeric_limits<double>::infinity());
  EXPECT_EQ(parsed(",-inf\r\n").number, -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(parsed(",nan\r\n").number));
  EXPECT_TRUE(std::isnan(parsed(",-nan\r\n").number));
}

TEST(ReplyParser, ReadsEveryKindOfNull) {
  for (const char* null : {"_\r\n", "$-1\r\n", "*-1\r\n"}) EXPECT_TRUE(parsed(null).is_null()) << null;
}

TEST(ReplyParser, ReadsAggregates) {
  Reply array = parsed("*3\r\n:1\r\n*0\r\n*1\r\n$-1\r\n");
  ASSERT_EQ(array.elements.size(), 3u);
  EXPECT_EQ(array.elements[0].integer, 1);
  EXPECT_EQ(array.elements[1].type, ReplyType::kArray);
  EXPECT_TRUE(array.elements[2].elements.at(0).is_null());

  Reply map = parsed("%2\r\n+a\r\n:1\r\n+b\r\n~2\r\n:2\r\n:3\r\n");
  EXPECT_EQ(map.type, ReplyType::kMap);
  ASSERT_EQ(map.elements.size(), 4u);
  EXPECT_EQ(map.elements[2].text, "b");
  EXPECT_EQ(map.elements[3].type, ReplyType::kSet);
  EXPECT_EQ(map.elements[3].elements.size(), 2u);

  EXPECT_EQ(parsed(">2\r\n+invalidate\r\n_\r\n").type, ReplyType::kPush);
  EXPECT_EQ(parsed("%0\r\n").type, ReplyType::kMap);
}

TEST(ReplyParser, PassesOverAttributes) {
  EXPECT_EQ(parsed("|1\r\n+ttl\r\n:3600\r\n:5\r\n").integer, 5);
  EXPECT_EQ(parsed("|0\r\n:5\r\n").integer, 5);
  EXPECT_EQ(parsed("|1\r\n+a\r\n*1\r\n|1\r\n+b\r\n_\r\n:1\r\n:5\r\n").integer, 5);
  Reply array = parsed("*2\r\n:1\r\n|1\r\n+ttl\r\n:3600\r\n:2\r\n");
  ASSERT_EQ(array.elements.size(), 2u);
  EXPECT_EQ(array.elements[1].integer, 2);
}

TEST(ReplyParser, GivesRepliesInTheirOrder) {
  ReplyParser parser;
  parser.feed("+one\r\n>1\r\n+two\r\n$5\r\nthr");
  EXPECT_EQ(parser.next().value()->text, "one");
  EXPECT_EQ(parser.next().value()->elements.at(0).text, "two");
  EXPECT_EQ(parser.next().value(), std::nullopt);
  EXPECT_EQ(parser.pending_bytes(), 7u);
  parser.feed("ee\r\n");
  EXPECT_EQ(parser.next().value()->text, "three");
  EXPECT_EQ(parser.next().value(), std::nullopt);
  EXPECT_EQ(parser.pending_bytes(), 0u);
}

TEST(ReplyParser, CountsTheBytesOfAnIncompleteReplyAsPending) {
  ReplyParser parser;
  std::string_view bytes = "*2\r\n:1\r\n:2";
  parser.feed(bytes);
  EXPECT_EQ(parser.next().value(), std::nullopt);
  EXPECT_EQ(parser.pending_bytes(), bytes.size());
}

TEST(ReplyParser, RefusesWhatIsNoReply) {
  const std::vector<std::string> wrong = {"HTTP/1.1 400 Bad Request\r\n",
                                          "\r\n",
                                          "\n",
                                          "+OK\n",
                                          "+a\rb\r\n",
                                          ":\r\n",
                                          ":1a\r\n",
                                          ": 1\r\n",
                                          ":+-1\r\n",
                                          ":9223372036854775808\r\n",
                                          ",\r\n",
                                          ",1.5x\r\n",
                                          ",+-1\r\n",
                                          ",1e999\r\n",
                                          "#\r\n",
                                          "#true\r\n",
                                          "(\r\n",
                                          "(-\r\n",
                                          "(12a\r\n",
                                          "_x\r\n",
                                          "$-2\r\n",
                                          "$a\r\n",
                                          "$?\r\n",
                                          "$3\r\nabcde",
                                          "$3\r\nabc\n\n",
                                          "!-1\r\n",
                                          "=3\r\ntxt\r\n",
                                          "=4\r\ntxta\r\n",
                                          "*-2\r\n",
                                          "*?\r\n",
                                          "%-1\r\n",
                                          "~-1\r\n",
                                          ">-1\r\n",
                                          "|-1\r\n",
                                          "*1\r\n@\r\n"};
  for (const std::string& bytes : wrong) EXPECT_THAT(refusal(bytes), HasSubstr("cannot be read")) << bytes;
}

TEST(ReplyParser, SaysWhereAndWhy) {
  ReplyParser parser;
  parser.feed("+OK\r\n*1\r\n@\r\n");
  ASSERT_TRUE(parser.next().value());
  EXPECT_EQ(parser.next().error().message,
            "the server's reply cannot be read near byte 12 of the connection: '@' starts no reply; is this "
            "the port of "
            "a Redis or Valkey server?");
}

TEST(ReplyParser, StaysInError) {
  ReplyParser parser;
  parser.feed("?\r\n");
  std::string message = parser.next().error().message;
  parser.feed("+OK\r\n");
  EXPECT_EQ(parser.next().error().message, message);
  EXPECT_EQ(parser.pending_bytes(), 0u);
}

TEST(ReplyParser, RefusesALengthBeforeItsBytesCome) {
  ParserLimits limits;
  limits.max_bulk_bytes = 10;
  EXPECT_EQ(refusal("$10\r\n", limits), "");
  EXPECT_THAT(refusal("$11\r\n", limits), HasSubstr("longer than the 10 bytes allowed"));
  EXPECT_THAT(refusal("=11\r\n", limits), HasSubstr("longer than the 10 bytes allowed"));
}

TEST(ReplyParser, BoundsALineWithoutAnEnd) {
  ParserLimits limits;
  limits.max_line_bytes = 10;
  EXPECT_EQ(refusal("+12345678\r\n", limits), "");
  EXPECT_EQ(refusal("+123456789", limits), "");
  EXPECT_THAT(refusal("+1234567890", limits), HasSubstr("a line is longer than the 10 bytes allowed"));
}

TEST(ReplyParser, BoundsTheElementsOfAWholeReply) {
  ParserLimits limits;
  limits.max_elements = 4;
  EXPECT_EQ(refusal("*4\r\n", limits), "");
  EXPECT_EQ(refusal("%2\r\n", limits), "");
  EXPECT_THAT(refusal("*5\r\n", limits), HasSubstr("more than the 4 elements allowed"));
  EXPECT_THAT(refusal("%3\r\n", limits), HasSubstr("more than the 4 elements allowed"));
  EXPECT_THAT(refusal("|3\r\n", limits), HasSubstr("more than the 4 elements allowed"));
  EXPECT_THAT(refusal("%9223372036854775807\r\n", limits), HasSubstr("more than the 4 elements allowed"));
  EXPECT_THAT(refusal("*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n", limits),
              HasSubstr("more than the 4 elements allowed"));
}

TEST(ReplyParser, CountsElementsAfreshForEachReply) {
  ParserLimits limits;
  limits.max_elements = 1;
  ReplyParser parser(limits);
  parser.feed("*1\r\n:1\r\n*1\r\n:2\r\n");
  EXPECT_EQ(parser.next().value()->elements.at(0).integer, 1);
  EXPECT_EQ(parser.next().value()->elements.at(0).integer, 2);
}

TEST(ReplyParser, BoundsTheDepth) {
  ParserLimits limits;
  limits.max_depth = 2;
  EXPECT_EQ(refusal("*1\r\n*1\r\n*0\r\n", limits), "");
  EXPECT_THAT(refusal("*1\r\n*1\r\n*1\r\n", limits), HasSubstr("deeper than the 2 levels allowed"));
  EXPECT_THAT(refusal("*1\r\n|1\r\n|1\r\n", limits), HasSubstr("deeper than the 2 levels allowed"));
}

TEST(ReplyParser, BoundsAWholeReplyButNotTheStream) {
  ParserLimits limits;
  limits.max_reply_bytes = 12;
  ReplyParser parser(limits);
  for (int i = 0; i < 10; ++i) {
    parser.feed("*2\r\n:1\r\n:2\r\n");
    EXPECT_TRUE(parser.next().value());
  }
  parser.feed("*2\r\n:1\r\n:10\r\n");
  EXPECT_THAT(parser.next().error().message, HasSubstr("longer than the 12 bytes allowed"));
  std::string attributes;
  for (int i = 0; i < 10; ++i) attributes += "|0\r\n";
  EXPECT_THAT(refusal(attributes, limits), HasSubstr("longer than the 12 bytes allowed"));
}

// Were each byte read again with every piece, this would take hours.
TEST(ReplyParser, ReadsALargeReplyInSingleBytes) {
  constexpr size_t element_count = 50'000;
  std::string wire = fmt::format("*{}\r\n$1048576\r\n{}\r\n", element_count + 2, std::string(1 << 20, 'x'));
  wire += "+" + std::string(500'000, 'y') + "\r\n";
  for (size_t i = 0; i < element_count; ++i) wire += fmt::format(":{}\r\n", i);

  ReplyParser parser;
  for (size_t i = 0; i + 1 < wire.size(); ++i) {
    parser.feed(std::string_view(wire).substr(i, 1));
    Result<std::optional<Reply>> reply = parser.next();
    ASSERT_TRUE(reply && !*reply) << "at byte " << i;
  }
  EXPECT_EQ(parser.pending_bytes(), wire.size() - 1);
  parser.feed("\n");
  Reply reply = parser.next().value().value();
  ASSERT_EQ(reply.elements.size(), element_count + 2);
  EXPECT_EQ(reply.elements[0].text.size(), size_t{1} << 20);
  EXPECT_EQ(reply.elements[1].text.size(), 500'000u);
  EXPECT_EQ(reply.elements.back().integer, static_cast<int64_t>(element_count - 1));
}

}  // namespace
}  // namespace keyway::resp
