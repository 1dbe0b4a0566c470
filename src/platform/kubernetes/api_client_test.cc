#include "platform/kubernetes/api_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/test_certificates.h"
#include "platform/kubernetes/test_api_server.h"

namespace keyway::platform::kubernetes {
namespace {

using testing::HasSubstr;

constexpr int64_t kSilenceMs = 100;

std::string status_object(int code, const std::string& reason, const std::string& message,
                          const std::string& details = "{}") {
  return fmt::format(
      R"({{"kind":"Status","status":"Failure","code":{},"reason":"{}","message":"{}","details":{}}})", code,
      reason, message, details);
}

class ApiClientTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/kube-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    options_.backoff_min_ms = 1;
    options_.backoff_max_ms = 5;
    server_.emplace(io_);
    config_ = server_->config();
  }
  void TearDown() override {
    client_.reset();
    std::filesystem::remove_all(folder_);
  }

  ApiClient& client() {
    if (!client_) client_.emplace(io_, config_, options_);
    return *client_;
  }
  // Answers in turn, the last one for ever.
  void answer_with(std::vector<std::function<void(TestApiPeer&)>> answers) {
    server_->handler = [answers, at = size_t{0}](const TestRequest&, TestApiPeer& peer) mutable {
      answers[std::min(at, answers.size() - 1)](peer);
      ++at;
    };
  }
  static std::function<void(TestApiPeer&)> says(int status, const std::string& body,
                                                const std::string& fields = "") {
    return [=](TestApiPeer& peer) { peer.answer(status, body, fields); };
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  boost::asio::io_context io_;
  std::string folder_;
  ApiClientOptions options_;
  ClientConfig config_;
  std::optional<TestApiServer> server_;
  std::optional<ApiClient> client_;
};

TEST_F(ApiClientTest, AsksAndKeepsTheConnection) {
  config_.token = "secret";
  config_.path_prefix = "/k8s";
  answer_with({says(200, R"({"kind":"Pod"})")});
  auto body = client().call(get_request(kPods, "data", "app-0"));
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(*body, R"({"kind":"Pod"})");
  ASSERT_TRUE(client().call(get_request(kNodes, "", "n1")));
  ASSERT_EQ(server_->seen.size(), 2U);
  EXPECT_EQ(server_->seen[0].target, "/k8s/api/v1/namespaces/data/pods/app-0");
  EXPECT_TRUE(server_->seen[0].has("Authorization: Bearer secret\r\n"));
  EXPECT_EQ(server_->seen[1].target, "/k8s/api/v1/nodes/n1");
  EXPECT_EQ(server_->peers.size(), 1U);
}

TEST_F(ApiClientTest, ReadsChunkedAnswersAndEmptyOnes) {
  answer_with({[](TestApiPeer& peer) {
                 peer.begin_chunks();
                 peer.chunk("{\"a\":");
                 peer.chunk("1}");
                 peer.end_chunks();
               },
               [](TestApiPeer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); }});
  EXPECT_EQ(client().call(get_request(kPods, "d", "a")).value(), "{\"a\":1}");
  EXPECT_EQ(client().call(get_request(kPods, "d", "a")).value(), "");
}

TEST_F(ApiClientTest, RefusalsHaveCodes) {
  struct {
    int status;
    std::string reason;
    ApiCode code;
  } cases[] = {{404, "NotFound", ApiCode::kNotFound},        {409, "AlreadyExists", ApiCode::kAlreadyExists},
               {409, "Conflict", ApiCode::kConflict},        {410, "Expired", ApiCode::kGone},
               {403, "Forbidden", ApiCode::kForbidden},      {400, "BadRequest", ApiCode::kBadRequest},
               {401, "Unauthorized", ApiCode::kUnauthorized}};
  for (const auto& one : cases) {
    answer_with({says(one.status, status_object(one.status, one.reason, "no, because"))});
    auto body = client().call(get_request(kPods, "data", "app-0"));
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().code, one.code) << one.reason;
    EXPECT_EQ(body.error().message, "get pods data/app-0: no, because");
  }
}

TEST_F(ApiClientTest, InvalidComesWithItsCauses) {
  answer_with({says(422, status_object(422, "Invalid", "it is invalid",
                                       R"({"causes":[{"field":"spec.replicas","reason":"FieldValueInvalid",)"
                                       R"("message":"must not be negative"}]})"))});
  auto body = client().call(create_request(kStatefulSets, "data", "{}"));
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ApiCode::kInvalid);
  ASSERT_EQ(body.error().causes.size(), 1U);
  EXPECT_EQ(body.error().causes[0].field, "spec.replicas");
  EXPECT_EQ(server_->seen.size(), 1U);
}

TEST_F(ApiClientTest, ServerErrorsAreRepeatedWhereThatIsSafe) {
  answer_with({says(500, "oh"), says(503, "oh"), says(200, "{}")});
  EXPECT_TRUE(client().call(get_request(kPods, "d", "a")));
  EXPECT_EQ(server_->seen.size(), 3U);
  answer_with({says(500, "oh")});
  auto created = client().call(create_request(kPods, "d", "{}"));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ApiCode::kServerError);
  EXPECT_EQ(server_->seen.size(), 4U);
  auto read = client().call(get_request(kPods, "d", "a"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ApiCode::kServerError);
  EXPECT_EQ(server_->seen.size(), 4U + static_cast<size_t>(options_.max_tries));
}

TEST_F(ApiClientTest, TooManyRequestsWaitsAsItIsTold) {
  answer_with({says(429, "later", "Retry-After: 1\r\n"), says(201, "{}")});
  auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(client().call(create_request(kPods, "d", "{}")));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(900));
  EXPECT_EQ(server_->seen.size(), 2U);
}

TEST_F(ApiClientTest, TooManyRequestsBeyondTheDeadlineIsTold) {
  answer_with({says(429, "later", "Retry-After: 60\r\n")});
  ApiRequest request = get_request(kPods, "d", "a");
  request.timeout_ms = 500;
  auto body = client().call(request);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ApiCode::kTooManyRequests);
  EXPECT_EQ(body.error().retry_after_ms, 60'000);
}

TEST_F(ApiClientTest, ADisruptionBudgetIsToldAtOnce) {
  answer_with({says(429, status_object(429, "TooManyRequests", "would violate the disruption budget"))});
  auto evicted = client().call(evict_request("data", "app-0", "v1"));
  ASSERT_FALSE(evicted);
  EXPECT_EQ(evicted.error().code, ApiCode::kTooManyRequests);
  EXPECT_EQ(server_->seen.size(), 1U);
  EXPECT_THAT(server_->seen[0].body, HasSubstr(R"("apiVersion":"policy/v1")"));
}

TEST_F(ApiClientTest, ABrokenConnectionIsRepeatedWhereThatIsSafe) {
  answer_with({[](TestApiPeer& peer) { peer.close(); },
               [](TestApiPeer& peer) {
                 peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
                 peer.close();
               },
               says(200, "{}")});
  EXPECT_TRUE(client().call(get_request(kPods, "d", "a")));
  EXPECT_EQ(server_->seen.size(), 3U);
  answer_with({[](TestApiPeer& peer) { peer.close(); }});
  auto created = client().call(create_request(kPods, "d", "{}"));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ApiCode::kLost);
  EXPECT_EQ(server_->seen.size(), 4U);
}

TEST_F(ApiClientTest, ARestartedServerIsFoundAgain) {
  answer_with({says(200, "{}")});
  ASSERT_TRUE(client().call(get_request(kPods, "d", "a")));
  server_->peers[0]->close();
  auto created = client().call(create_request(kPods, "d", "{}"));
  EXPECT_TRUE(created) << created.error().message;
  EXPECT_EQ(server_->peers.size(), 2U);
}

TEST_F(ApiClientTest, NobodyThere) {
  server_->stop_listening();
  auto created = client().call(create_request(kPods, "d", "{}"));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ApiCode::kUnreachable);
  EXPECT_THAT(created.error().message, HasSubstr("create pods in d: cannot connect to 127.0.0.1:"));
  EXPECT_EQ(client().tries(), static_cast<uint64_t>(options_.max_tries));
}

TEST_F(ApiClientTest, ADeadlineEndsASilentServer) {
  server_->handler = nullptr;
  ApiRequest request = get_request(kPods, "d", "a");
  request.timeout_ms = 50;
  auto body = client().call(request);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ApiCode::kTimeout);
  EXPECT_THAT(body.error().message, HasSubstr("no answer within 50 ms"));
}

TEST_F(ApiClientTest, AKeptConnectionThatIsDeadIsReplaced) {
  answer_with({says(200, "{}"), [](TestApiPeer&) {}, says(200, R"({"a":1})")});
  ASSERT_TRUE(client().call(get_request(kPods, "d", "a")));
  ApiRequest request = get_request(kPods, "d", "a");
  request.timeout_ms = 3000;
  auto body = client().call(request);
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(*body, R"({"a":1})");
  EXPECT_EQ(server_->peers.size(), 2U);
}

TEST_F(ApiClientTest, AnExpiredTokenIsReadAgain) {
  config_.token_file = write("token", "old\n");
  answer_with({says(200, "{}"), says(401, "{}"), says(200, "{}")});
  ASSERT_TRUE(client().call(get_request(kPods, "d", "a")));
  EXPECT_TRUE(server_->seen.back().has("Bearer old\r\n"));
  write("token", "new\n");
  ASSERT_TRUE(client().call(create_request(kPods, "d", "{}")));
  ASSERT_EQ(server_->seen.size(), 3U);
  EXPECT_TRUE(server_->seen.back().has("Bearer new\r\n"));
}

TEST_F(ApiClientTest, AMissingTokenFileIsNamed) {
  config_.token_file = folder_ + "/nothing";
  auto body = client().call(get_request(kPods, "d", "a"));
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ApiCode::kUnreachable);
  EXPECT_THAT(body.error().message, HasSubstr(config_.token_file));
}

TEST_F(ApiClientTest, TooMuchIsRefused) {
  options_.max_body_bytes = 1000;
  answer_with({says(200, std::string(2000, 'x'))});
  auto body = client().call(get_request(kPods, "d", "a"));
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ApiCode::kMalformed);
  EXPECT_THAT(body.error().message, HasSubstr("more than 1000 B"));
}

TEST_F(ApiClientTest, NonsenseIsRefused) {
  answer_with({[](TestApiPeer& peer) { peer.send("SSH-2.0-OpenSSH\r\n\r\n"); }});
  auto body = client().call(get_request(kPods, "d", "a"));
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ApiCode::kMalformed);
}

TEST_F(ApiClientTest, ManyAtOnceShareConnections) {
  options_.max_connections = 3;
  answer_with({says(200, "{}")});
  int answered = 0;
  for (int i = 0; i < 50; ++i)
    client().send(get_request(kPods, "d", "a"), [&](const auto& body) { answered += body ? 1 : 0; });
  ASSERT_TRUE(run_until(io_, [&] { return answered == 50; }));
  EXPECT_LE(server_->peers.size(), 50U);
  EXPECT_EQ(server_->seen.size(), 50U);
}

TEST_F(ApiClientTest, TooManyWaitingAreRefused) {
  options_.max_waiting = 2;
  server_->handler = nullptr;
  std::vector<ApiCode> codes;
  for (int i = 0; i < 4; ++i) {
    client().send(get_request(kPods, "d", "a"), [&](const auto& body) {
      if (!body) codes.push_back(body.error().code);
    });
  }
  ASSERT_TRUE(run_until(io_, [&] { return codes.size() == 2; }));
  EXPECT_EQ(codes, std::vector<ApiCode>(2, ApiCode::kUnreachable));
}

TEST_F(ApiClientTest, WhatIsCancelledAnswersNothing) {
  answer_with({says(200, "{}")});
  bool called = false;
  uint64_t number = client().send(get_request(kPods, "d", "a"), [&](const auto&) { called = true; });
  client().cancel(number);
  ASSERT_TRUE(client().call(get_request(kPods, "d", "b")));
  client().send(get_request(kPods, "d", "a"), [&](const auto&) { called = true; });
  client_.reset();
  EXPECT_FALSE(run_until(io_, [&] { return called; }, kSilenceMs));
}

TEST_F(ApiClientTest, AnAnswerMayAskAgain) {
  answer_with({says(200, "{}")});
  bool done = false;
  client().send(get_request(kPods, "d", "a"), [&](const auto&) {
    EXPECT_TRUE(client().call(get_request(kPods, "d", "b")));
    done = true;
  });
  ASSERT_TRUE(run_until(io_, [&] { return done; }));
  EXPECT_EQ(server_->seen.size(), 2U);
}

TEST_F(ApiClientTest, TlsWithClientCertificatesFromText) {
  engine::TestAuthority authority(folder_, "ca");
  engine::TestCertificate own = authority.sign("server", "IP:127.0.0.1");
  engine::TestCertificate mine = authority.sign("client", "");
  auto context = engine::TlsContext::make(engine::TlsListenOptions{.certificate_file = own.file,
                                                                   .key_file = own.key_file,
                                                                   .ca_file = authority.file(),
                                                                   .clients = engine::TlsClients::kRequired});
  ASSERT_TRUE(context) << context.error().message;
  auto text_of = [](const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  server_.emplace(io_, *context);
  answer_with({says(200, "{}")});
  config_ = server_->config();
  config_.tls.enabled = true;
  config_.tls.ca_text = text_of(authority.file());
  config_.tls.certificate_text = text_of(mine.file);
  config_.tls.key_text = text_of(mine.key_file);
  auto body = client().call(get_request(kPods, "d", "a"));
  EXPECT_TRUE(body) << body.error().message;
}

TEST_F(ApiClientTest, AStrangersCertificateIsRefused) {
  engine::TestAuthority authority(folder_, "ca");
  engine::TestAuthority stranger(folder_, "stranger");
  engine::TestCertificate own = stranger.sign("server", "IP:127.0.0.1");
  auto context = engine::TlsContext::make(
      engine::TlsListenOptions{.certificate_file = own.file, .key_file = own.key_file});
  server_.emplace(io_, *context);
  answer_with({says(200, "{}")});
  config_ = server_->config();
  config_.tls = {.enabled = true, .ca_file = authority.file()};
  auto body = client().call(get_request(kPods, "d", "a"));
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ApiCode::kUnreachable);
  EXPECT_THAT(body.error().message, HasSubstr("not signed by an authority"));
  EXPECT_TRUE(server_->seen.empty());
  // The CA is replaced under its name, as it is in a pod.
  std::filesystem::rename(stranger.file(), authority.file());
  body = client().call(get_request(kPods, "d", "a"));
  EXPECT_TRUE(body) << body.error().message;
}

// What came of a stream.
struct Seen {
  bool begun = false;
  std::string bytes;
  std::optional<ApiResult<void>> ended;
};

ApiClient::StreamEvents events_into(Seen& seen) {
  return {.begun = [&seen] { seen.begun = true; },
          .piece =
              [&seen](std::string_view piece) {
                seen.bytes += piece;
                return Status();
              },
          .ended = [&seen](const ApiResult<void>& ended) { seen.ended = ended; }};
}

TEST_F(ApiClientTest, AStreamFlowsAndEnds) {
  answer_with({[](TestApiPeer& peer) {
    peer.begin_chunks();
    peer.chunk("one");
  }});
  Seen seen;
  client().stream(get_request(kPods, "d", ""), 5000, events_into(seen));
  ASSERT_TRUE(run_until(io_, [&] { return seen.bytes == "one"; }));
  EXPECT_TRUE(seen.begun);
  EXPECT_FALSE(seen.ended);
  server_->peers[0]->chunk("two");
  server_->peers[0]->end_chunks();
  ASSERT_TRUE(run_until(io_, [&] { return seen.ended.has_value(); }));
  EXPECT_TRUE(*seen.ended);
  EXPECT_EQ(seen.bytes, "onetwo");
}

TEST_F(ApiClientTest, ASilentStreamIsCut) {
  answer_with({[](TestApiPeer& peer) {
    peer.begin_chunks();
    peer.chunk("one");
  }});
  Seen seen;
  client().stream(get_request(kPods, "d", ""), kSilenceMs, events_into(seen));
  ASSERT_TRUE(run_until(io_, [&] { return seen.ended.has_value(); }));
  ASSERT_FALSE(*seen.ended);
  EXPECT_EQ(seen.ended->error().code, ApiCode::kTimeout);
  EXPECT_THAT(seen.ended->error().message, HasSubstr("nothing came for 100 ms"));
}

TEST_F(ApiClientTest, ARefusedStreamSaysWhy) {
  answer_with({says(410, status_object(410, "Expired", "too old"))});
  Seen seen;
  client().stream(get_request(kPods, "d", ""), 5000, events_into(seen));
  ASSERT_TRUE(run_until(io_, [&] { return seen.ended.has_value(); }));
  EXPECT_EQ(seen.ended->error().code, ApiCode::kGone);
  EXPECT_FALSE(seen.begun);
}

TEST_F(ApiClientTest, ACutStreamIsTold) {
  answer_with({[](TestApiPeer& peer) {
    peer.begin_chunks();
    peer.chunk("one");
    peer.close();
  }});
  Seen seen;
  client().stream(get_request(kPods, "d", ""), 5000, events_into(seen));
  ASSERT_TRUE(run_until(io_, [&] { return seen.ended.has_value(); }));
  ASSERT_FALSE(*seen.ended);
  EXPECT_EQ(seen.ended->error().code, ApiCode::kLost);
  EXPECT_EQ(seen.bytes, "one");
}

}  // namespace
}  // namespace keyway::platform::kubernetes
