// For tests: a proxy before a test's cluster.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "engine/test_cluster.h"
#include "proxy/proxy.h"
#include "proxy/test_client.h"

namespace keyway::proxy {

// At any free port; clients that do not log in are the tests' user.
inline ProxyOptions options_before(const engine::TestCluster& cluster) {
  ProxyOptions options;
  options.listen = {"127.0.0.1", 0};
  options.seeds = {cluster.address(0)};
  options.account = {engine::kTestUser, engine::kTestPassword};
  options.anonymous = {engine::kTestUser, engine::kTestPassword};
  return options;
}

// Null: it could not be made, which is a failure of the test.
inline std::unique_ptr<Proxy> start_proxy(const ProxyOptions& options) {
  auto made = Proxy::make(options);
  EXPECT_TRUE(made) << made.error().message;
  if (!made) return nullptr;
  (*made)->start();
  return std::move(*made);
}

// Of two workers, before an empty cluster of three shards of each engine on this machine.
class ProxyBeforeThreeShards : public testing::TestWithParam<engine::TestEngine> {
 public:
  static void SetUpTestSuite() { clusters_ = std::make_unique<engine::ClusterOfEachEngine>(3, 0); }
  static void TearDownTestSuite() { clusters_.reset(); }

 protected:
  void SetUp() override {
    cluster_ = clusters_->of(GetParam(), servers_.fleet);
    ASSERT_NE(cluster_, nullptr) << "the cluster did not come up";
    ProxyOptions options = options_before(*cluster_);
    options.workers = 2;
    proxy_ = start_proxy(options);
    ASSERT_NE(proxy_, nullptr);
    ASSERT_EQ(connect()({"FLUSHALL"}), "+OK");
  }

  TestClient connect() { return TestClient(proxy_->address()); }

  inline static std::unique_ptr<engine::ClusterOfEachEngine> clusters_;
  engine::TestFleet servers_;
  engine::TestCluster* cluster_ = nullptr;
  std::unique_ptr<Proxy> proxy_;
};

}  // namespace keyway::proxy
