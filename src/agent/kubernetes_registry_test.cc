#include "agent/kubernetes_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(KubernetesRegistry, ReadsPods) {
  Settings settings;
  settings.server.port = 6379;
  settings.http.port = 9121;
  auto pod =
      read_pod(R"({"metadata":{"name":"p-0","uid":"u0","labels":{"partition":"p","shard-role":"primary"},
     "annotations":{"keyway.dev/node-id":"abc"}},"status":{"podIP":"10.0.0.1"}})",
               settings);
  ASSERT_TRUE(pod) << pod.error().message;
  EXPECT_EQ(pod->name, "p-0");
  EXPECT_EQ(pod->uid, "u0");
  EXPECT_EQ(pod->server, (Address{"10.0.0.1", 6379}));
  EXPECT_EQ(pod->http, (Address{"10.0.0.1", 9121}));
  EXPECT_EQ(pod->role, RoleMark::kPrimary);
  EXPECT_EQ(pod->node_id, "abc");
  EXPECT_EQ(pod->shard, "p");
  EXPECT_FALSE(pod->ending);
  pod = read_pod(R"({"metadata":{"name":"p-1","uid":"u1","labels":{"partition":"p"},
     "deletionTimestamp":"2026-11-22T10:00:00Z"},"status":{}})",
                 settings);
  ASSERT_TRUE(pod) << pod.error().message;
  EXPECT_TRUE(pod->server.host.empty());
  EXPECT_TRUE(pod->ending);
  for (const char* wrong : {"", "[]", "{}", R"({"metadata":3})"})
    EXPECT_FALSE(read_pod(wrong, settings)) << wrong;
}

TEST(KubernetesRegistry, ReadsLeasesAsItWritesThem) {
  Lease lease;
  lease.name = "l";
  lease.holder = "p-0/u0";
  lease.duration_ms = 5000;
  lease.transitions = 3;
  lease.acquired_us = 1'700'000'000'000'000;
  lease.renewed_us = 1'700'000'001'000'000;
  lease.note = "replid=x;offset=1";
  lease.resource_version = "17";
  std::string object = lease_object(lease, "data");
  EXPECT_THAT(object, HasSubstr(R"("resourceVersion":"17")"));
  EXPECT_THAT(object, Not(HasSubstr("keyway.dev/report")));
  auto read = read_lease(object);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->holder, "p-0/u0");
  EXPECT_EQ(read->duration_ms, 5000);
  EXPECT_TRUE(read->same_holding(lease));
  EXPECT_EQ(read->note, lease.note);
  EXPECT_EQ(read->resource_version, "17");
  // What is the operator's is read and never written.
  lease.report = "{}";
  lease.wanted = R"({"generation":1})";
  object = lease_object(lease, "data");
  EXPECT_THAT(object, HasSubstr(R"("keyway.dev/report":"{}")"));
  EXPECT_THAT(object, Not(HasSubstr("keyway.dev/wanted")));
  lease.holder.clear();
  EXPECT_THAT(lease_object(lease, "data"), HasSubstr(R"("holderIdentity":"")"));
  EXPECT_FALSE(read_lease("{}"));
  EXPECT_FALSE(read_lease("what"));
}

}  // namespace
}  // namespace keyway::agent
