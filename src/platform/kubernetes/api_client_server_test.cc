// The client against a real API server: the one of the kubeconfig that KEYWAY_TEST_KUBECONFIG names, in a
// namespace that it makes and deletes. Without it these tests are skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/strings.h"
#include "platform/kubernetes/api_versions.h"
#include "platform/kubernetes/apply.h"
#include "platform/kubernetes/json_scan.h"
#include "platform/kubernetes/lease_keeper.h"
#include "platform/kubernetes/reflector.h"
#include "platform/kubernetes/test_api_server.h"
#include "platform/kubernetes/value.h"
#include "platform/kubernetes/work_queue.h"

namespace keyway::platform::kubernetes {
namespace {

constexpr int64_t kLongMs = 30'000;

std::string version_of(std::string_view object) {
  return json_string(find_json(object, "metadata.resourceVersion"));
}

class RealApiServerTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("KEYWAY_TEST_KUBECONFIG");
    if (path == nullptr) GTEST_SKIP() << "KEYWAY_TEST_KUBECONFIG names no kubeconfig";
    Result<ClientConfig> config = load_kubeconfig({.files = path});
    ASSERT_TRUE(config) << config.error().message;
    client_.emplace(io_, *config);
    static int count = 0;  // a namespace takes its time to go
    name_space_ = fmt::format("keyway-test-{}-{}", ::getpid(), ++count);
    auto made = client_->call(
        create_request(kNamespaces, "", fmt::format(R"({{"metadata":{{"name":"{}"}}}})", name_space_)));
    ASSERT_TRUE(made) << made.error().message;
  }
  void TearDown() override {
    if (!name_space_.empty()) (void)client_->call(delete_request(kNamespaces, "", name_space_));
  }
  std::string config_map(const std::string& name, const std::string& data,
                         const std::string& labels = "{}") const {
    return fmt::format(
        R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}","namespace":"{}","labels":{}}},"data":{}}})",
        name, name_space_, labels, data);
  }

  boost::asio::io_context io_;
  std::optional<ApiClient> client_;
  std::string name_space_;
};

TEST_F(RealApiServerTest, WhatItIs) {
  ApiResult<ApiVersions> versions = discover(*client_);
  ASSERT_TRUE(versions) << versions.error().message;
  EXPECT_GT(versions->minor, 0);
  EXPECT_TRUE(versions->has("apps", "v1"));
  EXPECT_TRUE(versions->eviction_version == "v1" || versions->eviction_version == "v1beta1");
  EXPECT_TRUE(has_resource(*client_, disruption_budgets(*versions)).value());
}

TEST_F(RealApiServerTest, ApplyingTwiceSendsOnce) {
  Applier applier(*client_);
  std::string object = config_map("one", R"({"a":"1","b":"2"})", R"({"cluster":"app"})");
  auto first = applier.apply(kConfigMaps, name_space_, "one", object);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->sent);
  auto again = applier.apply(kConfigMaps, name_space_, "one", object);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->sent);
  EXPECT_EQ(again->resource_version, first->resource_version);
  auto less = applier.apply(kConfigMaps, name_space_, "one", config_map("one", R"({"a":"1"})"));
  EXPECT_TRUE(less->sent);
  auto read = client_->call(get_request(kConfigMaps, name_space_, "one"));
  EXPECT_EQ(find_json(*read, "data"), R"({"a":"1"})");
}

// With everything that servers default and merge in a workload.
TEST_F(RealApiServerTest, AStatefulSetIsComparedAsTheServerKeepsIt) {
  Applier applier(*client_);
  std::string object = fmt::format(
      R"({{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{{"name":"app","namespace":"{}","labels":{{"cluster":"app"}}}},)"
      R"("spec":{{"replicas":0,"serviceName":"app","selector":{{"matchLabels":{{"cluster":"app"}}}},)"
      R"("updateStrategy":{{"type":"OnDelete"}},"template":{{"metadata":{{"labels":{{"cluster":"app"}}}},"spec":{{)"
      R"("terminationGracePeriodSeconds":60,"securityContext":{{"runAsUser":999}},"volumes":[{{"name":"etc","projected":)"
      R"({{"sources":[{{"configMap":{{"name":"x"}}}},{{"secret":{{"name":"y","optional":true}}}}]}}}},{{"name":"run","emptyDir":{{}}}}],)"
      R"("topologySpreadConstraints":[{{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway",)"
      R"("labelSelector":{{"matchLabels":{{"cluster":"app"}}}}}}],)"
      R"("containers":[{{"name":"redis","image":"redis:7","args":["agent"],"env":[{{"name":"POD","valueFrom":{{"fieldRef":)"
      R"({{"fieldPath":"metadata.name"}}}}}}],"ports":[{{"containerPort":6379,"name":"redis"}}],)"
      R"("readinessProbe":{{"httpGet":{{"path":"/ready","port":9121}},"periodSeconds":2}},)"
      R"("resources":{{"requests":{{"cpu":"0.5","memory":"1024Mi"}},"limits":{{"memory":"1024Mi"}}}},)"
      R"("volumeMounts":[{{"name":"data","mountPath":"/data"}},{{"name":"etc","mountPath":"/etc/x","readOnly":true}}]}}]}}}},)"
      R"("volumeClaimTemplates":[{{"metadata":{{"name":"data"}},"spec":{{"accessModes":["ReadWriteOnce"],)"
      R"("resources":{{"requests":{{"storage":"1024Mi"}}}}}}}}]}}}})",
      name_space_);
  auto first = applier.apply(kStatefulSets, name_space_, "app", object);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->sent);
  auto again = applier.apply(kStatefulSets, name_space_, "app", object);
  ASSERT_TRUE(again) << again.error().message;
  auto live = client_->call(get_request(kStatefulSets, name_space_, "app"));
  EXPECT_FALSE(again->sent) << *live;
  auto scaled = client_->call(get_request(kStatefulSets, name_space_, "app", "scale"));
  ASSERT_TRUE(scaled) << scaled.error().message;
  EXPECT_TRUE(client_->call(scale_request(kStatefulSets, name_space_, "app", 0)));
}

TEST_F(RealApiServerTest, LabelsOnlyOnWhatWasRead) {
  auto made = client_->call(create_request(kConfigMaps, name_space_, config_map("one", "{}")));
  ASSERT_TRUE(made) << made.error().message;
  auto twice = client_->call(create_request(kConfigMaps, name_space_, config_map("one", "{}")));
  EXPECT_EQ(twice.error().code, ApiCode::kAlreadyExists);
  std::string version = version_of(*made);
  auto labelled =
      client_->call(label_request(kConfigMaps, name_space_, "one", {{"shard-role", "primary"}}, version));
  ASSERT_TRUE(labelled) << labelled.error().message;
  auto late =
      client_->call(label_request(kConfigMaps, name_space_, "one", {{"shard-role", std::nullopt}}, version));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ApiCode::kConflict);
  auto fresh = client_->call(
      label_request(kConfigMaps, name_space_, "one", {{"shard-role", std::nullopt}}, version_of(*labelled)));
  ASSERT_TRUE(fresh);
  EXPECT_EQ(parse_meta(*fresh)->meta.label("shard-role"), "");
  auto tested = client_->call(json_patch_request(
      kConfigMaps, name_space_, "one", R"([{"op":"test","path":"/metadata/resourceVersion","value":"1"}])"));
  EXPECT_EQ(tested.error().code, ApiCode::kInvalid);
  DeleteOptions stranger{.uid = "00000000-0000-0000-0000-000000000000"};
  EXPECT_EQ(client_->call(delete_request(kConfigMaps, name_space_, "one", stranger)).error().code,
            ApiCode::kConflict);
  EXPECT_TRUE(
      client_->call(delete_request(kConfigMaps, name_space_, "one", {.uid = parse_meta(*fresh)->meta.uid})));
  EXPECT_EQ(client_->call(get_request(kConfigMaps, name_space_, "one")).error().code, ApiCode::kNotFound);
}

TEST_F(RealApiServerTest, InvalidObjectsComeWithCauses) {
  auto made = client_->call(create_request(kServices, name_space_,
                                           R"({"metadata":{"name":"one"},"spec":{"ports":[{"port":-1}]}})"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ApiCode::kInvalid);
  EXPECT_FALSE(made.error().causes.empty());
  EXPECT_EQ(client_->call(evict_request(name_space_, "nobody", "v1beta1")).error().code, ApiCode::kNotFound);
}

TEST_F(RealApiServerTest, PagesAndWatches) {
  for (int i = 0; i < 7; ++i) {
    auto made = client_->call(create_request(kConfigMaps, name_space_,
                                             config_map(fmt::format("c{}", i), "{}", R"({"of":"test"})")));
    ASSERT_TRUE(made) << made.error().message;
  }
  WorkQueue queue;
  ObjectCache<MetaView> cache(parse_meta, 100, [&](const MetaView* before, const MetaView* now) {
    queue.add((now != nullptr ? now : before)->meta.key(), 0);
  });
  ReflectorOptions options{.list = {.label_selector = "of=test", .page_size = 3, .metadata_only = true}};
  Reflector reflector(*client_, kConfigMaps, name_space_, cache, options);
  ASSERT_TRUE(run_until(io_, [&] { return reflector.synced(); }, kLongMs));
  EXPECT_EQ(cache.objects().size(), 7U);
  EXPECT_EQ(queue.size(), 7U);
  ASSERT_TRUE(client_->call(delete_request(kConfigMaps, name_space_, "c3")));
  ASSERT_TRUE(client_->call(label_request(kConfigMaps, name_space_, "c4", {{"x", "y"}}, "")));
  std::string key = name_space_ + "/c4";
  EXPECT_TRUE(run_until(
      io_, [&] { return cache.objects().size() == 6 && cache.find(key)->meta.label("x") == "y"; }, kLongMs));
  EXPECT_EQ(reflector.lists(), 1U);
  EXPECT_FALSE(reflector.problem());
}

TEST_F(RealApiServerTest, ALeaseChangesHands) {
  LeaseTimes fast{.duration_ms = 2'000, .hold_ms = 1'200, .renew_ms = 300, .retry_ms = 100, .look_ms = 200};
  auto place = [&](const std::string& who) { return LeaseKeeper::Place{name_space_, "leader", who}; };
  auto a = std::make_unique<LeaseKeeper>(*client_, place("a"), fast);
  ASSERT_TRUE(run_until(io_, [&] { return a->holds(); }, kLongMs)) << a->problem();
  LeaseKeeper b(*client_, place("b"), fast);
  EXPECT_FALSE(run_until(io_, [&] { return b.holds() || !a->holds(); }, 3'000));
  EXPECT_EQ(b.holder(), "a");
  a.reset();
  ASSERT_TRUE(run_until(io_, [&] { return b.holds(); }, kLongMs)) << b.problem();
  EXPECT_EQ(b.transitions(), 1);
  b.release();
  EXPECT_TRUE(run_until(io_, [&] { return b.released(); }, kLongMs));
}

}  // namespace
}  // namespace keyway::platform::kubernetes
