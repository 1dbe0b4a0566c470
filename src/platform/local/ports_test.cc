#include "platform/local/ports.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "platform/local/test_home.h"

namespace keyway::platform::local {
namespace {

using testing::HasSubstr;

// A listener of this process.
Fd listen_on(const std::string& host, int port) {
  bool v6 = host.find(':') != std::string::npos;
  Fd fd(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  socklen_t length = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (v6) {
    auto* at = reinterpret_cast<sockaddr_in6*>(&storage);
    at->sin6_family = AF_INET6;
    at->sin6_port = htons(static_cast<uint16_t>(port));
    ::inet_pton(AF_INET6, host.c_str(), &at->sin6_addr);
  } else {
    auto* at = reinterpret_cast<sockaddr_in*>(&storage);
    at->sin_family = AF_INET;
    at->sin_port = htons(static_cast<uint16_t>(port));
    ::inet_pton(AF_INET, host.c_str(), &at->sin_addr);
  }
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
  EXPECT_EQ(::listen(fd.get(), 1), 0);
  return fd;
}

bool has_ipv6() { return test_port("::1", 0).has_value(); }

PortWish wish_for(int first, int count, const std::string& host = "127.0.0.1") {
  PortWish wish;
  wish.host = host;
  wish.count = count;
  wish.first = first;
  return wish;
}

TEST(PortHolder, IsFoundOnEachKindOfAddress) {
  std::vector<std::pair<std::string, std::string>> cases = {{"127.0.0.1", "127.0.0.1"},
                                                            {"0.0.0.0", "127.0.0.1"}};
  if (has_ipv6()) cases.insert(cases.end(), {{"::1", "::1"}, {"::", "::1"}, {"::", "127.0.0.1"}});
  for (const auto& [listens, asked] : cases) {
    auto port = static_cast<uint16_t>(free_row(1));
    EXPECT_FALSE(find_port_holder(asked, port)) << listens;
    Fd fd = listen_on(listens, port);
    std::optional<PortHolder> holder = find_port_holder(asked, port);
    ASSERT_TRUE(holder) << listens << " " << asked;
    EXPECT_EQ(holder->pid, ::getpid());
    EXPECT_EQ(holder->program, name_of(::getpid()));
    EXPECT_EQ(test_port(asked, port).error().code, ErrorCode::kConflict);
  }
}

TEST(PortHolder, OnAnotherAddressIsNotInTheWay) {
  auto port = static_cast<uint16_t>(free_row(1));
  Fd fd = listen_on("127.0.0.2", port);
  EXPECT_FALSE(find_port_holder("127.0.0.1", port));
  EXPECT_TRUE(test_port("127.0.0.1", port));
}

TEST(TestPort, HostMustBeAnAddressOfThisMachine) {
  for (const char* host : {"203.0.113.7", "example.org", ""}) {
    Status status = test_port(host, 0);
    ASSERT_FALSE(status) << host;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(status.error().message, HasSubstr("spec.local.host"));
  }
}

TEST(ChoosePorts, NamesWhoHoldsEachTakenPort) {
  int first = free_row(4);
  Fd data = listen_on("127.0.0.1", first + 1);
  Fd bus = listen_on("127.0.0.1", first + 2 + 10000);
  PortWish wish = wish_for(first, 4);
  wish.recorded[static_cast<uint16_t>(first + 3)] = "cluster red";
  Result<std::vector<uint16_t>> ports = choose_ports(wish);
  ASSERT_FALSE(ports);
  EXPECT_EQ(ports.error().code, ErrorCode::kConflict);
  std::string self = name_of(::getpid()) + " (pid " + std::to_string(::getpid()) + ")";
  EXPECT_THAT(ports.error().message, HasSubstr("port " + std::to_string(first + 1) + " is held by " + self));
  EXPECT_THAT(ports.error().message,
              HasSubstr("port " + std::to_string(first + 10002) + " (the cluster bus of port " +
                        std::to_string(first + 2) + ") is held by " + self));
  EXPECT_THAT(ports.error().message,
              HasSubstr("port " + std::to_string(first + 3) + " belongs to cluster red"));
  EXPECT_THAT(ports.error().message, HasSubstr("--port"));
  wish.count = 1;
  EXPECT_EQ(choose_ports(wish).value(), std::vector<uint16_t>{static_cast<uint16_t>(first)});
  wish = wish_for(first + 2, 1);
  wish.with_bus = false;
  EXPECT_TRUE(choose_ports(wish)) << "without a bus its port does not matter";
}

TEST(ChoosePorts, TakesABlockThatNobodyRecordedOrHolds) {
  PortWish wish = wish_for(0, 3);
  Result<std::vector<uint16_t>> ports = choose_ports(wish);
  ASSERT_TRUE(ports) << ports.error().message;
  EXPECT_EQ((*ports)[0] % 100, 0);
  EXPECT_EQ((*ports)[1], (*ports)[0] + 1);
  EXPECT_EQ((*ports)[2], (*ports)[0] + 2);
  wish.recorded[(*ports)[2]] = "cluster red";
  Result<std::vector<uint16_t>> others = choose_ports(wish);
  ASSERT_TRUE(others);
  EXPECT_GT((*others)[0], (*ports)[2]);
  Fd bus = listen_on("127.0.0.1", (*others)[1] + 10000);
  EXPECT_GT(choose_ports(wish).value()[0], (*others)[2]);
}

TEST(ChoosePorts, RefusesPortsWithoutABusPort) {
  EXPECT_EQ(choose_ports(wish_for(55535, 2)).error().code, ErrorCode::kInvalidArgument);
  PortWish wish = wish_for(0, 20'000);
  EXPECT_EQ(choose_ports(wish).error().code, ErrorCode::kExhausted);
}

TEST(ChooseFurtherPorts, FillsGaps) {
  int first = free_row(4);
  PortWish wish = wish_for(first, 2);
  wish.recorded[static_cast<uint16_t>(first)] = "this cluster";
  wish.recorded[static_cast<uint16_t>(first + 2)] = "this cluster";
  Result<std::vector<uint16_t>> ports = choose_further_ports(wish);
  ASSERT_TRUE(ports);
  EXPECT_EQ(*ports,
            (std::vector<uint16_t>{static_cast<uint16_t>(first + 1), static_cast<uint16_t>(first + 3)}));
}

}  // namespace
}  // namespace keyway::platform::local
