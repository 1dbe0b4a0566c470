#include "base/tcp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace keyway {
namespace {

using testing::HasSubstr;

struct Listener {
  explicit Listener(Result<int> made) : fd(made ? *made : -1), why(made ? "" : made.error().message) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() {
    if (fd >= 0) close(fd);
  }
  int fd;
  std::string why;
};

TEST(Tcp, NobodyElseListensThere) {
  Listener first(listen_at({"127.0.0.1", 0}));
  ASSERT_GE(first.fd, 0) << first.why;
  Address here = local_of(first.fd);
  EXPECT_THAT(Listener(listen_at(here)).why, HasSubstr("another program listens there; end it, or choose"));
  EXPECT_THAT(Listener(listen_at({"0.0.0.0", here.port})).why, HasSubstr("another program listens there"));
  {
    Listener beside(listen_beside(first.fd));
    ASSERT_GE(beside.fd, 0) << beside.why;
    EXPECT_THAT(Listener(listen_at(here)).why, HasSubstr("another program listens there"));
  }
  EXPECT_THAT(Listener(listen_at(here)).why, HasSubstr("another program listens there"));
  EXPECT_THAT(Listener(listen_at({"a-name", 1})).why, HasSubstr("is no IP address"));
}

TEST(Tcp, AnAddressIsFreeWhenAllOfItsListenersAreGone) {
  Address here;
  {
    Listener first(listen_at({"127.0.0.1", 0}));
    ASSERT_GE(first.fd, 0) << first.why;
    here = local_of(first.fd);
    Listener beside(listen_beside(first.fd));
    ASSERT_GE(beside.fd, 0) << beside.why;
  }
  Listener next(listen_at(here));
  EXPECT_GE(next.fd, 0) << next.why;
}

TEST(Tcp, ListenersBesideEachOtherShareTheClients) {
  constexpr int kClients = 64;
  Listener first(listen_at({"127.0.0.1", 0}));
  Listener second(listen_beside(first.fd));
  Listener third(listen_beside(first.fd));
  ASSERT_GE(third.fd, 0) << third.why;
  std::array<int, 3> taken{};
  for (int i = 0; i < kClients; ++i) {
    Result<int> client = begin_connect(local_of(first.fd));
    ASSERT_TRUE(client);
    std::array<pollfd, 3> ready = {{{first.fd, POLLIN, 0}, {second.fd, POLLIN, 0}, {third.fd, POLLIN, 0}}};
    ASSERT_EQ(poll(ready.data(), ready.size(), 5000), 1);
    for (size_t k = 0; k < ready.size(); ++k) {
      if (ready[k].revents == 0) continue;
      ++taken[k];
      close(accept(ready[k].fd, nullptr, nullptr));
    }
    close(*client);
  }
  for (int count : taken) EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace keyway
