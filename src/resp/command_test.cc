#include "resp/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "resp/reply.h"

namespace keyway::resp {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::string_view_literals;

TEST(AppendCommand, WritesAnArrayOfBulkStrings) {
  std::string out = "before";
  append(out, {"SET", "key", std::string("\r\n\0", 3)});
  EXPECT_EQ(out, "before*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$3\r\n\r\n\0\r\n"sv);
  out.clear();
  append(out, {"GET", ""});
  EXPECT_EQ(out, "*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
}

TEST(AppendCommand, IsReadAsItWasWritten) {
  EXPECT_TRUE(rc::check("round trip", [](const std::vector<Command>& commands) {
    std::string wire;
    for (const Command& command : commands) append(wire, command);
    ReplyParser parser;
    parser.feed(wire);
    for (const Command& command : commands) {
      Reply reply = parser.next().value().value();
      RC_ASSERT(reply.type == ReplyType::kArray);
      Command read;
      for (Reply& element : reply.elements) read.push_back(std::move(element.text));
      RC_ASSERT(read == command);
    }
    RC_ASSERT(parser.pending_bytes() == 0u);
  }));
}

TEST(DescribeCommand, QuotesWhereNeeded) {
  EXPECT_EQ(describe({"CLUSTER", "FAILOVER", "TAKEOVER"}), "CLUSTER FAILOVER TAKEOVER");
  EXPECT_EQ(describe({"SET", "a key", ""}), R"(SET "a key" "")");
  EXPECT_EQ(describe({"SET", "say \"\\\"", "it's"}), R"(SET "say \"\\\"" "it's")");
  EXPECT_EQ(describe({"SET", "k", std::string("\r\n\t\0\xff", 5)}), R"(SET k "\r\n\t\x00\xff")");
  EXPECT_EQ(describe({}), "");
}

TEST(DescribeCommand, CutsWhatIsTooLong) {
  EXPECT_EQ(describe({"SET", "k", std::string(1000, 'x')}, 20), "SET k " + std::string(11, 'x') + "...");
  EXPECT_EQ(describe({"SET", "k", std::string(1000, '\0')}, 20).size(), 20u);
  EXPECT_EQ(describe({"GET", "0123456789abcdef"}, 20), "GET 0123456789abcdef");
  EXPECT_EQ(describe({"PING"}, 3), "...");
  EXPECT_EQ(describe({"PING"}, 0), "");
}

TEST(DescribeCommand, HidesSecrets) {
  EXPECT_EQ(describe({"AUTH", "geheim"}), "AUTH ***");
  EXPECT_EQ(describe({"auth", "admin", "geheim"}), "auth admin ***");
  EXPECT_EQ(describe({"AUTH", "my", "secret", "phrase"}), "AUTH *** *** ***");
  EXPECT_EQ(describe({"HELLO", "3", "AUTH", "admin", "geheim", "SETNAME", "keyway"}),
            "HELLO 3 AUTH admin *** SETNAME keyway");
  EXPECT_THAT(describe({"HELLO", "3", "SETNAME", "auth", "AUTH", "admin", "geheim"}),
              Not(HasSubstr("geheim")));
  EXPECT_EQ(describe({"ACL", "SETUSER", "u", "on", ">geheim", "<alt", "#abc", "!def", "~*", "+@all"}),
            "ACL SETUSER u on *** *** *** *** ~* +@all");
  EXPECT_EQ(describe({"acl", "setuser", "#odd"}), "acl setuser #odd");
  EXPECT_EQ(describe({"CONFIG", "SET", "maxmemory", "1gb", "MASTERAUTH", "geheim", "requirepass", "geheim"}),
            "CONFIG SET maxmemory 1gb MASTERAUTH *** requirepass ***");
  EXPECT_EQ(describe({"CONFIG", "SET", "primaryauth", "geheim"}), "CONFIG SET primaryauth ***");
  EXPECT_EQ(describe({"CONFIG", "GET", "masterauth"}), "CONFIG GET masterauth");
  EXPECT_EQ(describe({"MIGRATE", "h", "1", "", "0", "9", "AUTH", "geheim", "KEYS", "k"}),
            R"(MIGRATE h 1 "" 0 9 AUTH *** KEYS k)");
  EXPECT_EQ(describe({"MIGRATE", "h", "1", "", "0", "9", "AUTH2", "admin", "geheim", "KEYS", "k"}),
            R"(MIGRATE h 1 "" 0 9 AUTH2 admin *** KEYS k)");
}

TEST(DescribeCommand, LeavesOtherCommandsAlone) {
  EXPECT_EQ(describe({"GET", "auth", "x"}), "GET auth x");
  EXPECT_EQ(describe({"ACL", "DELUSER", ">x"}), "ACL DELUSER >x");
  EXPECT_EQ(describe({"HELLO", "3"}), "HELLO 3");
}

TEST(DescribeCommand, IsOneShortPrintableLine) {
  EXPECT_TRUE(rc::check("bounds", [](const Command& command) {
    auto max_length = static_cast<size_t>(*rc::gen::inRange(0, 200));
    std::string text = describe(command, max_length);
    RC_ASSERT(text.size() <= max_length);
    for (char c : text) RC_ASSERT(c >= ' ' && c < 0x7f);
  }));
}

}  // namespace
}  // namespace keyway::resp
