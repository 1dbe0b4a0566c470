#include "engine/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <optional>

#include "engine/fleet.h"
#include "engine/test_fake_server.h"
#include "engine/test_name_server.h"

namespace keyway::engine {
namespace {

namespace asio = boost::asio;

using Ips = Result<std::vector<std::string>>;

class ResolverTest : public testing::Test {
 protected:
  // What is answered for `host`; nothing if no answer comes in time.
  std::optional<Ips> resolve(Resolver& resolver, const std::string& host) {
    std::optional<Ips> answer;
    resolver.resolve(host, [&](const Ips& ips) { answer = ips; });
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!answer && io.run_one_until(end) > 0) {
    }
    return answer;
  }

  asio::io_context io{1};
  TestNameServer names{io};
};

TEST_F(ResolverTest, AddressesOfBothKinds) {
  names.add("db.example", {"127.0.0.7", "127.0.0.8"}, {"::1"});
  Resolver resolver(io, names.address());
  auto ips = resolve(resolver, "db.example");
  ASSERT_TRUE(ips && *ips) << (ips ? ips->error().message : "no answer");
  EXPECT_THAT(**ips, testing::UnorderedElementsAre("127.0.0.7", "127.0.0.8", "::1"));
}

TEST_F(ResolverTest, AnswersComeFromOneSocketAfterTheOther) {
  names.add("one.example", {"127.0.0.1"}, {});
  names.add("two.example", {"127.0.0.2"}, {});
  Resolver resolver(io, names.address());
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ((*resolve(resolver, "one.example"))->front(), "127.0.0.1");
    EXPECT_EQ((*resolve(resolver, "two.example"))->front(), "127.0.0.2");
  }
}

TEST_F(ResolverTest, ANameThatNobodyKnows) {
  Resolver resolver(io, names.address());
  auto ips = resolve(resolver, "missing.example");
  ASSERT_TRUE(ips && !*ips);
  EXPECT_EQ(ips->error().code, ErrorCode::kNotFound);
  EXPECT_THAT(ips->error().message, testing::HasSubstr("missing.example"));
}

TEST_F(ResolverTest, ASilentNameServer) {
  names.add("db.example", {"127.0.0.7"}, {});
  names.fall_silent();
  Resolver resolver(io, names.address());
  auto ips = resolve(resolver, "db.example");
  ASSERT_TRUE(ips && !*ips);
  EXPECT_EQ(ips->error().code, ErrorCode::kUnavailable);
  EXPECT_GT(names.questions, 1);
}

TEST_F(ResolverTest, TheFileOfHostsComesFirst) {
  Resolver resolver(io, names.address());
  auto ips = resolve(resolver, "localhost");
  ASSERT_TRUE(ips && *ips);
  EXPECT_THAT(**ips, testing::Contains("127.0.0.1"));
  EXPECT_EQ(names.questions, 0);
}

TEST_F(ResolverTest, OpenQuestionsAreAnsweredWhenItEnds) {
  names.fall_silent();
  std::optional<Ips> answer;
  {
    Resolver resolver(io, names.address());
    resolver.resolve("db.example", [&](const Ips& ips) { answer = ips; });
    EXPECT_FALSE(answer);
  }
  ASSERT_TRUE(answer);
  EXPECT_FALSE(*answer);
}

class FleetNamesTest : public testing::Test {
 protected:
  Fleet fleet(int64_t connect_timeout_ms = 0) {
    return Fleet(io, [] { return Credentials{}; },
                 {.tls = {}, .connect_timeout_ms = connect_timeout_ms, .name_servers = names.address()});
  }

  asio::io_context io{1};
  TestNameServer names{io};
};

TEST_F(FleetNamesTest, AServerByItsName) {
  FakeServer server(io, echo);
  Fleet connections = fleet();
  names.add("db.example", {"127.0.0.1"}, {});
  for (int i = 0; i < 2; ++i) {
    auto reply = connections.call({"db.example", server.address().port}, {"ECHO", "x"}, 3000);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->text, "x");
  }
  EXPECT_EQ(connections.call({"localhost", server.address().port}, {"ECHO", "y"}, 3000)->text, "y");
}

TEST_F(FleetNamesTest, TheNextAddressIsTriedIfOneRefuses) {
  FakeServer server(io, echo, "127.0.0.3");
  Fleet connections = fleet();
  names.add("db.example", {"127.0.0.2", "127.0.0.3", "127.0.0.4"}, {"::1"});
  auto reply = connections.call({"db.example", server.address().port}, {"ECHO", "x"}, 3000);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text, "x");
}

TEST_F(FleetNamesTest, AllAddressesRefuse) {
  FakeServer server(io, echo);
  Address address{"db.example", server.address().port};
  server.stop_listening();
  Fleet connections = fleet();
  names.add("db.example", {"127.0.0.2", "127.0.0.3"}, {});
  auto reply = connections.call(address, {"PING"}, 3000);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(reply.error().message, testing::HasSubstr(to_string(address)));
  EXPECT_THAT(reply.error().message, testing::HasSubstr("127.0.0.2"));
}

TEST_F(FleetNamesTest, AnUnknownNameIsToldByName) {
  Fleet connections = fleet();
  auto reply = connections.call({"missing.example", 6379}, {"PING"}, 3000);
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, testing::HasSubstr("missing.example"));
}

TEST_F(FleetNamesTest, TheDeadlineHoldsForNamesToo) {
  names.fall_silent();
  Fleet connections = fleet();
  auto begin = std::chrono::steady_clock::now();
  auto reply = connections.call({"db.example", 6379}, {"PING"}, 80);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(reply.error().message, testing::HasSubstr("db.example:6379: its address was not found"));
}

// A listener whose queue is full answers no further connection, as a host that is down.
class FullListener {
 public:
  explicit FullListener(asio::io_context& io)
      : acceptor_(io, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)) {
    acceptor_.listen(0);
    for (int i = 0; i < 8; ++i) {
      asio::ip::tcp::socket& waiting = waiting_.emplace_back(io, asio::ip::tcp::v4());
      waiting.non_blocking(true);
      auto to = acceptor_.local_endpoint();
      // Not Asio's, which would wait for the end of it.
      EXPECT_TRUE(::connect(waiting.native_handle(), to.data(), static_cast<socklen_t>(to.size())) == 0 ||
                  errno == EINPROGRESS);
    }
  }
  Address address() const { return {"127.0.0.1", acceptor_.local_endpoint().port()}; }

 private:
  asio::ip::tcp::acceptor acceptor_;
  std::vector<asio::ip::tcp::socket> waiting_;
};

TEST_F(FleetNamesTest, ConnectingHasADeadlineOfItsOwn) {
  FullListener listener(io);
  Fleet connections = fleet(60);
  auto begin = std::chrono::steady_clock::now();
  auto reply = connections.call(listener.address(), {"PING"}, 10'000);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(reply.error().message, testing::HasSubstr("no answer within 60 ms"));
}

TEST_F(FleetNamesTest, AnAddressThatDoesNotAnswerGivesWayToTheNext) {
  FullListener listener(io);
  uint16_t port = listener.address().port;
  asio::ip::tcp::acceptor same_port(io, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.2"), port));
  names.add("db.example", {"127.0.0.1", "127.0.0.2"}, {});
  Fleet connections = fleet();
  bool accepted = false;
  same_port.async_accept([&](boost::system::error_code error, asio::ip::tcp::socket socket) {
    accepted = !error;
    socket.close();
  });
  auto reply = connections.call({"db.example", port}, {"PING"}, 5000);
  EXPECT_TRUE(accepted) << reply.error().message;
}

}  // namespace
}  // namespace keyway::engine
