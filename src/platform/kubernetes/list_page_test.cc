#include "platform/kubernetes/list_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/kubernetes/json_scan.h"
#include "platform/kubernetes/object_meta.h"

namespace keyway::platform::kubernetes {
namespace {

using testing::ElementsAre;

TEST(ListPageTest, IsCutIntoItsItems) {
  std::string body = R"( {"items" : [ {"a":"]}\"{"} ,{}, {"b":[{"c":1},[]]}], "kind":"X",
      "metadata": {"continue":"t\u0041\n", "resourceVersion":"12"}} )";
  Result<ListPage> page = cut_list(body);
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_THAT(page->items, ElementsAre(R"({"a":"]}\"{"})", "{}", R"({"b":[{"c":1},[]]})"));
  EXPECT_EQ(page->resource_version, "12");
  EXPECT_EQ(page->continue_token, "tA\n");
  EXPECT_TRUE(cut_list(R"({"metadata":{"resourceVersion":"1"},"items":null})")->items.empty());
}

TEST(ListPageTest, WhatIsNoList) {
  for (const char* text :
       {"", "[]", "{", "{}", R"({"metadata":{},"items":{}})", R"({"metadata":{},"items":[1,]})",
        R"({"metadata":{}} x)", R"({"metadata":{},"items":["a)", R"({"metadata" 1})"})
    EXPECT_FALSE(cut_list(text)) << text;
}

TEST(WatchEventTest, Kinds) {
  Result<WatchEvent> event = read_watch_event(
      R"({"type":"MODIFIED","object":{"metadata":{"labels":{"resourceVersion":"no"},"resourceVersion":"7"}}})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, WatchEvent::Kind::kModified);
  EXPECT_EQ(event->resource_version, "7");
  EXPECT_EQ(read_watch_event(R"({"type":"BOOKMARK","object":{}})")->kind, WatchEvent::Kind::kBookmark);
  for (const char* bad : {"", "{}", R"({"type":"ADDED"})", R"({"type":"OTHER","object":{}})", "nonsense"})
    EXPECT_FALSE(read_watch_event(bad)) << bad;
}

TEST(WatchLinesTest, PiecesOfAnySize) {
  for (size_t piece : {1U, 2U, 5U, 100U}) {
    WatchLines lines;
    std::vector<std::string> seen;
    std::string text = "one\n\n  two\r\nthree\nfour";
    for (size_t at = 0; at < text.size(); at += piece) {
      EXPECT_TRUE(lines.feed(std::string_view(text).substr(at, piece), [&](std::string_view line) {
        seen.emplace_back(line);
        return Status();
      }));
    }
    EXPECT_THAT(seen, ElementsAre("one", "two", "three"));
  }
}

TEST(WatchLinesTest, IsBounded) {
  WatchLines lines;
  std::string piece(1 << 20, 'x');
  Status fed;
  for (int i = 0; i < 20 && fed; ++i) {
    fed = lines.feed(piece, [](std::string_view) { return Status(); });
  }
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, ErrorCode::kExhausted);
}

TEST(ObjectMetaTest, APod) {
  Result<PodView> pod =
      parse_pod(R"({"metadata":{"name":"app-0","namespace":"data","uid":"u","resourceVersion":"9",
    "generation":2,"creationTimestamp":"2023-11-14T22:13:20Z","deletionTimestamp":"2023-11-14T22:13:21Z",
    "labels":{"role":"x"},"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"long","mine":"y"},
    "finalizers":["f"],"ownerReferences":[{"kind":"A","name":"a"},{"kind":"StatefulSet","name":"app","uid":"o","controller":true}],
    "managedFields":[{"fieldsV1":{"f:x":{}}}]},
    "spec":{"nodeName":"n1"},
    "status":{"phase":"Running","podIP":"10.0.0.7","conditions":[{"type":"Ready","status":"True"},
      {"type":"PodScheduled","status":"False","message":"no room"}],
    "initContainerStatuses":[{"name":"init","state":{"terminated":{"reason":"Completed","exitCode":0}}}],
    "containerStatuses":[{"name":"redis","image":"redis:7","ready":false,"restartCount":3,
      "state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off"}},
      "lastState":{"terminated":{"reason":"OOMKilled","exitCode":137}}}]}})");
  ASSERT_TRUE(pod) << pod.error().message;
  EXPECT_EQ(pod->meta.key(), "data/app-0");
  EXPECT_EQ(pod->meta.created_s, 1'700'000'000);
  EXPECT_TRUE(pod->meta.deleting);
  EXPECT_EQ(pod->meta.label("role"), "x");
  EXPECT_EQ(pod->meta.label("other"), "");
  EXPECT_EQ(pod->meta.annotations.size(), 1U);
  EXPECT_EQ(pod->meta.controller_name, "app");
  EXPECT_EQ(pod->ip, "10.0.0.7");
  EXPECT_EQ(pod->node, "n1");
  EXPECT_TRUE(pod->ready);
  EXPECT_EQ(pod->unscheduled_reason, "no room");
  ASSERT_EQ(pod->containers.size(), 1U);
  EXPECT_EQ(pod->containers[0].waiting_reason, "CrashLoopBackOff");
  EXPECT_EQ(pod->containers[0].terminated_reason, "OOMKilled");
  EXPECT_EQ(pod->containers[0].exit_code, 137);
  EXPECT_EQ(pod->containers[0].restarts, 3);
}

TEST(ObjectMetaTest, OddFieldsReadAsNone) {
  Result<PodView> pod =
      parse_pod(R"({"metadata":{"name":"a","labels":[1],"generation":"x","finalizers":{"a":1},
    "ownerReferences":3},"spec":[],"status":{"phase":7,"conditions":{"type":"x"},"containerStatuses":[1,null]}})");
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->phase, "");
  for (const char* bad :
       {"", "[]", "{}", R"({"metadata":{}})", R"({"metadata":{"name":""}})", "{\"metadata\":"})
    EXPECT_FALSE(parse_pod(bad)) << bad;
}

TEST(ObjectMetaTest, OtherViews) {
  Result<StatefulSetView> set = parse_stateful_set(
      R"({"metadata":{"name":"a"},"spec":{"replicas":3},"status":{"replicas":2,"readyReplicas":1,"observedGeneration":4,
      "currentRevision":"r1","updateRevision":"r2"}})");
  EXPECT_EQ(set->replicas, 3);
  EXPECT_EQ(set->present_replicas, 2);
  EXPECT_EQ(set->ready_replicas, 1);
  EXPECT_EQ(set->update_revision, "r2");
  Result<VolumeClaimView> claim = parse_volume_claim(
      R"({"metadata":{"name":"a"},"spec":{"storageClassName":"s","resources":{"requests":{"storage":"1Gi"}}},
      "status":{"phase":"Bound","capacity":{"storage":"2Gi"}}})");
  EXPECT_EQ(claim->asked, "1Gi");
  EXPECT_EQ(claim->capacity, "2Gi");
  Result<NodeView> node = parse_node(
      R"({"metadata":{"name":"n"},"spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}})");
  EXPECT_TRUE(node->unschedulable);
  EXPECT_FALSE(node->ready);
}

TEST(JsonScanTest, PathsAndStrings) {
  std::string text = R"({"a":{"b":[1,2],"c":"x\"y"},"d":null})";
  EXPECT_EQ(find_json(text, "a.b"), "[1,2]");
  EXPECT_EQ(json_string(find_json(text, "a.c")), "x\"y");
  EXPECT_EQ(find_json(text, "d"), "null");
  EXPECT_EQ(find_json(text, "a.x"), "");
  EXPECT_EQ(find_json(text, "d.x"), "");
  EXPECT_EQ(json_string("7"), "");
}

}  // namespace
}  // namespace keyway::platform::kubernetes
