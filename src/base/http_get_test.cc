#include "base/http_get.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/http_server.h"
#include "base/tcp.h"

namespace keyway {
namespace {

using testing::HasSubstr;

TEST(HttpGet, AsksTheServer) {
  std::string large(size_t{5} << 20, 'x');
  auto server = HttpServer::start({"127.0.0.1", 0}, [&](std::string_view path) {
    if (path == "/large") return HttpAnswer{200, large};
    return path == "/small" ? HttpAnswer{200, "text\n"} : HttpAnswer{404, "nothing\n"};
  });
  ASSERT_TRUE(server) << server.error().message;
  const Address& address = (*server)->address();
  EXPECT_EQ(http_get(address, "/small", 5000).value_or(""), "text\n");
  EXPECT_EQ(http_get(address, "/large", 5000).value_or(""), large);
  EXPECT_EQ(http_get(address, "/none", 5000).error().code, ErrorCode::kNotFound);
}

TEST(HttpGet, NobodyAnswers) {
  Address nowhere;
  {
    Result<int> listener = listen_at({"127.0.0.1", 0});
    ASSERT_TRUE(listener);
    nowhere = {"127.0.0.1", local_of(*listener).port};
    // It listens and never answers.
    Result<std::string> late = http_get(nowhere, "/", 50);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::kTimeout);
    close(*listener);
  }
  Result<std::string> refused = http_get(nowhere, "/", 5000);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("Connection refused"));
  EXPECT_EQ(http_get({"a-name", 1}, "/", 50).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace keyway
