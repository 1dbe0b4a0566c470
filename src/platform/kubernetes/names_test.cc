#include "platform/kubernetes/names.h"

#include <gtest/gtest.h>

namespace keyway::platform::kubernetes {
namespace {

TEST(Names, AreThosePeopleKnow) {
  EXPECT_EQ(stateful_set_name("p1", "app"), "redis-partition-p1-app");
  EXPECT_EQ(pod_name("index", "app", 2), "redis-partition-index-app-2");
  EXPECT_EQ(service_name("app"), "redis-app");
  EXPECT_EQ(primary_service_name("app"), "redis-primary-app");
  EXPECT_EQ(proxy_name("app"), "redis-proxy-app");
  EXPECT_EQ(secret_name("app"), "redis-etc-app");
}

TEST(Names, LeaveTheSuffixToKustomize) {
  EXPECT_EQ(stateful_set_name("index", ""), "redis-partition-index");
  EXPECT_EQ(service_name(""), "redis");
  EXPECT_EQ(secret_name(""), kUsersVolume);
}

TEST(Names, TellServersFromClusters) {
  EXPECT_EQ(cluster_label(cluster::Mode::kSharded), "cluster");
  EXPECT_EQ(cluster_label(cluster::Mode::kReplicated), "server");
}

}  // namespace
}  // namespace keyway::platform::kubernetes
