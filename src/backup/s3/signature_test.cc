#include "backup/s3/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/digest.h"
#include "base/strings.h"

namespace keyway::backup::s3 {
namespace {

using ::testing::EndsWith;

// The examples that AWS publishes: those of S3's API reference ("Examples: signature calculations"), and
// those of the test suite of Signature Version 4. Their keys are of no account.
class S3Examples : public testing::Test {
 protected:
  std::string sign(ToSign request, std::string_view payload) const {
    constexpr std::string_view time = "20130524T000000Z";
    request.payload_sha256 = hex(sha256(payload));
    request.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
    request.headers.emplace_back("x-amz-content-sha256", request.payload_sha256);
    request.headers.emplace_back("x-amz-date", time);
    return authorization(request, keys_, {.region = "us-east-1"}, time);
  }
  Keys keys_{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
};

TEST_F(S3Examples, GetWithRange) {
  EXPECT_EQ(sign({.method = "GET",
                  .path = "/test.txt",
                  .query = {},
                  .headers = {{"Range", "bytes=0-9"}},
                  .payload_sha256 = {}},
                 ""),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(S3Examples, Put) {
  ToSign request{
      .method = "PUT",
      .path = "/" + uri_encoded("test$file.text", true),
      .query = {},
      .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
      .payload_sha256 = {}};
  EXPECT_EQ(request.path, "/test%24file.text");
  EXPECT_THAT(sign(request, "Welcome to Amazon S3."),
              EndsWith("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST_F(S3Examples, SubresourceWithoutValue) {
  EXPECT_THAT(
      sign({.method = "GET", .path = "/", .query = {{"lifecycle", ""}}, .headers = {}, .payload_sha256 = {}},
           ""),
      EndsWith("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST_F(S3Examples, List) {
  EXPECT_THAT(sign({.method = "GET",
                    .path = "/",
                    .query = {{"prefix", "J"}, {"max-keys", "2"}},
                    .headers = {},
                    .payload_sha256 = {}},
                   ""),
              EndsWith("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

class SuiteExamples : public testing::Test {
 protected:
  std::string sign(std::string method, Fields query, Fields more = {}) const {
    constexpr std::string_view time = "20150830T123600Z";
    ToSign request{.method = std::move(method),
                   .path = "/",
                   .query = std::move(query),
                   .headers = std::move(more),
                   .payload_sha256 = hex(sha256(""))};
    request.headers.emplace_back("Host", "example.amazonaws.com");
    request.headers.emplace_back("X-Amz-Date", time);
    Keys keys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
    return authorization(request, keys, {.region = "us-east-1", .service = "service"}, time);
  }
};

TEST_F(SuiteExamples, GetVanilla) {
  EXPECT_THAT(sign("GET", {}),
              EndsWith("Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
}

TEST_F(SuiteExamples, PostVanilla) {
  EXPECT_THAT(sign("POST", {}),
              EndsWith("Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"));
}

TEST_F(SuiteExamples, QueryOrder) {
  EXPECT_THAT(sign("GET", {{"Param2", "value2"}, {"Param1", "value1"}}),
              EndsWith("Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"));
}

TEST_F(SuiteExamples, HeaderOrderAndBlanks) {
  EXPECT_EQ(sign("GET", {}, {{"My-Header2", "  a   b  "}, {"my-header1", "x"}}),
            sign("GET", {}, {{"MY-HEADER1", "x "}, {"my-header2", "a b"}}));
}

TEST(Signature, WritesTimes) {
  EXPECT_EQ(signature_time(1'440'938'160'123), "20150830T123600Z");
  EXPECT_EQ(signature_time(0), "19700101T000000Z");
}

TEST(Signature, Encodes) {
  EXPECT_EQ(uri_encoded("a/b c~\xc3\xa9+", true), "a/b%20c~%C3%A9%2B");
  EXPECT_EQ(uri_encoded("a/b", false), "a%2Fb");
  EXPECT_EQ(query_text({{"uploadId", "x=="}, {"partNumber", "1"}}), "partNumber=1&uploadId=x%3D%3D");
}

}  // namespace
}  // namespace keyway::backup::s3
