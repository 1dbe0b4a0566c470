#include "operator/operator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

#include "base/http_get.h"
#include "operator/test_kubernetes.h"

namespace keyway::operators {
namespace {

using platform::kubernetes::run_until;
using Json = nlohmann::json;

const std::string kCluster = "/apis/keyway.dev/v1alpha1/namespaces/data/keywayclusters/app";
const std::string kOperatorLease =
    "/apis/coordination.k8s.io/v1/namespaces/keyway-system/leases/keyway-operator";
const std::string kLease = "/apis/coordination.k8s.io/v1/namespaces/data/leases/redis-app";

constexpr platform::kubernetes::LeaseTimes kFast{
    .duration_ms = 1'000, .hold_ms = 800, .renew_ms = 200, .retry_ms = 20, .look_ms = 50};

// An operator in a thread of its own, as a process.
class Running {
 public:
  Running(TestKubernetes& kubernetes, const std::string& identity)
      : op_(kubernetes.server.config(), settings(identity)) {
    thread_ = std::thread([this] {
      status_ = op_.run();
      ended_ = true;
    });
  }
  ~Running() {
    op_.stop();
    thread_.join();
  }
  void ask_to_end() { op_.stop(); }
  bool ended() const { return ended_; }
  Counts counts() const { return op_.counts(); }
  Address http() const { return op_.http_address(); }

 private:
  static Settings settings(const std::string& identity) {
    Settings settings;
    settings.home_namespace = "keyway-system";
    settings.identity = identity;
    settings.keyway_image = "keyway:test";
    settings.http = {"127.0.0.1", 0};
    settings.lease_times = kFast;
    return settings;
  }
  Operator op_;
  Status status_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

class OperatorTest : public testing::Test {
 protected:
  void apply(const Json& spec) {
    Json object = kubernetes_.find(kCluster);
    object["spec"] = spec;
    kubernetes_.put(kCluster, object);
  }
  bool eventually(const std::function<bool()>& condition) { return run_until(io_, condition, 10'000); }
  // The loop that serves the operator has to turn while that ends.
  void end(Running& running) {
    running.ask_to_end();
    EXPECT_TRUE(eventually([&] { return running.ended(); }));
  }
  bool made_of(size_t shards) const { return kubernetes_.all_of("statefulsets").size() == shards; }
  std::string condition(const std::string& type, const std::string& field) const {
    const Json status = kubernetes_.find(kCluster).value("status", Json::object());
    for (const Json& one : status.value("conditions", Json::array())) {
      if (one["type"] == type) return one.value(field, "");
    }
    return "";
  }
  void pass_time(int64_t for_ms) {
    (void)run_until(io_, [] { return false; }, for_ms);
  }
  // Nothing but the Lease has been asked for, for a while.
  void wait_until_quiet() {
    constexpr int64_t kQuietMs = 300;
    size_t seen = 0;
    do {
      seen = count_requests();
      pass_time(kQuietMs);
    } while (count_requests() != seen);
  }
  size_t count_requests() const {
    return static_cast<size_t>(std::ranges::count_if(kubernetes_.server.seen, [](const auto& request) {
      return request.target.find("/leases/keyway-operator") == std::string::npos;
    }));
  }
  static void refuse(platform::kubernetes::TestApiPeer& peer, int status) {
    peer.answer(status, Json{{"kind", "Status"}, {"code", status}, {"message", "not now"}}.dump());
  }

  boost::asio::io_context io_;
  TestKubernetes kubernetes_{io_};
};

TEST_F(OperatorTest, MakesEverythingOfACluster) {
  apply({{"mode", "sharded"}, {"shards", 3}});
  Running op(kubernetes_, "one");
  ASSERT_TRUE(eventually([&] { return made_of(3); }));
  ASSERT_TRUE(eventually([&] { return kubernetes_.find(kCluster).contains("status"); }));
  EXPECT_EQ(kubernetes_.find(kCluster)["status"]["state"], "creating");
  EXPECT_EQ(kubernetes_.find(kLease)["metadata"]["annotations"]["keyway.dev/wanted"],
            R"({"generation":1,"partitions":["p1","p2","p3"],"replicas":1})");
  EXPECT_EQ(kubernetes_.all_of("secrets").size(), 1);
  EXPECT_EQ(kubernetes_.all_of("services").size(), 2);
  EXPECT_EQ(kubernetes_.all_of("roles").size(), 3);
  ASSERT_TRUE(eventually([&] { return !kubernetes_.all_of("events").empty(); }));
  end(op);
}

TEST_F(OperatorTest, UsersAreWrittenAndTheStatusSaysSo) {
  apply({{"shards", 1}});
  Running op(kubernetes_, "one");
  ASSERT_TRUE(eventually([&] { return condition("UsersApplied", "status") == "True"; }));
  const Json before = kubernetes_.all_of("secrets").at(0)["data"];
  apply({{"shards", 1}, {"users", {{{"name", "reader"}, {"rules", "+@read ~*"}}}}});
  ASSERT_TRUE(eventually([&] { return kubernetes_.all_of("secrets").at(0)["data"] != before; }));
  EXPECT_TRUE(eventually([&] {
    return condition("UsersApplied", "status") == "True" &&
           kubernetes_.find(kCluster)["status"]["observedGeneration"] == 2;
  }));
  end(op);
}

TEST_F(OperatorTest, AnEditIsSeenAndCarriedOut) {
  apply({{"shards", 1}});
  Running op(kubernetes_, "one");
  ASSERT_TRUE(eventually([&] { return made_of(1); }));
  apply({{"shards", 2}});
  ASSERT_TRUE(eventually([&] { return made_of(2); }));
  end(op);
}

TEST_F(OperatorTest, WhatSomebodyTakesAwayIsMadeAgain) {
  apply({{"shards", 1}});
  Running op(kubernetes_, "one");
  ASSERT_TRUE(eventually([&] { return made_of(1); }));
  const std::string service = "/api/v1/namespaces/data/services/redis-app";
  kubernetes_.remove(service);
  EXPECT_TRUE(eventually([&] { return !kubernetes_.find(service).is_null(); }));
  Json edited = kubernetes_.find(service);
  edited["spec"]["ports"] = Json::array();
  kubernetes_.put(service, edited);
  EXPECT_TRUE(eventually([&] { return !kubernetes_.find(service)["spec"]["ports"].empty(); }));
  end(op);
}

TEST_F(OperatorTest, AnIdleLoopAsksAndWritesNothing) {
  apply({{"shards", 3}});
  Running op(kubernetes_, "one");
  ASSERT_TRUE(eventually([&] { return made_of(3) && kubernetes_.find(kCluster).contains("status"); }));
  wait_until_quiet();
  const size_t before = count_requests();
  const size_t written = kubernetes_.writes.size();
  pass_time(2'000);
  EXPECT_EQ(count_requests(), before);
  for (size_t i = written; i < kubernetes_.writes.size(); ++i)
    EXPECT_THAT(kubernetes_.writes[i], testing::HasSubstr("/leases/keyway-operator"));
  end(op);
}

TEST_F(OperatorTest, OfTwoOneActsAndTheOtherFollows) {
  apply({{"shards", 1}});
  Running one(kubernetes_, "one");
  ASSERT_TRUE(eventually([&] { return one.counts().leads && made_of(1); }));
  Running two(kubernetes_, "two");
  ASSERT_TRUE(eventually([&] { return two.counts().synced; }));
  apply({{"shards", 2}});
  ASSERT_TRUE(eventually([&] { return made_of(2); }));
  EXPECT_FALSE(two.counts().leads);
  EXPECT_EQ(two.counts().writes, 0U);
  end(one);
  apply({{"shards", 3}});
  EXPECT_TRUE(eventually([&] { return made_of(3); }));
  EXPECT_TRUE(eventually([&] { return two.counts().leads; }));
  end(two);
}

TEST_F(OperatorTest, WhoCannotRenewActsNoMore) {
  apply({{"shards", 1}});
  Running op(kubernetes_, "one");
  ASSERT_TRUE(eventually([&] { return op.counts().leads && made_of(1); }));
  kubernetes_.interceptor = [](const auto& request, auto&) {
    return request.target.find("/leases/keyway-operator") != std::string::npos;  // and is never answered
  };
  ASSERT_TRUE(eventually([&] { return !op.counts().leads; }));
  wait_until_quiet();
  apply({{"shards", 2}});
  pass_time(500);
  EXPECT_EQ(kubernetes_.all_of("statefulsets").size(), 1);
  kubernetes_.interceptor = nullptr;
  EXPECT_TRUE(eventually([&] { return made_of(2); }));
  end(op);
}

TEST_F(OperatorTest, AnotherOneGoesOnWhereTheFirstWasStopped) {
  apply({{"shards", 3}});
  kubernetes_.interceptor = [](const auto& request, auto& peer) {
    const bool later = request.method == "PATCH" &&
                       request.target.find("statefulsets/redis-partition-p1") == std::string::npos &&
                       request.target.find("statefulsets/") != std::string::npos;
    if (later) refuse(peer, 500);
    return later;
  };
  {
    Running first(kubernetes_, "first");
    ASSERT_TRUE(eventually([&] { return made_of(1); }));
    end(first);
  }
  const std::string secret = kubernetes_.all_of("secrets").at(0)["data"].dump();
  kubernetes_.interceptor = nullptr;
  Running second(kubernetes_, "second");
  EXPECT_TRUE(eventually([&] { return made_of(3); }));
  EXPECT_EQ(kubernetes_.all_of("secrets").at(0)["data"].dump(), secret) << "passwords are made once";
  end(second);
}

TEST_F(OperatorTest, RefusalsAreTriedAgainAndToldMeanwhile) {
  apply({{"shards", 1}});
  int refusals = 0;
  kubernetes_.interceptor = [&](const auto& request, auto& peer) {
    const bool refused = request.method == "PATCH" &&
                         request.target.find("statefulsets/") != std::string::npos && refusals < 20;
    if (refused) refuse(peer, ++refusals % 2 == 0 ? 409 : 403);
    return refused;
  };
  Running op(kubernetes_, "one");
  ASSERT_TRUE(eventually([&] { return condition("Degraded", "status") == "True"; }));
  refusals = 100;
  EXPECT_TRUE(eventually([&] { return made_of(1) && condition("Degraded", "status") == "False"; }));
  EXPECT_GT(op.counts().failed_passes, 0U);
  end(op);
}

TEST_F(OperatorTest, AWatchThatIsTooOldBeginsAgain) {
  apply({{"shards", 1}});
  Running op(kubernetes_, "one");
  ASSERT_TRUE(eventually([&] { return made_of(1); }));
  int gone = 0;
  kubernetes_.interceptor = [&](const auto& request, auto& peer) {
    const bool old = request.target.find("watch=1") != std::string::npos && gone < 12;
    if (old && ++gone > 0) refuse(peer, 410);
    return old;
  };
  kubernetes_.cut_watches();
  apply({{"shards", 2}});
  EXPECT_TRUE(eventually([&] { return made_of(2); }));
  EXPECT_GT(gone, 0);
  end(op);
}

TEST_F(OperatorTest, ServesWhatProbesAsk) {
  Running op(kubernetes_, "one");
  ASSERT_TRUE(eventually([&] { return op.counts().leads && op.counts().synced; }));
  const auto get = [&](std::string_view path) { return http_get(op.http(), path, 1'000); };
  EXPECT_EQ(get("/livez").value_or(""), "ok\n");
  EXPECT_EQ(get("/readyz").value_or(""), "leads\n");
  EXPECT_THAT(get("/metrics").value_or(""), testing::HasSubstr("keyway_operator_leader 1\n"));
  EXPECT_EQ(get("/").error().code, ErrorCode::kNotFound);
  end(op);
}

TEST_F(OperatorTest, ASignalEndsItAndTheLeaseIsFree) {
  Running op(kubernetes_, "one");
  ASSERT_TRUE(eventually([&] { return op.counts().leads; }));
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  EXPECT_TRUE(eventually([&] { return op.ended(); }));
  EXPECT_EQ(kubernetes_.find(kOperatorLease)["spec"].value("holderIdentity", ""), "");
}

}  // namespace
}  // namespace keyway::operators
