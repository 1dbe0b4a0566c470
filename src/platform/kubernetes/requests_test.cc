#include "platform/kubernetes/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/kubernetes/value.h"

namespace keyway::platform::kubernetes {
namespace {

TEST(RequestsTest, Paths) {
  EXPECT_EQ(path_of(kPods, "data", "app-0"), "/api/v1/namespaces/data/pods/app-0");
  EXPECT_EQ(path_of(kPods, "", ""), "/api/v1/pods");
  EXPECT_EQ(path_of(kNodes, "ignored", "n1"), "/api/v1/nodes/n1");
  EXPECT_EQ(path_of(kStatefulSets, "data", "app", "scale"),
            "/apis/apps/v1/namespaces/data/statefulsets/app/scale");
  EXPECT_EQ(path_of(kPods, "../x", "a b", "", {{"labelSelector", "a in (b,c)&d=é"}}),
            "/api/v1/namespaces/..%2Fx/pods/a%20b?labelSelector=a%20in%20%28b%2Cc%29%26d%3D%C3%A9");
}

TEST(RequestsTest, ListsAndWatches) {
  ListOptions options{
      .label_selector = "a=b", .field_selector = "spec.nodeName=n", .page_size = 7, .metadata_only = true};
  ApiRequest list = list_request(kPods, "data", options, "more");
  EXPECT_EQ(list.path,
            "/api/v1/namespaces/data/"
            "pods?limit=7&labelSelector=a%3Db&fieldSelector=spec.nodeName%3Dn&continue=more");
  EXPECT_THAT(std::string(list.accept), testing::HasSubstr("as=PartialObjectMetadataList"));
  ApiRequest watch = watch_request(kPods, "", {}, {.resource_version = "9", .lasts_s = 60});
  EXPECT_EQ(watch.path, "/api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=60&resourceVersion=9");
  EXPECT_EQ(watch.what, "watch pods");
}

TEST(RequestsTest, PatchesSayWhatTheyTest) {
  ApiRequest label = label_request(kPods, "data", "app-0", {{"role", "a\"b"}, {"old", std::nullopt}}, "7");
  EXPECT_EQ(label.body, R"({"metadata":{"labels":{"old":null,"role":"a\"b"},"resourceVersion":"7"}})");
  EXPECT_EQ(label.content_type, "application/merge-patch+json");
  EXPECT_FALSE(label.repeatable);
  EXPECT_EQ(annotate_request(kPods, "data", "app-0", {{"a", "b"}}, "").body,
            R"({"metadata":{"annotations":{"a":"b"}}})");
  EXPECT_EQ(scale_request(kStatefulSets, "data", "app", 5).body, R"({"spec":{"replicas":5}})");
  EXPECT_EQ(scale_request(kStatefulSets, "data", "app", 5).path,
            "/apis/apps/v1/namespaces/data/statefulsets/app/scale?fieldManager=keyway");
}

TEST(RequestsTest, DeletesAndEvictionsHavePreconditions) {
  DeleteOptions options{
      .uid = "u", .resource_version = "3", .propagation = Propagation::kOrphan, .grace_period_s = 0};
  std::string told =
      R"({"preconditions":{"uid":"u","resourceVersion":"3"},"gracePeriodSeconds":0,"propagationPolicy":"Orphan"})";
  EXPECT_EQ(delete_request(kPods, "data", "app-0", options).body, told);
  EXPECT_TRUE(delete_request(kPods, "data", "app-0", options).repeatable);
  EXPECT_FALSE(delete_request(kPods, "data", "app-0").repeatable);
  ApiRequest evict = evict_request("data", "app-0", "v1", options);
  EXPECT_EQ(evict.path, "/api/v1/namespaces/data/pods/app-0/eviction");
  EXPECT_EQ(
      evict.body,
      R"({"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"app-0","namespace":"data"},"deleteOptions":)" +
          told + "}");
}

TEST(RequestsTest, WhatMayBeSentTwice) {
  EXPECT_TRUE(get_request(kPods, "d", "a").repeatable);
  EXPECT_TRUE(apply_request(kPods, "d", "a", "{}").repeatable);
  EXPECT_FALSE(create_request(kPods, "d", "{}").repeatable);
  EXPECT_FALSE(replace_request(kPods, "d", "a", "{}").repeatable);
  EXPECT_FALSE(json_patch_request(kPods, "d", "a", "[]").repeatable);
}

TEST(ValueJsonTest, ObjectsAsTheyAreSent) {
  Value object =
      fields({{"kind", "Pod"},
              {"spec", fields({{"count", 3}, {"on", true}, {"none", Value()}, {"empty", Value("")}})},
              {"list", list({Value("a\n"), Value(1)})}});
  EXPECT_EQ(to_json(object), R"({"kind":"Pod","spec":{"count":3,"on":true,"empty":""},"list":["a\n",1]})");
}

}  // namespace
}  // namespace keyway::platform::kubernetes
