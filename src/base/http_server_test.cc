#include "base/http_server.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>

#include "base/http_get.h"

namespace keyway {
namespace {

// The signal can only come to the server's thread, which waits for somebody to ask.
TEST(HttpServerThread, OutlivesSignals) {
  struct sigaction noted{};
  noted.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGUSR1, &noted, nullptr), 0);
  auto server =
      HttpServer::start({"127.0.0.1", 0}, [](std::string_view) { return HttpAnswer{200, "text\n"}; });
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(http_get((*server)->address(), "/", 5000).value_or(""), "text\n");
  sigset_t here;
  ::sigemptyset(&here);
  ::sigaddset(&here, SIGUSR1);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &here, nullptr), 0);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(::kill(::getpid(), SIGUSR1), 0);
    EXPECT_EQ(http_get((*server)->address(), "/", 5000).value_or(""), "text\n");
  }
}

}  // namespace
}  // namespace keyway
