#include "platform/http_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::platform {
namespace {

using testing::HasSubstr;

struct Answer {
  HttpResponse response;
  std::string body;
  Status status;
};

// Fed in pieces of `piece` bytes, up to the first error.
Answer read(std::string_view bytes, size_t piece) {
  Answer answer;
  for (size_t at = 0; at < bytes.size() && answer.status; at += piece) {
    answer.status = answer.response.feed(bytes.substr(at, piece), [&](std::string_view part) {
      answer.body += part;
      return Status();
    });
  }
  return answer;
}

class HttpResponseTest : public testing::TestWithParam<size_t> {};

TEST_P(HttpResponseTest, Sized) {
  Answer answer =
      read("HTTP/1.1 200 OK\r\nContent-Type: text/x\r\ncontent-length: 5\r\n\r\nhello", GetParam());
  ASSERT_TRUE(answer.status);
  EXPECT_TRUE(answer.response.done());
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.response.head().status, 200);
  EXPECT_EQ(answer.response.head().content_type, "text/x");
  EXPECT_TRUE(answer.response.head().keep_alive);
}

TEST_P(HttpResponseTest, Chunked) {
  Answer answer = read(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n 123456789\r\n0\r\nX: "
      "y\r\n\r\n",
      GetParam());
  ASSERT_TRUE(answer.status) << answer.status.error().message;
  EXPECT_TRUE(answer.response.done());
  EXPECT_EQ(answer.body, "hello 123456789");
}

TEST_P(HttpResponseTest, UntilTheConnectionEnds) {
  Answer answer = read("HTTP/1.0 200 OK\r\n\r\nhello", GetParam());
  ASSERT_TRUE(answer.status);
  EXPECT_FALSE(answer.response.done());
  EXPECT_TRUE(answer.response.finish());
  EXPECT_TRUE(answer.response.done());
  EXPECT_EQ(answer.body, "hello");
  EXPECT_FALSE(answer.response.head().keep_alive);
}

TEST_P(HttpResponseTest, WithoutABody) {
  for (const char* text : {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                           "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n"}) {
    Answer answer = read(text, GetParam());
    EXPECT_TRUE(answer.status);
    EXPECT_TRUE(answer.response.done()) << text;
  }
}

TEST_P(HttpResponseTest, WhatIsNoAnswer) {
  for (const char* text :
       {"SSH-2.0-x\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc"}) {
    Answer answer = read(text, GetParam());
    ASSERT_FALSE(answer.status) << text;
    EXPECT_EQ(answer.status.error().code, ErrorCode::kCorrupt);
  }
}

INSTANTIATE_TEST_SUITE_P(Pieces, HttpResponseTest, testing::Values(1, 3, 1000));

TEST(HttpResponseHeadTest, FieldsThatAreActedUpon) {
  EXPECT_EQ(read("HTTP/1.1 429 x\r\nRetry-After: 7\r\n\r\n", 100).response.head().retry_after_s, 7);
  EXPECT_FALSE(read("HTTP/1.1 429 x\r\nRetry-After: tomorrow\r\n\r\n", 100).response.head().retry_after_s);
  EXPECT_FALSE(read("HTTP/1.1 200 x\r\nConnection: close\r\n\r\n", 100).response.head().keep_alive);
}

TEST(HttpResponseHeadTest, IsBounded) {
  std::string line = "HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x');
  EXPECT_FALSE(read(line, 1'000).status);
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100; ++i) many += "X: " + std::string(1'000, 'x') + "\r\n";
  EXPECT_FALSE(read(many, 1'000).status);
}

TEST(HttpResponseHeadTest, AnEarlyEnd) {
  EXPECT_THAT(HttpResponse().finish().error().message, HasSubstr("without an answer"));
  Answer half = read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 100);
  EXPECT_THAT(half.response.finish().error().message, HasSubstr("in the middle of its answer"));
}

}  // namespace
}  // namespace keyway::platform
