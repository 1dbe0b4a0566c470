#include "backup/s3/s3_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "backup/s3/refusal.h"
#include "backup/s3/test_bucket.h"
#include "backup/test_store.h"
#include "base/clock.h"

namespace keyway::backup::s3 {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr size_t kEnough = 1'000'000;
constexpr int kManyBytes = 1050;  // eleven parts

std::string many_bytes() {
  std::string bytes;
  for (int i = 0; i < kManyBytes; ++i) bytes += static_cast<char>('a' + i % 17);
  return bytes;
}

class S3StoreTest : public testing::Test {
 protected:
  std::unique_ptr<Store> store(const std::string& url = "s3://bucket/backups",
                               const S3Options& options = {}) {
    return open_s3_store(bucket_.settings(url, options), TestBucket::keys(), nullptr);
  }
  // The first `times` requests that begin so get that answer; empty: the connection is closed.
  void answer_first(int times, std::string begin, std::string answer) {
    bucket_.misbehave([times, begin = std::move(begin), answer = std::move(answer)](
                          const TestRequest& request, TestApiPeer& peer) mutable {
      if (times == 0 || !(request.method + " " + request.target).starts_with(begin)) return false;
      --times;
      answer.empty() ? peer.close() : peer.send(answer);
      return true;
    });
  }
  // What a listing fails with when every request is answered so.
  Error refused(const std::string& answer) {
    answer_first(-1, "", answer);
    auto listed = store()->list("");
    EXPECT_FALSE(listed);
    return listed ? Error{} : listed.error();
  }

  TestBucket bucket_;
};

TEST_F(S3StoreTest, KeepsObjects) {
  auto kept = store();
  ASSERT_TRUE(write_object(*kept, "shop/1/a.json", "first"));
  ASSERT_TRUE(write_object(*kept, "shop/1/a.json", "second"));
  for (const char* name : {"shop/2/b", "shop/2/c", "shop/2/d", "other/1/e", "other/1/f"})
    ASSERT_TRUE(write_object(*kept, name, "12345"));
  bucket_.put("backups/not a name", "x");
  EXPECT_EQ(*read_object(*kept, "shop/1/a.json", kEnough), "second");
  auto objects = kept->list("");
  ASSERT_TRUE(objects);
  ASSERT_EQ(objects->size(), 6U);
  EXPECT_EQ(objects->front().name, "other/1/e");
  EXPECT_EQ(objects->front().size_bytes, 5);
  EXPECT_GT(objects->front().changed_ms, 1'500'000'000'000);
  EXPECT_EQ(kept->list("shop/1")->size(), 1U);
  EXPECT_THAT(*kept->list("sho"), IsEmpty());
  ASSERT_TRUE(kept->remove("shop/1/a.json"));
  ASSERT_TRUE(kept->remove("shop/1/a.json"));
  EXPECT_EQ(kept->get("shop/1/a.json").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(kept->put("../a").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(S3StoreTest, WritesLargeObjectsInPartsAndReadsThemFromAnyPlace) {
  auto kept = store("s3://bucket");
  std::string bytes = many_bytes();
  ASSERT_TRUE(write_object(*kept, "shop/1/a", bytes));
  EXPECT_EQ(bucket_.objects()["shop/1/a"], bytes);
  EXPECT_EQ(bucket_.count("PUT /bucket/shop/1/a?partNumber="), 11U);
  EXPECT_EQ(bucket_.uploads(), 0U);
  EXPECT_EQ(*read_object(*kept, "shop/1/a", kEnough), bytes);
  std::string rest(kEnough, '\0');
  auto reader = kept->get("shop/1/a", kManyBytes - 3);
  ASSERT_TRUE(reader);
  EXPECT_EQ(*(*reader)->read(rest.data(), rest.size()), 3U);
  EXPECT_EQ(*(*reader)->read(rest.data(), rest.size()), 0U);
  EXPECT_EQ(*(*kept->get("shop/1/a", kManyBytes))->read(rest.data(), rest.size()), 0U);
}

TEST_F(S3StoreTest, ShowsNothingThatIsNotCommitted) {
  auto kept = store();
  {
    auto writer = kept->put("shop/1/a");
    ASSERT_TRUE((*writer)->write(many_bytes()));
    EXPECT_EQ(bucket_.uploads(), 1U);
    EXPECT_EQ(kept->get("shop/1/a").error().code, ErrorCode::kNotFound);
  }
  EXPECT_EQ(bucket_.uploads(), 0U);
  EXPECT_THAT(bucket_.objects(), IsEmpty());
}

TEST_F(S3StoreTest, ListsAndRemovesUploadsThatWereLeft) {
  auto kept = store();
  ASSERT_TRUE(write_object(*kept, "shop/1/b", "x"));
  // The abort is lost, too.
  answer_first(4, "DELETE ", s3_error(403, "AccessDenied"));
  ASSERT_TRUE((*kept->put("shop/1/a.rdb"))->write(many_bytes()));
  ASSERT_EQ(bucket_.uploads(), 1U);
  answer_first(0, "", "");
  auto objects = kept->list("shop/1");
  ASSERT_TRUE(objects);
  ASSERT_EQ(objects->size(), 2U);
  EXPECT_THAT(objects->front().name, testing::MatchesRegex("shop/1/a\\.rdb\\.[0-9a-f]{12}\\.part"));
  ASSERT_TRUE(kept->remove(objects->front().name));
  EXPECT_EQ(bucket_.uploads(), 0U);
  // A server that cannot list them has none as far as we know.
  answer_first(1, "GET /bucket?prefix=backups%2F&uploads=", s3_error(501, "NotImplemented"));
  EXPECT_EQ(kept->list("")->size(), 1U);
}

TEST_F(S3StoreTest, TriesAgain) {
  auto kept = store();
  std::string bytes = many_bytes();
  for (const std::string& answer :
       {s3_error(503, "SlowDown"), s3_error(500, "InternalError", "Retry-After: 1\r\n"), http_answer(429, ""),
        http_answer(502, "<html>bad gateway</html>", "", "text/html"), s3_error(400, "BadDigest"),
        std::string()}) {
    answer_first(2, "PUT ", answer);
    EXPECT_TRUE(write_object(*kept, "shop/1/a", bytes)) << answer;
    answer_first(2, "POST ", answer);
    EXPECT_TRUE(write_object(*kept, "shop/1/b", bytes)) << answer;
    answer_first(2, "GET ", answer);
    EXPECT_EQ(read_object(*kept, "shop/1/a", kEnough).value_or("none"), bytes) << answer;
    answer_first(2, "GET ", answer);
    EXPECT_EQ(kept->list("")->size(), 2U) << answer;
  }
}

TEST_F(S3StoreTest, GivesUpAtLast) {
  Error error = refused(s3_error(503, "SlowDown"));
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("list s3://bucket/backups: "));
  EXPECT_THAT(error.message, HasSubstr("503 SlowDown: Some & more, request R1, 4 tries in "));
  EXPECT_EQ(bucket_.count("GET"), 4U);
  // Nothing has ever been answered: less patience.
  EXPECT_EQ(refused("").code, ErrorCode::kUnavailable);
  EXPECT_EQ(bucket_.count("GET"), 7U);
}

TEST_F(S3StoreTest, TriesNothingAgainOnceItIsInterrupted) {
  answer_first(-1, "", s3_error(503, "SlowDown"));
  auto kept = open_s3_store(bucket_.settings(), TestBucket::keys(), [] { return true; });
  EXPECT_FALSE(kept->list(""));
  EXPECT_EQ(bucket_.count("GET"), 1U);
}

TEST_F(S3StoreTest, GoesOnReadingWhereAConnectionWasLost) {
  std::string bytes = many_bytes();
  bucket_.put("backups/a", bytes);
  int cuts = 3;
  bucket_.misbehave([&](const TestRequest& request, TestApiPeer& peer) {
    if (request.method != "GET" || cuts-- == 0) return false;
    std::string range = header(request, "range");
    size_t from = range.empty() ? 0 : std::stoul(range.substr(range.find('=') + 1));
    std::string fields = "ETag: \"" + hex(md5(bytes)) + "\"\r\n";
    if (from > 0)
      fields += fmt::format("Content-Range: bytes {}-{}/{}\r\n", from, bytes.size() - 1, bytes.size());
    std::string whole = http_answer(from > 0 ? 206 : 200, bytes.substr(from), fields);
    peer.send(whole.substr(0, whole.size() - (bytes.size() - from) + 200));
    peer.close();
    return true;
  });
  EXPECT_EQ(read_object(*store(), "a", kEnough).value_or("none"), bytes);
  EXPECT_EQ(bucket_.count("GET"), 4U);
}

TEST_F(S3StoreTest, DoesNotGoOnReadingAnotherObject) {
  std::string bytes = many_bytes();
  bucket_.put("backups/a", "another");
  bool cut = false;
  bucket_.misbehave([&](const TestRequest&, TestApiPeer& peer) {
    if (std::exchange(cut, true)) return false;
    std::string whole = http_answer(200, bytes, "ETag: \"" + hex(md5(bytes)) + "\"\r\n");
    peer.send(whole.substr(0, whole.size() - 100));
    peer.close();
    return true;
  });
  Result<std::string> read = read_object(*store(), "a", kEnough);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr("was replaced while it was read"));
}

TEST_F(S3StoreTest, NoticesWhatTheServerAltered) {
  answer_first(-1, "PUT ", http_answer(200, "", "ETag: \"" + hex(md5("other")) + "\"\r\n"));
  for (const std::string& bytes : {std::string("small"), many_bytes()}) {
    Status written = write_object(*store(), "a", bytes);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(written.error().message, HasSubstr("other bytes than were sent"));
  }
  // Of what KMS encrypts the tag is no MD5.
  answer_first(
      -1, "PUT ",
      http_answer(200, "",
                  "ETag: \"" + hex(md5("other")) + "\"\r\nx-amz-server-side-encryption: aws:kms\r\n"));
  EXPECT_TRUE(write_object(*store(), "a", "small"));
}

TEST_F(S3StoreTest, FindsThatALostAnswerWasAYes) {
  // The first try has done it all, and its answer is lost; the next finds no upload.
  int seen = 0;
  std::string bytes = many_bytes();
  bucket_.misbehave([&](const TestRequest& request, TestApiPeer& peer) {
    if (request.method != "POST" || request.target.find("uploadId") == std::string::npos) return false;
    if (seen++ > 0) {
      peer.send(s3_error(404, "NoSuchUpload"));
      return true;
    }
    return false;
  });
  ASSERT_TRUE(write_object(*store(), "a", bytes));
  answer_first(-1, "POST /bucket/backups/a?uploadId=", s3_error(404, "NoSuchUpload"));
  EXPECT_TRUE(write_object(*store(), "a", bytes));
  EXPECT_FALSE(write_object(*store(), "a", bytes + "more"));
}

TEST_F(S3StoreTest, TakesARefusalThatComesAsASuccess) {
  answer_first(1, "POST /bucket/backups/a?uploadId=", s3_error(200, "InternalError"));
  EXPECT_TRUE(write_object(*store(), "a", many_bytes()));
  answer_first(-1, "POST /bucket/backups/b?uploadId=", s3_error(200, "AccessDenied"));
  EXPECT_EQ(write_object(*store(), "b", many_bytes()).error().code, ErrorCode::kDenied);
}

TEST_F(S3StoreTest, SaysWhatToDo) {
  struct Case {
    std::string answer;
    ErrorCode code;
    std::string text;
  };
  for (const Case& each : std::vector<Case>{
           {s3_error(404, "NoSuchBucket"), ErrorCode::kNotFound, "has no bucket \"bucket\""},
           {s3_error(403, "InvalidAccessKeyId"), ErrorCode::kDenied,
            "the access key of AWS_ACCESS_KEY_ID (AKIATEST)"},
           {s3_error(403, "SignatureDoesNotMatch"), ErrorCode::kDenied, "the secret key does not fit"},
           {s3_error(403, "AccessDenied"), ErrorCode::kDenied, "s3:ListBucket"},
           {s3_error(403, "Whatever"), ErrorCode::kDenied, "403 Whatever"},
           {s3_error(400, "ExpiredToken"), ErrorCode::kDenied, "get new credentials"},
           {s3_error(301, "PermanentRedirect"), ErrorCode::kInvalidArgument, "--region"},
           {s3_error(507, "InsufficientStorage"), ErrorCode::kExhausted, "no room left"},
           {http_answer(200, "<html>Welcome</html>", "", "text/html"), ErrorCode::kCorrupt,
            "is it an S3 endpoint?"},
           {http_answer(404, "<html>\x1b[31mNo", "", "text/html"), ErrorCode::kCorrupt,
            "answered 404 with text/html"},
           {"SSH-2.0-OpenSSH\r\n\r\n", ErrorCode::kCorrupt, "no HTTP"},
       }) {
    Error error = refused(each.answer);
    EXPECT_EQ(error.code, each.code) << error.message;
    EXPECT_THAT(error.message, HasSubstr(each.text));
    EXPECT_THAT(error.message, HasSubstr("s3://bucket/backups"));
    EXPECT_THAT(error.message, Not(HasSubstr("not-told")));
    EXPECT_THAT(error.message, Not(HasSubstr("\x1b")));
  }
}

TEST_F(S3StoreTest, FollowsToAnotherRegionOnce) {
  bucket_.misbehave([](const TestRequest& request, TestApiPeer& peer) {
    if (request.has("/eu-west-3/s3/aws4_request")) return false;
    peer.send(s3_error(400, "AuthorizationHeaderMalformed", "", "<Region>eu-west-3</Region>"));
    return true;
  });
  auto kept = store();
  EXPECT_TRUE(write_object(*kept, "a", "x"));
  EXPECT_EQ(bucket_.count("PUT"), 2U);
  EXPECT_TRUE(write_object(*kept, "b", "x"));
  EXPECT_EQ(bucket_.count("PUT"), 3U);
  Error error = refused(s3_error(301, "PermanentRedirect", "x-amz-bucket-region: eu-west-3\r\n"));
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
}

TEST_F(S3StoreTest, SetsItsClockOnce) {
  bucket_.misbehave([](const TestRequest& request, TestApiPeer& peer) {
    if (header(request, "x-amz-date").starts_with("20270102T0304")) return false;
    peer.send(s3_error(403, "RequestTimeTooSkewed", "Date: Sat, 02 Jan 2027 03:04:05 GMT\r\n"));
    return true;
  });
  EXPECT_TRUE(write_object(*store(), "a", "x"));
  Error error = refused(s3_error(403, "RequestTimeTooSkewed", "Date: Sat, 02 Jan 2027 03:04:05 GMT\r\n"));
  EXPECT_EQ(error.code, ErrorCode::kDenied);
  EXPECT_THAT(error.message, HasSubstr("the clocks differ by too much: here it is 2027-01-02T03:04:0"));
  EXPECT_THAT(error.message, HasSubstr("2027-01-02T03:04:05Z"));
}

TEST_F(S3StoreTest, AsksForEncryption) {
  std::string head;
  bucket_.misbehave([&](const TestRequest& request, TestApiPeer&) {
    if (request.method == "PUT") head = request.head;
    return false;
  });
  S3Options options;
  options.sse = "aws:kms";
  options.sse_kms_key_id = "key-1";
  ASSERT_TRUE(write_object(*store("s3://bucket/backups", options), "a", "x"));
  EXPECT_THAT(head, HasSubstr("\r\nx-amz-server-side-encryption: aws:kms\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nx-amz-server-side-encryption-aws-kms-key-id: key-1\r\n"));
  EXPECT_THAT(
      head,
      HasSubstr("x-amz-server-side-encryption;x-amz-server-side-encryption-aws-kms-key-id, Signature="));
}

TEST_F(S3StoreTest, HasNoCredentials) {
  auto kept = open_s3_store(bucket_.settings(), [](const char*) { return std::string(); }, nullptr);
  Status written = write_object(*kept, "a", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kDenied);
  EXPECT_THAT(written.error().message, HasSubstr("there are no credentials"));
  EXPECT_THAT(bucket_.requests(), IsEmpty());
}

TEST_F(S3StoreTest, TakesCredentialsOfAFile) {
  TestFolder folder;
  std::string path = folder.path() + "/credentials";
  std::ofstream(path) << "[default]\naws_access_key_id = WRONG\n[shop]\naws_access_key_id = AKIAFILE\n"
                         "aws_secret_access_key = s\naws_session_token = t\n";
  std::string head;
  bucket_.misbehave([&](const TestRequest& request, TestApiPeer&) {
    head = request.head;
    return false;
  });
  auto environment = [&](const char* name) -> std::string {
    if (std::string_view(name) == "AWS_SHARED_CREDENTIALS_FILE") return path;
    return std::string_view(name) == "AWS_PROFILE" ? "shop" : "";
  };
  auto kept = open_s3_store(bucket_.settings(), environment, nullptr);
  ASSERT_TRUE(write_object(*kept, "a", "x"));
  EXPECT_THAT(head, HasSubstr("Credential=AKIAFILE/"));
  EXPECT_THAT(head, HasSubstr("\r\nx-amz-security-token: t\r\n"));
}

class WebIdentityTest : public S3StoreTest {
 protected:
  WebIdentityTest() { std::ofstream(folder_.path() + "/token") << "a.web.token\n"; }

  std::unique_ptr<Store> store() {
    Settings settings = bucket_.settings();
    settings.sts = settings.endpoint;
    std::string token = folder_.path() + "/token";
    auto environment = [token](const char* name) -> std::string {
      if (std::string_view(name) == "AWS_WEB_IDENTITY_TOKEN_FILE") return token;
      return std::string_view(name) == "AWS_ROLE_ARN" ? "arn:aws:iam::1:role/backup" : "";
    };
    return open_s3_store(settings, environment, nullptr);
  }
  // Answers each question with keys that end then.
  void give_keys(std::string ends) {
    bucket_.misbehave([this, ends = std::move(ends)](const TestRequest& request, TestApiPeer& peer) {
      if (request.method != "POST") {
        used_ = request.head;
        return false;
      }
      asked_ = request.body;
      ++given_;
      peer.send(http_answer(
          200,
          fmt::format("<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
                      "<AccessKeyId>ASIA{}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t"
                      "</SessionToken><Expiration>{}</Expiration></Credentials>"
                      "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
                      given_, ends)));
      return true;
    });
  }

  TestFolder folder_;
  std::string asked_;
  std::string used_;
  int given_ = 0;
};

TEST_F(WebIdentityTest, AsksOnceForKeysThatLast) {
  give_keys("2199-01-01T00:00:00Z");
  auto kept = store();
  ASSERT_TRUE(write_object(*kept, "a", "x"));
  ASSERT_TRUE(write_object(*kept, "b", "x"));
  EXPECT_EQ(given_, 1);
  EXPECT_THAT(asked_, HasSubstr("Action=AssumeRoleWithWebIdentity"));
  EXPECT_THAT(asked_, HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fbackup"));
  EXPECT_THAT(asked_, HasSubstr("WebIdentityToken=a.web.token"));
  EXPECT_THAT(used_, HasSubstr("Credential=ASIA1/"));
}

TEST_F(WebIdentityTest, RenewsBeforeTheyEnd) {
  give_keys("2001-01-01T00:00:00Z");
  auto kept = store();
  ASSERT_TRUE(write_object(*kept, "a", "x"));
  ASSERT_TRUE(write_object(*kept, "b", "x"));
  EXPECT_EQ(given_, 2);
  EXPECT_THAT(used_, HasSubstr("Credential=ASIA2/"));
}

TEST_F(WebIdentityTest, SaysWhyThereAreNone) {
  answer_first(
      -1, "POST /",
      http_answer(400,
                  "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>"
                  "No provider</Message></Error></ErrorResponse>"));
  Status written = write_object(*store(), "a", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kDenied);
  EXPECT_THAT(written.error().message, HasSubstr("InvalidIdentityToken: No provider"));
}

TEST(S3Endpoint, ThatIsNotThere) {
  Result<Settings> settings = make_settings("s3://bucket/backups", {.endpoint_url = "http://127.0.0.1:1"},
                                            [](const char*) { return ""; });
  ASSERT_TRUE(settings);
  settings->patience.backoff_max_ms = 1;
  auto listed = open_s3_store(*settings, TestBucket::keys(), nullptr)->list("");
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(listed.error().message, HasSubstr("http://127.0.0.1:1: cannot connect to 127.0.0.1:1"));
  EXPECT_THAT(listed.error().message, HasSubstr("3 tries in "));
}

TEST(S3Endpoint, ThatIsSilent) {
  TestBucket bucket;
  bucket.misbehave([](const TestRequest&, TestApiPeer&) { return true; });
  Settings settings = bucket.settings();
  settings.patience.silence_timeout_ms = 20;
  auto listed = open_s3_store(settings, TestBucket::keys(), nullptr)->list("");
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(listed.error().message, HasSubstr("nothing came or went for 20 ms"));
}

TEST(HttpDate, IsRead) {
  EXPECT_EQ(parse_http_date_ms("Sun, 06 Nov 1994 08:49:37 GMT"), 784'111'777'000);
  EXPECT_EQ(parse_http_date_ms("Sunday, 06-Nov-94 08:49:37 GMT"), std::nullopt);
  EXPECT_EQ(parse_http_date_ms("Sun, 06 Foo 1994 08:49:37 GMT"), std::nullopt);
  EXPECT_EQ(parse_http_date_ms(""), std::nullopt);
}

}  // namespace
}  // namespace keyway::backup::s3
