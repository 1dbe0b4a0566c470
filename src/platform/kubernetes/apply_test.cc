#include "platform/kubernetes/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/kubernetes/api_versions.h"
#include "platform/kubernetes/test_api_server.h"

namespace keyway::platform::kubernetes {
namespace {

using testing::HasSubstr;

// What a server makes of kWanted: fields that it adds, others' fields, and who owns what.
constexpr std::string_view kLive = R"({
  "apiVersion": "apps/v1", "kind": "StatefulSet",
  "metadata": {
    "name": "app", "namespace": "data", "uid": "u", "resourceVersion": "7", "generation": 2,
    "labels": {"cluster": "app", "others": "too"},
    "managedFields": [
      {"manager": "keyway", "operation": "Apply", "fieldsV1": {
        "f:metadata": {"f:labels": {"f:cluster": {}}},
        "f:spec": {
          "f:replicas": {}, "f:selector": {},
          "f:template": {"f:spec": {
            "f:containers": {"k:{\"name\":\"redis\"}": {".": {}, "f:name": {}, "f:image": {}, "f:args": {},
              "f:ports": {"k:{\"containerPort\":6379,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
              "f:resources": {"f:requests": {"f:memory": {}, "f:cpu": {}}}}}}}}}},
      {"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": {"f:status": {"f:replicas": {}}}}]},
  "spec": {
    "replicas": 2, "podManagementPolicy": "OrderedReady", "selector": {"matchLabels": {"cluster": "app"}},
    "template": {"spec": {"restartPolicy": "Always", "containers": [
      {"name": "sidecar", "image": "mesh"},
      {"name": "redis", "image": "redis:7", "args": ["a", "b"], "imagePullPolicy": "IfNotPresent",
       "ports": [{"containerPort": 6379, "protocol": "TCP"}],
       "resources": {"requests": {"memory": "1Gi", "cpu": "500m"}}}]}}},
  "status": {"replicas": 2}})";

std::string wanted(const std::string& container = "", const std::string& spec = "",
                   const std::string& labels = "") {
  return R"({"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"app","namespace":"data","labels":{"cluster":"app")" +
         labels + R"(}},"spec":{"replicas":2,"selector":{"matchLabels":{"cluster":"app"}})" + spec +
         R"(,"template":{"spec":{"containers":[{"name":"redis","image":"redis:7","args":["a","b"],)"
         R"("ports":[{"containerPort":6379}],"resources":{"requests":{"memory":"1024Mi","cpu":0.5}})" +
         container + R"(}]}}}})";
}

TEST(ApplyDiffersTest, WhatTheServerAddsIsNoDifference) {
  EXPECT_FALSE(apply_differs(kLive, wanted()));
  EXPECT_FALSE(apply_differs(kLive, wanted(R"(,"env":[],"securityContext":{},"command":null)")));
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  text.replace(text.find(what), what.size(), with);
  return text;
}

TEST(ApplyDiffersTest, OtherValuesAreADifference) {
  for (const auto& [what, with] : std::vector<std::pair<std::string, std::string>>{
           {"redis:7", "redis:8"},
           {"\"replicas\":2", "\"replicas\":3"},
           {"[\"a\",\"b\"]", "[\"a\"]"},
           {"[\"a\",\"b\"]", "[\"b\",\"a\"]"},
           {"1024Mi", "1023Mi"},
           {"6379}", "6380}"},
           {"\"matchLabels\":{\"cluster\":\"app\"", "\"matchLabels\":{\"cluster\":\"other\""},
           {"{\"cluster\":\"app\"}", "{\"cluster\":\"other\"}"}})
    EXPECT_TRUE(apply_differs(kLive, replaced(wanted(), what, with))) << with;
}

TEST(ApplyDiffersTest, NewFieldsAreADifference) {
  EXPECT_TRUE(apply_differs(kLive, wanted(R"(,"tty":true)")));
  EXPECT_TRUE(apply_differs(kLive, wanted("", R"(,"minReadySeconds":1)")));
  EXPECT_TRUE(apply_differs(kLive, wanted("", "", R"(,"new":"label")")));
}

TEST(ApplyDiffersTest, FieldsThatAreNotWantedAnyMoreAreADifference) {
  EXPECT_TRUE(apply_differs(kLive, replaced(wanted(), ",\"args\":[\"a\",\"b\"]", "")));
  EXPECT_TRUE(apply_differs(kLive, replaced(wanted(), "\"ports\":[{\"containerPort\":6379}],", "")));
  EXPECT_TRUE(apply_differs(kLive, replaced(wanted(), ",\"cpu\":0.5", "")));
}

TEST(ApplyDiffersTest, WhatIsNotOursYetIsADifference) {
  EXPECT_TRUE(apply_differs(replaced(std::string(kLive), "\"keyway\"", "\"kubectl\""), wanted()));
  EXPECT_TRUE(apply_differs(replaced(std::string(kLive), "\"Apply\"", "\"Update\""), wanted()));
  EXPECT_TRUE(apply_differs("nonsense", wanted()));
  EXPECT_TRUE(apply_differs(kLive, "nonsense"));
}

class ApplierTest : public testing::Test {
 protected:
  boost::asio::io_context io_;
  TestApiServer server_{io_};
  ApiClient client_{io_, server_.config()};
  Applier applier_{client_};
};

TEST_F(ApplierTest, WhatDoesNotDifferIsNotSent) {
  server_.handler = [](const TestRequest&, TestApiPeer& peer) { peer.answer(200, std::string(kLive)); };
  auto applied = applier_.apply(kStatefulSets, "data", "app", wanted());
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_FALSE(applied->sent);
  EXPECT_EQ(applied->resource_version, "7");
  EXPECT_EQ(server_.seen.size(), 1U);
  // Known to be as it was: nothing is asked either.
  ASSERT_TRUE(applier_.apply(kStatefulSets, "data", "app", wanted(), "7"));
  EXPECT_EQ(server_.seen.size(), 1U);
  ASSERT_TRUE(applier_.apply(kStatefulSets, "data", "app", wanted(), "8"));
  EXPECT_EQ(server_.seen.size(), 2U);
  applied = applier_.apply(kStatefulSets, "data", "app", wanted(R"(,"tty":true)"), "7");
  EXPECT_TRUE(applied->sent);
  EXPECT_EQ(server_.seen.back().method, "PATCH");
  EXPECT_THAT(server_.seen.back().target, HasSubstr("/statefulsets/app?fieldManager=keyway&force=true"));
  EXPECT_TRUE(server_.seen.back().has("Content-Type: application/apply-patch+yaml"));
}

TEST_F(ApplierTest, WhatIsNotThereIsSent) {
  server_.handler = [](const TestRequest& request, TestApiPeer& peer) {
    if (request.method == "GET")
      return peer.answer(404, R"({"kind":"Status","code":404,"reason":"NotFound"})");
    peer.answer(201, R"({"metadata":{"resourceVersion":"1"}})");
  };
  auto applied = applier_.apply(kStatefulSets, "data", "app", wanted());
  ASSERT_TRUE(applied);
  EXPECT_TRUE(applied->sent);
  EXPECT_EQ(applied->resource_version, "1");
}

TEST_F(ApplierTest, ErrorsAreThoseOfTheServer) {
  server_.handler = [](const TestRequest&, TestApiPeer& peer) {
    peer.answer(403, R"({"kind":"Status","code":403,"reason":"Forbidden","message":"no"})");
  };
  auto applied = applier_.apply(kStatefulSets, "data", "app", wanted());
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ApiCode::kForbidden);
}

class DiscoveryTest : public ApplierTest {
 protected:
  void answer(const std::string& target, const std::string& body) { bodies_[target] = body; }
  void SetUp() override {
    server_.handler = [this](const TestRequest& request, TestApiPeer& peer) {
      auto found = bodies_.find(request.target);
      if (found == bodies_.end()) return peer.answer(404, "404 page not found");
      peer.answer(200, found->second);
    };
    answer("/version", R"({"major":"1","minor":"20+","gitVersion":"v1.20.2"})");
    answer(
        "/apis",
        R"({"groups":[{"name":"policy","versions":[{"groupVersion":"policy/v1beta1","version":"v1beta1"}],)"
        R"("preferredVersion":{"version":"v1beta1"}},{"name":"apps","versions":[{"version":"v1"}]}]})");
    answer(
        "/api/v1",
        R"({"resources":[{"name":"pods"},{"name":"pods/eviction","group":"policy","version":"v1beta1"}]})");
  }
  std::map<std::string, std::string> bodies_;
};

TEST_F(DiscoveryTest, TheBestVersionIsChosen) {
  ApiResult<ApiVersions> versions = discover(client_);
  ASSERT_TRUE(versions) << versions.error().message;
  EXPECT_EQ(versions->server, "v1.20.2");
  EXPECT_EQ(versions->minor, 20);
  EXPECT_EQ(versions->eviction_version, "v1beta1");
  EXPECT_TRUE(versions->has("apps", "v1"));
  EXPECT_FALSE(versions->has("apps", "v1beta1"));
  EXPECT_EQ(disruption_budgets(*versions).api_version(), "policy/v1beta1");
  versions->groups["policy"] = {"v1", "v1beta1"};
  EXPECT_EQ(disruption_budgets(*versions).api_version(), "policy/v1");
}

TEST_F(DiscoveryTest, ATypeThatIsNotThere) {
  ResourceType type{"keyway.dev", "v1", "keywayclusters", "KeywayCluster"};
  EXPECT_EQ(has_resource(client_, type).value(), false);
  answer("/apis/keyway.dev/v1", R"({"resources":[{"name":"keywayclusters"}]})");
  EXPECT_EQ(has_resource(client_, type).value(), true);
}

}  // namespace
}  // namespace keyway::platform::kubernetes
