#include "proxy/request_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "resp/command.h"

namespace keyway::proxy {
namespace {

using testing::ElementsAre;

struct Scanned {
  RequestScan scan;
  ScanProgress progress;
  std::vector<std::string_view> arguments;
  std::string unquoted;
};

Scanned scan(std::string_view bytes, ScanProgress progress = {}) {
  Scanned scanned{{}, progress, {}, {}};
  scanned.scan = scan_request(bytes, {}, scanned.progress, scanned.arguments, scanned.unquoted);
  return scanned;
}

TEST(RequestScan, TakesOneCommandOfSeveral) {
  Scanned scanned = scan("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n");
  EXPECT_EQ(scanned.scan.state, ScanState::kWhole);
  EXPECT_EQ(scanned.scan.size_bytes, 20U);
  EXPECT_FALSE(scanned.scan.is_inline);
  EXPECT_THAT(scanned.arguments, ElementsAre("GET", "k"));
}

TEST(RequestScan, TakesInlineCommandsAsServersDo) {
  std::string line = "set k \"a \\x41\\n\" 'it\\'s'\r\n";
  std::vector<std::string_view> arguments;
  std::string unquoted;
  ScanProgress progress;
  RequestScan found = scan_request(line, {}, progress, arguments, unquoted);
  EXPECT_EQ(found.state, ScanState::kWhole);
  EXPECT_TRUE(found.is_inline);
  EXPECT_THAT(arguments, ElementsAre("set", "k", "a A\n", "it's"));
  EXPECT_EQ(scan("\r\n").scan.size_bytes, 2U);
  EXPECT_EQ(scan("get \"open\r\n").scan.state, ScanState::kBroken);
}

TEST(RequestScan, SaysHowMuchIsMissing) {
  Scanned scanned = scan("*2\r\n$3\r\nSET\r\n$100\r\nabc");
  EXPECT_EQ(scanned.scan.state, ScanState::kPartial);
  EXPECT_EQ(scanned.scan.wanted_bytes, 13U + 6 + 100 + 2);
  EXPECT_EQ(scanned.progress.at, 13U);
  EXPECT_EQ(scanned.progress.missing, 1);
}

TEST(RequestScan, RefusesWhatAServerWouldRefuse) {
  // A server closes the connection over each of these: none may reach a connection that others share.
  for (std::string_view bytes :
       {"*1\r\n$-1\r\n", "*1\r\n$03\r\nGET\r\n", "*01\r\n$4\r\nPING\r\n", "*1\r\n+PING\r\n", "*x\r\n",
        "*1\r\n$4\r\nPINGxx", "*1\r\n$99999999999\r\n", "*2147483648\r\n"}) {
    EXPECT_EQ(scan(bytes).scan.state, ScanState::kBroken) << bytes;
  }
}

RC_GTEST_PROP(RequestScan, WholeCommandsComeThroughInPiecesOfAnySize, (std::vector<std::string> command)) {
  RC_PRE(!command.empty());
  std::string bytes;
  resp::append(bytes, command);
  ScanProgress progress;
  auto piece_bytes = *rc::gen::inRange<size_t>(1, 20);
  for (size_t size = piece_bytes; size < bytes.size(); size += piece_bytes) {
    Scanned scanned = scan(std::string_view(bytes).substr(0, size), progress);
    RC_ASSERT(scanned.scan.state == ScanState::kPartial);
    RC_ASSERT(scanned.scan.wanted_bytes <= bytes.size());
    progress = scanned.progress;
  }
  Scanned scanned = scan(bytes, progress);
  RC_ASSERT(scanned.scan.state == ScanState::kWhole);
  RC_ASSERT(scanned.scan.size_bytes == bytes.size());
  RC_ASSERT(std::vector<std::string>(scanned.arguments.begin(), scanned.arguments.end()) == command);
}

}  // namespace
}  // namespace keyway::proxy
