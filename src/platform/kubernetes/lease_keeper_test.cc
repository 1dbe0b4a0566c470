#include "platform/kubernetes/lease_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/kubernetes/json_scan.h"
#include "platform/kubernetes/test_api_server.h"

namespace keyway::platform::kubernetes {
namespace {

using testing::HasSubstr;

constexpr LeaseTimes kFast{
    .duration_ms = 1'000, .hold_ms = 600, .renew_ms = 150, .retry_ms = 20, .look_ms = 50};

// An API server that has one Lease and nothing else.
class LeaseKeeperTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.handler = [this](const TestRequest& request, TestApiPeer& peer) {
      if (silent_ || request.target.find("pods") != std::string::npos) return;
      if (request.method == "GET") return object_.empty() ? not_found(peer) : peer.answer(200, object_);
      std::string version = json_string(find_json(request.body, "metadata.resourceVersion"));
      bool fits = request.method == "POST" ? object_.empty()
                                           : !object_.empty() && version == std::to_string(version_);
      if (!fits)
        return peer.answer(409, R"({"kind":"Status","code":409,"reason":"Conflict","message":"no"})");
      Result<LeaseRecord> record = parse_lease(request.body);
      ASSERT_TRUE(record);
      record->resource_version = std::to_string(++version_);
      object_ = lease_json("data", "operator", *record);
      peer.answer(200, object_);
    };
  }
  static void not_found(TestApiPeer& peer) {
    peer.answer(404, R"({"kind":"Status","code":404,"reason":"NotFound","message":"no such lease"})");
  }
  std::unique_ptr<LeaseKeeper> keeper(const std::string& identity) {
    return std::make_unique<LeaseKeeper>(
        client_, LeaseKeeper::Place{"data", "operator", identity}, kFast,
        [this, identity](bool held) { told_.push_back((held ? "+" : "-") + identity); });
  }

  boost::asio::io_context io_;
  TestApiServer server_{io_};
  ApiClient client_{io_, server_.config()};
  std::string object_;
  int version_ = 0;
  bool silent_ = false;
  std::vector<std::string> told_;
};

TEST_F(LeaseKeeperTest, OneOfTwoHoldsAndTheOtherFollows) {
  auto a = keeper("a");
  ASSERT_TRUE(run_until(io_, [&] { return a->holds(); }));
  auto b = keeper("b");
  ASSERT_TRUE(run_until(io_, [&] { return b->holder() == "a"; }));
  // Long enough for several renewals.
  EXPECT_FALSE(run_until(io_, [&] { return b->holds() || !a->holds(); }, 1'500));
  a.reset();
  ASSERT_TRUE(run_until(io_, [&] { return b->holds(); }));
  EXPECT_EQ(b->transitions(), 1);
  EXPECT_THAT(told_, testing::ElementsAre("+a", "+b"));
}

TEST_F(LeaseKeeperTest, AReleaseLetsTheOtherInAtOnce) {
  auto a = keeper("a");
  ASSERT_TRUE(run_until(io_, [&] { return a->holds(); }));
  auto b = keeper("b");
  ASSERT_TRUE(run_until(io_, [&] { return b->holder() == "a"; }));
  a->release();
  EXPECT_FALSE(a->holds());
  ASSERT_TRUE(run_until(io_, [&] { return a->released(); }));
  EXPECT_TRUE(run_until(io_, [&] { return b->holds(); }, kFast.hold_ms));
  EXPECT_THAT(told_, testing::ElementsAre("+a", "-a", "+b"));
}

TEST_F(LeaseKeeperTest, WhoIsCutOffLetsGoByHimself) {
  auto a = keeper("a");
  ASSERT_TRUE(run_until(io_, [&] { return a->holds(); }));
  silent_ = true;
  ASSERT_TRUE(run_until(io_, [&] { return !a->holds(); }));
  ASSERT_TRUE(run_until(io_, [&] { return told_.size() == 2; }));
  EXPECT_EQ(a->held_for_ms(), 0);
  EXPECT_THAT(a->problem(), HasSubstr("no answer within"));
  silent_ = false;
  EXPECT_TRUE(run_until(io_, [&] { return a->holds(); }));
  EXPECT_EQ(a->transitions(), 0);
}

TEST_F(LeaseKeeperTest, RequestsThatHangHoldUpNoRenewal) {
  for (size_t i = 0; i < ApiClientOptions().max_connections + 2; ++i)
    client_.send(get_request(kPods, "data", "slow"), [](const auto&) {});
  auto a = keeper("a");
  ASSERT_TRUE(run_until(io_, [&] { return a->holds(); }));
  EXPECT_FALSE(run_until(io_, [&] { return !a->holds(); }, kFast.hold_ms * 2));
}

TEST_F(LeaseKeeperTest, ADeletedLeaseIsMadeAnew) {
  auto a = keeper("a");
  ASSERT_TRUE(run_until(io_, [&] { return a->holds(); }));
  object_.clear();
  EXPECT_TRUE(run_until(io_, [&] { return !object_.empty() && a->holds(); }));
}

TEST_F(LeaseKeeperTest, JsonThereAndBack) {
  LeaseRecord record{.holder = "a\"b",
                     .duration_ms = 15'000,
                     .transitions = 4,
                     .acquired_us = 1'700'000'000'000'001,
                     .renewed_us = 1'700'000'000'999'999,
                     .resource_version = "7"};
  Result<LeaseRecord> read = parse_lease(lease_json("data", "x", record));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->same_holding(record));
  EXPECT_EQ(read->resource_version, "7");
  EXPECT_FALSE(parse_lease("[]"));
  EXPECT_FALSE(parse_lease(R"({"kind":"Pod","metadata":{}})"));
  EXPECT_EQ(parse_lease(R"({"kind":"Lease","metadata":{"name":"x"}})")->holder, "");
}

}  // namespace
}  // namespace keyway::platform::kubernetes
