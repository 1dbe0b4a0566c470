#include "engine/fleet.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "base/strings.h"
#include "engine/test_fake_server.h"

namespace keyway::engine {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

int64_t elapsed_ms(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - since)
      .count();
}

class FleetTest : public testing::Test {
 protected:
  asio::io_context io{1};
  Credentials credentials{"admin", "secret-word"};
  Fleet fleet{io, [this] { return credentials; }};
};

TEST_F(FleetTest, LogsInOnceAndKeepsTheConnection) {
  FakeServer server(io, echo);
  for (int i = 0; i < 3; ++i) {
    auto responses = fleet.exchange({{server.address(), {{"ECHO", "a"}, {"ECHO", "b"}}}}, 1000);
    ASSERT_EQ(responses.size(), 1u);
    ASSERT_TRUE(responses[0].ok()) << responses[0].error->message;
    ASSERT_EQ(responses[0].replies.size(), 2u);
    EXPECT_EQ(responses[0].replies[1].text, "b");
  }
  EXPECT_EQ(server.accepted, 1);
  ASSERT_EQ(server.seen.size(), 7u);
  EXPECT_EQ(server.seen[0], (resp::Command{"AUTH", "admin", "secret-word"}));
}

TEST_F(FleetTest, NoUserNoLogin) {
  credentials = {};
  FakeServer server(io, echo);
  EXPECT_EQ(fleet.call(server.address(), {"ECHO", "x"}, 1000)->text, "x");
  EXPECT_EQ(server.seen.size(), 1u);
}

TEST_F(FleetTest, ManyServersAtOnceInTheOrderOfRequests) {
  FakeServer one(io, echo);
  FakeServer two(io, echo, "::1");
  FakeServer three(io, [](const resp::Command& command) { return command[0] == "AUTH" ? "+OK\r\n" : ""; });
  std::vector<Request> requests = {{three.address(), {{"ECHO", "3"}}},
                                   {two.address(), {{"ECHO", "2"}}},
                                   {one.address(), {{"ECHO", "1"}}},
                                   {two.address(), {{"ECHO", "2b"}, {"ECHO", "2c"}}},
                                   {two.address(), {}}};
  auto begin = std::chrono::steady_clock::now();
  auto responses = fleet.exchange(requests, 60);
  EXPECT_GE(elapsed_ms(begin), 59);
  ASSERT_EQ(responses.size(), 5u);
  ASSERT_FALSE(responses[0].ok());
  EXPECT_EQ(responses[0].error->code, ErrorCode::kTimeout);
  EXPECT_NE(responses[0].error->message.find(to_string(three.address())), std::string::npos);
  EXPECT_EQ(responses[1].replies[0].text, "2");
  EXPECT_EQ(responses[2].replies[0].text, "1");
  EXPECT_EQ(responses[3].replies[1].text, "2c");
  EXPECT_TRUE(responses[4].ok());
  EXPECT_EQ(two.accepted, 1);
}

TEST_F(FleetTest, ALateReplyIsNeverTakenForTheNext) {
  int questions = 0;
  FakeServer server(io, [&](const resp::Command& command) -> std::string {
    if (command[0] == "AUTH") return "+OK\r\n";
    return ++questions == 2 ? "" : echo(command);  // the second stays without an answer
  });
  auto responses = fleet.exchange({{server.address(), {{"ECHO", "a"}, {"ECHO", "b"}, {"ECHO", "c"}}}}, 30);
  ASSERT_FALSE(responses[0].ok());
  EXPECT_EQ(responses[0].replies.size(),
            2u);  // a, and c in the place of b: the stream is worthless from here on
  auto reply = fleet.call(server.address(), {"ECHO", "d"}, 1000);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->text, "d");
  EXPECT_EQ(server.accepted, 2);
}

TEST_F(FleetTest, AConnectionThatTheServerClosedIsReopenedAndNothingIsSentTwice) {
  FakeServer server(io, echo);
  ASSERT_TRUE(fleet.call(server.address(), {"ECHO", "a"}, 1000));
  server.drop_clients();
  auto reply = fleet.call(server.address(), {"INCR", "n"}, 1000);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(server.accepted, 2);
  EXPECT_EQ(std::count(server.seen.begin(), server.seen.end(), resp::Command{"INCR", "n"}), 1);
}

TEST_F(FleetTest, AServerThatClosesInsteadOfAnsweringIsNotAskedAgain) {
  FakeServer server(
      io, [](const resp::Command& command) { return command[0] == "INCR" ? "close" : echo(command); });
  auto responses = fleet.exchange({{server.address(), {{"ECHO", "a"}, {"INCR", "n"}}}}, 1000);
  ASSERT_FALSE(responses[0].ok());
  EXPECT_EQ(responses[0].error->code, ErrorCode::kUnavailable);
  EXPECT_EQ(responses[0].replies.size(), 1u);
  EXPECT_EQ(std::count(server.seen.begin(), server.seen.end(), resp::Command{"INCR", "n"}), 1);
}

TEST_F(FleetTest, UnsolicitedRepliesCostTheConnection) {
  FakeServer server(io, [](const resp::Command& command) {
    return echo(command) + (command[0] == "AUTH" ? "" : "+extra\r\n");
  });
  EXPECT_EQ(fleet.call(server.address(), {"ECHO", "a"}, 1000)->text, "a");
  EXPECT_EQ(fleet.call(server.address(), {"ECHO", "b"}, 1000)->text, "b");
  EXPECT_EQ(server.accepted, 2);
}

TEST_F(FleetTest, RefusedLogins) {
  std::string answer;
  FakeServer server(
      io, [&](const resp::Command& command) { return command[0] == "AUTH" ? answer : echo(command); });
  struct {
    std::string_view answer;
    ErrorCode code;
  } cases[] = {
      {"-WRONGPASS invalid username-password pair or user is disabled.\r\n", ErrorCode::kDenied},
      {"-NOPERM this user has no permissions\r\n", ErrorCode::kDenied},
      {"-NOAUTH Authentication required.\r\n", ErrorCode::kDenied},
      {"-ERR max number of clients reached\r\n", ErrorCode::kUnavailable},
      {"-ERR unknown command 'AUTH', with args beginning with: 'admin' 'secret-word'\r\n",
       ErrorCode::kUnavailable},
      {":1\r\n", ErrorCode::kCorrupt},
  };
  for (const auto& refused : cases) {
    answer = refused.answer;
    auto reply = fleet.call(server.address(), {"ECHO", "a"}, 1000);
    ASSERT_FALSE(reply) << answer;
    EXPECT_EQ(reply.error().code, refused.code) << answer;
    EXPECT_NE(reply.error().message.find(to_string(server.address())), std::string::npos);
    EXPECT_EQ(reply.error().message.find("secret-word"), std::string::npos) << reply.error().message;
  }
  for (const resp::Command& command : server.seen) EXPECT_EQ(command[0], "AUTH");

  answer = "+OK\r\n";  // the next exchange tries again
  EXPECT_TRUE(fleet.call(server.address(), {"ECHO", "a"}, 1000));
}

TEST_F(FleetTest, LoadingInsteadOfLoginIsTheAnswerToEveryCommand) {
  bool loading = true;
  FakeServer server(io, [&](const resp::Command& command) {
    return loading ? "-LOADING Redis is loading the dataset in memory\r\n" : echo(command);
  });
  std::vector<Request> requests = {{server.address(), {{"INFO"}, {"PING"}}}, {server.address(), {{"TIME"}}}};
  auto responses = fleet.exchange(requests, 1000);
  ASSERT_TRUE(responses[0].ok());
  ASSERT_TRUE(responses[1].ok());
  ASSERT_EQ(responses[0].replies.size(), 2u);
  EXPECT_EQ(responses[0].replies[1].error_code(), "LOADING");
  EXPECT_EQ(responses[1].replies[0].error_code(), "LOADING");
  EXPECT_EQ(server.seen.size(), 1u);
  loading = false;
  EXPECT_EQ(fleet.call(server.address(), {"ECHO", "a"}, 1000)->text, "a");
  EXPECT_EQ(server.accepted, 2);
}

TEST_F(FleetTest, NotAServer) {
  FakeServer server(io, [](const resp::Command&) { return "HTTP/1.1 400 Bad Request\r\n\r\n"; });
  auto reply = fleet.call(server.address(), {"ECHO", "a"}, 1000);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(reply.error().message.find(to_string(server.address())), std::string::npos);
}

TEST_F(FleetTest, NobodyListens) {
  FakeServer server(io, echo);
  Address address = server.address();
  server.stop_listening();
  auto reply = fleet.call(address, {"PING"}, 1000);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(reply.error().message.find(to_string(address)), std::string::npos);
  reply = fleet.call({"localhost", 1}, {"PING"}, 1000);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
}

TEST_F(FleetTest, LargeRequestsAndReplies) {
  FakeServer server(io, echo);
  std::string value(3 << 20, 'x');
  auto reply = fleet.call(server.address(), {"ECHO", value}, 10'000);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text, value);
}

TEST_F(FleetTest, AReplyBeyondTheLimitIsRefused) {
  FakeServer server(
      io, [](const resp::Command& command) { return command[0] == "AUTH" ? "+OK\r\n" : "$67108865\r\n"; });
  auto reply = fleet.call(server.address(), {"GET", "huge"}, 1000);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kCorrupt);
}

TEST_F(FleetTest, OtherHandlersRunMeanwhileAndAnExchangeMayBeginInOne) {
  FakeServer server(io, echo);
  int others = 0;
  std::function<void()> again = [&] {
    if (++others < 1000) asio::post(io, again);
  };
  asio::post(io, again);
  asio::steady_timer later(io, std::chrono::hours(1));
  later.async_wait([](error_code) {});

  bool done = false;
  asio::post(io, [&] {
    auto reply = fleet.call(server.address(), {"ECHO", "a"}, 1000);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->text, "a");
    done = true;
  });
  while (!done) ASSERT_GT(io.run_one_for(std::chrono::seconds(2)), 0u);
  EXPECT_GT(others, 1);
}

TEST_F(FleetTest, KeepOnlyDropsTheOthers) {
  FakeServer one(io, echo);
  FakeServer two(io, echo);
  fleet.exchange({{one.address(), {{"ECHO", "a"}}}, {two.address(), {{"ECHO", "a"}}}}, 1000);
  fleet.keep_only({two.address()});
  fleet.exchange({{one.address(), {{"ECHO", "a"}}}, {two.address(), {{"ECHO", "a"}}}}, 1000);
  EXPECT_EQ(one.accepted, 2);
  EXPECT_EQ(two.accepted, 1);
}

}  // namespace
}  // namespace keyway::engine
