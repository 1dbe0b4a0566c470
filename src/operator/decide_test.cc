#include "operator/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/test_model.h"
#include "platform/base64.h"

namespace keyway::operators {
namespace {

using Json = nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Json sharded(int shards, int replicas = 1) {
  return {{"mode", "sharded"}, {"shards", shards}, {"replicas", replicas}};
}
Json with(Json spec, const Json& more) {
  spec.update(more);
  return spec;
}
std::string pod(const std::string& shard, int ordinal) {
  return fmt::format("{}-{}", Model::set_name(shard), ordinal);
}
std::string users_of(Model& model) {
  const std::string text = model.object("Secret/redis-etc-app")["data"]["users.acl"];
  return *platform::base64_decoded(text);
}

TEST(Decide, MakesAClusterAndThenHasNothingToDo) {
  Model model(sharded(3));
  ASSERT_TRUE(model.settle());
  EXPECT_THAT(model.names("Pod"), testing::SizeIs(6));
  EXPECT_EQ(model.condition("Ready"), "True");
  EXPECT_EQ(model.condition("Progressing"), "False");
  EXPECT_EQ(model.condition("Degraded"), "False");
  EXPECT_EQ(model.condition("SlotsCovered"), "True");
  EXPECT_EQ(model.condition("Redundant"), "True");
  EXPECT_EQ(model.condition("UsersApplied"), "True");
  EXPECT_EQ(model.cluster["status"]["state"], "ready");
  EXPECT_EQ(model.cluster["status"]["ready"], "3/3");
  EXPECT_EQ(model.cluster["status"]["version"], "8.0");
  EXPECT_EQ(model.cluster["status"]["selector"], "cluster=app,role=partition-shard");
  EXPECT_EQ(model.look(), 0);
  const Decision decision = model.decide_now();
  EXPECT_THAT(decision.before, IsEmpty());
  EXPECT_THAT(decision.after, IsEmpty());
  EXPECT_THAT(decision.events, IsEmpty());
}

TEST(Decide, EverythingButVolumesBelongsToTheCluster) {
  Model model(with(sharded(1), {{"storage", {{"size", "1Gi"}}}, {"proxy", Json::object()}}));
  ASSERT_TRUE(model.settle());
  for (const auto& [key, object] : model.objects) {
    if (key.starts_with("Pod/")) continue;
    const Json owners = object["metadata"].value("ownerReferences", Json::array());
    if (key.starts_with("PersistentVolumeClaim/")) {
      EXPECT_TRUE(owners.empty()) << key;
    } else {
      ASSERT_EQ(owners.size(), 1) << key;
      EXPECT_EQ(owners[0]["uid"], "uid-app");
    }
  }
}

TEST(Decide, VolumesGoWithTheClusterIfTheSpecSaysSo) {
  const Json spec = with(sharded(1), {{"storage", {{"size", "1Gi"}, {"onDelete", "Delete"}}}});
  Model model(spec);
  ASSERT_TRUE(model.settle());
  const std::string claim = "PersistentVolumeClaim/data-" + pod("p1", 0);
  EXPECT_EQ(model.object(claim)["metadata"]["ownerReferences"][0]["uid"], "uid-app");
  model.edit(with(sharded(1), {{"storage", {{"size", "1Gi"}}}}));
  ASSERT_TRUE(model.settle());
  EXPECT_TRUE(model.object(claim)["metadata"]["ownerReferences"].empty());
}

TEST(Decide, MoreShardsAreMadeAndTheAgentsAreTold) {
  Model model(sharded(3));
  ASSERT_TRUE(model.settle());
  model.edit(sharded(5));
  model.look();
  EXPECT_THAT(model.names("StatefulSet"), testing::SizeIs(5));
  EXPECT_EQ(model.condition("Progressing"), "True");
  EXPECT_EQ(model.condition("Ready"), "False") << "two shards take no writes yet";
  ASSERT_TRUE(model.settle());
  EXPECT_EQ(model.cluster["status"]["ready"], "5/5");
  EXPECT_THAT(model.deleted_pods, IsEmpty()) << "pods of other shards need not be replaced";
}

TEST(Decide, AShardThatIsNotWantedStaysUntilItIsDrained) {
  Model model(with(sharded(3), {{"storage", {{"size", "1Gi"}}}}));
  ASSERT_TRUE(model.settle());
  model.agents_work = false;
  model.edit(with(sharded(2), {{"storage", {{"size", "1Gi"}}}}));
  ASSERT_TRUE(model.settle());
  EXPECT_THAT(model.names("StatefulSet"), Contains(Model::set_name("p3")));
  EXPECT_EQ(model.condition("Progressing", "reason"), "Draining");
  model.agents_work = true;
  ASSERT_TRUE(model.settle());
  EXPECT_THAT(model.names("StatefulSet"), ElementsAre(Model::set_name("p1"), Model::set_name("p2")));
  EXPECT_THAT(model.events, Contains("ShardRemoved"));
  EXPECT_FALSE(model.has("Role/" + Model::set_name("p3")));
  EXPECT_FALSE(model.has("PodDisruptionBudget/" + Model::set_name("p3")));
  EXPECT_TRUE(model.has("PersistentVolumeClaim/data-" + pod("p3", 0))) << "Retain";
}

TEST(Decide, AReportOfAnOlderSpecDrainsNothing) {
  Model model(sharded(3));
  ASSERT_TRUE(model.settle());
  model.agents_work = false;
  Json& annotations = model.object("Lease/redis-app")["metadata"]["annotations"];
  Json report = Json::parse(annotations["keyway.dev/report"].get<std::string>());
  report["drained"] = {"p3"};
  report["shards"]["p3"]["slots"] = 0;
  annotations["keyway.dev/report"] = report.dump();
  model.edit(sharded(2));
  ASSERT_TRUE(model.settle());
  EXPECT_TRUE(model.has("StatefulSet/" + Model::set_name("p3")));
}

TEST(Decide, VolumesOfARemovedShardGoWithDelete) {
  const Json storage = {{"storage", {{"size", "1Gi"}, {"onDelete", "Delete"}}}};
  Model model(with(sharded(3), storage));
  ASSERT_TRUE(model.settle());
  model.edit(with(sharded(2), storage));
  ASSERT_TRUE(model.settle());
  EXPECT_FALSE(model.has("PersistentVolumeClaim/data-" + pod("p3", 0)));
  EXPECT_TRUE(model.has("PersistentVolumeClaim/data-" + pod("p2", 1)));
}

TEST(Decide, APrimaryHandsOverBeforeItsPodIsScaledAway) {
  Model model(sharded(1, 2));
  ASSERT_TRUE(model.settle());
  model.object("Pod/" + pod("p1", 0))["metadata"]["labels"]["shard-role"] = "replica";
  model.object("Pod/" + pod("p1", 2))["metadata"]["labels"]["shard-role"] = "primary";
  ASSERT_TRUE(model.settle());
  model.agents_work = false;
  model.edit(sharded(1, 1));
  ASSERT_TRUE(model.settle());
  EXPECT_TRUE(model.has("Pod/" + pod("p1", 2)));
  EXPECT_THAT(model.wanted_text(), HasSubstr(R"("switchover":{"p1":"redis-partition-p1-app-0"})"));
  EXPECT_EQ(model.condition("Progressing", "reason"), "Scaling");
  model.agents_work = true;
  ASSERT_TRUE(model.settle());
  EXPECT_FALSE(model.has("Pod/" + pod("p1", 2)));
  EXPECT_THAT(model.wanted_text(), Not(HasSubstr("switchover")));
  EXPECT_EQ(model.cluster["status"]["state"], "ready");
}

TEST(Decide, TellsAgentsWhomAPersonWantsAsPrimary) {
  Model model(sharded(2));
  ASSERT_TRUE(model.settle());
  model.agents_work = false;
  auto wanted = [&](const Json& wishes) {
    model.cluster["metadata"]["annotations"]["keyway.dev/switchover"] = wishes.dump();
    EXPECT_TRUE(model.settle());
    return model.object("Lease/redis-app")["metadata"]["annotations"]["keyway.dev/wanted"].get<std::string>();
  };
  EXPECT_THAT(wanted({{"p1", pod("p1", 1)}}), HasSubstr(R"("switchover":{"p1":"redis-partition-p1-app-1"})"));
  // Of pods that are not there, or of another shard, nobody is told.
  EXPECT_THAT(wanted({{"p1", pod("p2", 1)}, {"p2", pod("p2", 7)}, {"p9", "x"}}),
              Not(HasSubstr("switchover")));
  EXPECT_THAT(wanted(Json::object()), Not(HasSubstr("switchover")));
}

TEST(Decide, ReplicasAreReplacedBeforePrimariesAndPrimariesOneByOne) {
  Model model(sharded(3));
  ASSERT_TRUE(model.settle());
  model.edit(with(sharded(3), {{"memory", "64Mi"}}));
  model.look();
  model.tick();
  model.look();
  EXPECT_THAT(model.deleted_pods, ElementsAre(pod("p1", 1))) << "the first one alone";
  EXPECT_EQ(model.cluster["status"]["state"], "rolling");
  model.tick();
  model.look();
  EXPECT_THAT(model.deleted_pods, ElementsAre(pod("p1", 1), pod("p2", 1), pod("p3", 1)));
  model.look();
  EXPECT_THAT(model.deleted_pods, testing::SizeIs(3)) << "they are not back yet";
  EXPECT_THAT(model.wanted_text(), HasSubstr(R"("switchover":{"p1":"redis-partition-p1-app-1"})"))
      << "one only";
  model.tick();
  model.look();
  EXPECT_THAT(model.deleted_pods, testing::SizeIs(4));
  EXPECT_EQ(model.deleted_pods.back(), pod("p1", 0)) << "a replica by now";
  EXPECT_THAT(model.wanted_text(), HasSubstr(R"("switchover":{"p2":"redis-partition-p2-app-1"})"));
  ASSERT_TRUE(model.settle());
  EXPECT_THAT(std::set<std::string>(model.deleted_pods.begin(), model.deleted_pods.end()),
              testing::SizeIs(6));
  EXPECT_THAT(model.deleted_pods, testing::SizeIs(6));
  EXPECT_THAT(model.wanted_text(), Not(HasSubstr("switchover")));
  EXPECT_EQ(model.cluster["status"]["state"], "ready");
}

TEST(Decide, AChangeOfTheConfigurationReplacesPods) {
  Model model(sharded(1));
  ASSERT_TRUE(model.settle());
  model.edit(with(sharded(1), {{"config", {{"maxmemory-policy", "allkeys-lru"}}}}));
  ASSERT_TRUE(model.settle());
  EXPECT_THAT(model.deleted_pods, testing::SizeIs(2));
}

TEST(Decide, NothingIsReplacedWhileSomethingIsWrong) {
  Model model(sharded(2));
  ASSERT_TRUE(model.settle());
  model.problems = {{{"code", "no_quorum"}, {"shard", "p1"}, {"text", "two primaries do not answer"}}};
  model.edit(with(sharded(2), {{"memory", "64Mi"}}));
  ASSERT_TRUE(model.settle());
  EXPECT_THAT(model.deleted_pods, IsEmpty());
  EXPECT_EQ(model.condition("Degraded", "reason"), "NoQuorum");
  EXPECT_EQ(model.condition("Degraded", "message"), "two primaries do not answer");
  model.problems = Json::array();
  ASSERT_TRUE(model.settle());
  EXPECT_THAT(model.deleted_pods, testing::SizeIs(4));
}

TEST(Decide, TheOnlyCopyWithoutAVolumeIsNotReplaced) {
  Model model(sharded(3, 0));
  ASSERT_TRUE(model.settle());
  EXPECT_EQ(model.condition("Redundant", "reason"), "NoReplicasWanted");
  model.edit(with(sharded(3, 0), {{"memory", "64Mi"}}));
  ASSERT_TRUE(model.settle());
  EXPECT_THAT(model.deleted_pods, IsEmpty());
  EXPECT_EQ(model.condition("Degraded", "reason"), "OnlyCopy");
}

TEST(Decide, AWrongImageStopsTheRollAndARightOneGoesOn) {
  Model model(sharded(2));
  ASSERT_TRUE(model.settle());
  model.broken_images = {"redis:nope"};
  const auto engine = [](const std::string& image) {
    return with(sharded(2), {{"engine", {{"kind", "redis"}, {"image", image}}}});
  };
  model.edit(engine("redis:nope"));
  ASSERT_TRUE(model.settle());
  EXPECT_THAT(model.deleted_pods, ElementsAre(pod("p1", 1)));
  EXPECT_EQ(model.condition("Ready"), "True");
  EXPECT_EQ(model.condition("Degraded", "reason"), "ImagePullBackOff");
  EXPECT_EQ(model.condition("Redundant"), "False");
  model.edit(engine("redis:8.2"));
  ASSERT_TRUE(model.settle());
  EXPECT_EQ(model.cluster["status"]["state"], "ready");
  EXPECT_EQ(model.cluster["status"]["version"], "8.2");
}

// Each type of object is watched for itself: what one watch shows may be older than what another does.
TEST(Decide, NothingIsReplacedWhileAShardIsSeenAsItWas) {
  Model model(sharded(3));
  ASSERT_TRUE(model.settle());
  const Json before = model.object("StatefulSet/" + Model::set_name("p2"));
  model.edit(with(sharded(3), {{"memory", "64Mi"}}));
  model.look();
  model.tick();
  const Json now = model.object("StatefulSet/" + Model::set_name("p2"));
  model.object("StatefulSet/" + Model::set_name("p2")) = before;
  EXPECT_THAT(model.decide_now().after, IsEmpty()) << "p2's pods would pass for new ones";
  model.object("StatefulSet/" + Model::set_name("p2")) = now;
  EXPECT_THAT(model.decide_now().after, testing::SizeIs(1)) << "the first one alone";
  ASSERT_TRUE(model.settle());
  EXPECT_THAT(model.deleted_pods, testing::SizeIs(6));
}

TEST(Decide, TheFirstPodWaitsForCopiesOfAllShards) {
  Model model(sharded(3));
  ASSERT_TRUE(model.settle());
  model.edit(with(sharded(3), {{"memory", "64Mi"}}));
  model.look();
  model.tick();
  // The pod of p1 that went is not missed by the watch of pods yet, but by the agents.
  Json& annotations = model.object("Lease/redis-app")["metadata"]["annotations"];
  Json report = Json::parse(annotations["keyway.dev/report"].get<std::string>());
  report["shards"]["p1"]["replicas_in_sync"] = 0;
  annotations["keyway.dev/report"] = report.dump();
  EXPECT_THAT(model.decide_now().after, IsEmpty());
}

TEST(Decide, PodsAreMadeAnewWhenSomebodyAsksForIt) {
  Model model(sharded(2));
  ASSERT_TRUE(model.settle());
  Json wish = Json::array({"uid-of-nobody"});
  for (const std::string& name : {pod("p1", 0), pod("p1", 1), pod("p2", 0)})
    wish.push_back(model.object("Pod/" + name)["metadata"]["uid"]);
  model.cluster["metadata"]["annotations"]["keyway.dev/restart"] = wish.dump();
  model.look();
  EXPECT_THAT(model.deleted_pods, ElementsAre(pod("p1", 1))) << "replicas first";
  EXPECT_THAT(model.wanted_text(), HasSubstr(R"("switchover":{"p2":"redis-partition-p2-app-1"})"));
  EXPECT_EQ(model.cluster["status"]["state"], "rolling");
  ASSERT_TRUE(model.settle());
  EXPECT_THAT(model.deleted_pods, testing::UnorderedElementsAre(pod("p1", 1), pod("p1", 0), pod("p2", 0)));
  EXPECT_EQ(model.cluster["status"]["state"], "ready");
  EXPECT_THAT(model.wanted_text(), Not(HasSubstr("switchover")));
  model.cluster["metadata"]["annotations"]["keyway.dev/restart"] = "all of them";
  EXPECT_EQ(model.look(), 0) << "what cannot be read asks for nothing";
}

TEST(Decide, APodThatIsAboutToGoProvesNoTemplate) {
  Model model(sharded(3));
  ASSERT_TRUE(model.settle());
  model.edit(with(sharded(3), {{"memory", "64Mi"}}));
  model.look();
  model.tick();
  model.object("Pod/" + pod("p1", 1))["metadata"]["deletionTimestamp"] = "2026-11-22T00:00:00Z";
  model.look();
  EXPECT_THAT(model.deleted_pods, IsEmpty());
}

TEST(Decide, VolumesGrowBeforeTheirTemplate) {
  const auto storage = [](const std::string& size) {
    return with(sharded(1), {{"storage", {{"size", size}}}});
  };
  Model model(storage("1Gi"));
  ASSERT_TRUE(model.settle());
  const std::string set = "StatefulSet/" + Model::set_name("p1");
  const std::string uid = model.object(set)["metadata"]["uid"];
  model.edit(storage("2Gi"));
  ASSERT_TRUE(model.settle());
  EXPECT_EQ(
      model.object("PersistentVolumeClaim/data-" + pod("p1", 1))["spec"]["resources"]["requests"]["storage"],
      "2Gi");
  EXPECT_EQ(model.object(set)["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"],
            "2Gi");
  EXPECT_NE(model.object(set)["metadata"]["uid"], uid);
  EXPECT_THAT(model.deleted_pods, IsEmpty());
  EXPECT_EQ(model.cluster["status"]["state"], "ready");
}

TEST(Decide, ASetThatMakesWayIsNotAppliedAgain) {
  const auto sized = [](const char* size) { return with(sharded(1), {{"storage", {{"size", size}}}}); };
  Model model(sized("1Gi"));
  ASSERT_TRUE(model.settle());
  const Json before = model.object("StatefulSet/" + Model::set_name("p1"));
  model.edit(sized("2Gi"));
  while (model.has("StatefulSet/" + Model::set_name("p1"))) ASSERT_GT(model.look() + model.tick(), 0);
  // The watch still shows the one that is gone.
  model.objects["StatefulSet/" + Model::set_name("p1")] = before;
  for (const WantedObject& wanted : model.decide_now().objects) EXPECT_NE(wanted.type->kind, "StatefulSet");
  model.objects.erase("StatefulSet/" + Model::set_name("p1"));
  ASSERT_TRUE(model.settle());
  const Json after = model.object("StatefulSet/" + Model::set_name("p1"));
  EXPECT_EQ(after["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"], "2Gi");
  EXPECT_THAT(model.deleted_pods, IsEmpty());
}

TEST(Decide, ABadSpecIsToldAndNotCarriedOut) {
  Model model(sharded(3));
  ASSERT_TRUE(model.settle());
  const auto before = model.objects;
  model.edit(with(sharded(3), {{"config", {{"port", "7000"}}}}));
  ASSERT_GT(model.look(), 0);
  EXPECT_EQ(model.objects, before);
  EXPECT_EQ(model.cluster["status"]["state"], "invalid");
  EXPECT_EQ(model.condition("Progressing", "reason"), "InvalidSpec");
  EXPECT_THAT(model.condition("Progressing", "message"), testing::StartsWith("spec.config.port: "));
  EXPECT_EQ(model.condition("Ready"), "True") << "the servers go on";
  EXPECT_THAT(model.events, Contains("InvalidSpec"));
  model.edit(sharded(3));
  ASSERT_TRUE(model.settle());
  EXPECT_EQ(model.cluster["status"]["state"], "ready");
}

struct Refused {
  Json spec;
  std::string field;
};

TEST(Decide, WhatCannotChangeIsRefused) {
  const Json first = with(sharded(3), {{"storage", {{"size", "2Gi"}, {"className", "fast"}}}});
  const std::vector<Refused> all = {
      {with(first, {{"mode", "replicated"}, {"shards", 1}}), "spec.mode"},
      {with(first, {{"engine", "valkey"}}), "spec.engine.kind"},
      {with(first, {{"storage", {{"size", "1Gi"}, {"className", "fast"}}}}), "spec.storage.size"},
      {with(first, {{"storage", {{"size", "2Gi"}, {"className", "slow"}}}}), "spec.storage.className"},
      {sharded(3), "spec.storage.size"},
      {with(first, {{"shards", {{{"name", "p1"}, {"slots", {"0-100"}}}}}}), "spec.shards"},
  };
  for (const Refused& one : all) {
    Model model(first);
    ASSERT_TRUE(model.settle());
    model.edit(one.spec);
    model.look();
    EXPECT_EQ(model.condition("Progressing", "reason"), "InvalidSpec") << one.field;
    EXPECT_THAT(model.condition("Progressing", "message"), testing::StartsWith(one.field + ":"));
  }
}

TEST(Decide, AgentsAreToldOfShardsThatDiffer) {
  const Json small = {{"name", "small"}, {"slots", {"0-99"}}};
  const Json large = {{"name", "large"}, {"slots", {"100-16383"}}, {"replicas", 2}};
  Model model(with(sharded(1), {{"shards", {small, large}}, {"replicas", 0}}));
  ASSERT_TRUE(model.settle());
  const auto wanted = Json::parse(model.wanted_text());
  EXPECT_EQ(wanted["replicas"], 2);
  EXPECT_EQ(wanted["shard_replicas"], (Json{{"small", 0}}));
  EXPECT_EQ(wanted["slots"], (Json{{"small", "0-99"}, {"large", "100-16383"}}));
  EXPECT_EQ(model.object("StatefulSet/redis-partition-small-app")["spec"]["replicas"], 1);
  EXPECT_EQ(model.object("StatefulSet/redis-partition-large-app")["spec"]["replicas"], 3);
}

TEST(Decide, PasswordsAreMadeOnceAndUsersFollowTheSpec) {
  Model model(sharded(1));
  ASSERT_TRUE(model.settle());
  const std::string first = users_of(model);
  EXPECT_EQ(first,
            "user default on +@all ~* >password-1 &*\n"
            "user workload on +@all -@dangerous +info ~* >password-2 &*\n");
  const Json reader = {{"name", "reader"}, {"rules", "+@read ~r:* &none"}, {"enabled", false}};
  model.edit(with(sharded(1), {{"users", {reader}}}));
  ASSERT_TRUE(model.settle());
  EXPECT_EQ(users_of(model),
            "user default on +@all ~* >password-1 &*\n"
            "user reader off +@read ~r:* &none >password-1\n");
  EXPECT_THAT(model.deleted_pods, IsEmpty());
}

TEST(Decide, ASecretOfSomebodyElseIsLeftAlone) {
  Model model(sharded(1));
  const auto put = [&model](const std::string& users) {
    model.objects["Secret/redis-etc-app"] = {
        {"metadata",
         {{"name", "redis-etc-app"}, {"namespace", "data"}, {"uid", "uid-theirs"}, {"resourceVersion", "7"}}},
        {"data", {{"users.acl", platform::base64_encoded(users)}}}};
  };
  const std::string theirs = "user default on ~* +@all >theirs\nuser workload on ~* +@read >w\n";
  put(theirs);
  ASSERT_TRUE(model.settle());
  EXPECT_EQ(users_of(model), theirs);
  EXPECT_EQ(model.condition("UsersApplied"), "True");
  put("user workload on ~* +@read >w\n");
  model.look();
  EXPECT_EQ(model.condition("UsersApplied", "reason"), "NoAdmin");
  EXPECT_EQ(model.condition("Degraded", "reason"), "NoAdmin");
}

TEST(Decide, ObjectsOfADeletedClusterAreWaitedFor) {
  Model model(sharded(1));
  model.objects["StatefulSet/" + Model::set_name("p1")] = {
      {"metadata",
       {{"name", Model::set_name("p1")},
        {"namespace", "data"},
        {"uid", "old"},
        {"resourceVersion", "1"},
        {"generation", 1},
        {"labels", {{"cluster", "app"}, {"partition", "p1"}}},
        {"ownerReferences",
         {{{"kind", "KeywayCluster"}, {"name", "app"}, {"uid", "uid-former"}, {"controller", true}}}}}},
      {"spec", {{"replicas", 2}}}};
  const Decision decision = model.decide_now();
  EXPECT_THAT(decision.objects, IsEmpty());
  ASSERT_FALSE(decision.doing.empty());
  EXPECT_EQ(decision.doing.front().reason, "FormerCluster");
}

TEST(Decide, NothingIsDoneForAClusterThatIsBeingDeleted) {
  Model model(sharded(1));
  ASSERT_TRUE(model.settle());
  model.cluster["metadata"]["deletionTimestamp"] = "2026-11-22T10:00:00Z";
  const Decision decision = model.decide_now();
  EXPECT_THAT(decision.before, IsEmpty());
  EXPECT_THAT(decision.objects, IsEmpty());
  EXPECT_THAT(decision.after, IsEmpty());
}

TEST(Decide, AProxyComesAndGoes) {
  Model model(with(sharded(1), {{"proxy", Json::object()}}));
  ASSERT_TRUE(model.settle());
  EXPECT_TRUE(model.has("Deployment/redis-proxy-app"));
  model.edit(sharded(1));
  ASSERT_TRUE(model.settle());
  EXPECT_FALSE(model.has("Deployment/redis-proxy-app"));
  EXPECT_FALSE(model.has("Service/redis-proxy-app"));
  EXPECT_FALSE(model.has("PodDisruptionBudget/redis-proxy-app"));
}

TEST(Decide, OutcomesAreToldOnce) {
  Model model(sharded(1));
  ASSERT_TRUE(model.settle());
  model.agents_work = false;
  Json& annotations = model.object("Lease/redis-app")["metadata"]["annotations"];
  Json report = Json::parse(annotations["keyway.dev/report"].get<std::string>());
  report["outcomes"] = {{{"n", 1}, {"what", "promote p1-1"}, {"why", "p1-0 is gone"}, {"ok", true}},
                        {{"n", 2}, {"what", "forget p1-0"}, {"ok", false}, {"text", "no answer"}}};
  annotations["keyway.dev/report"] = report.dump();
  Decision decision = model.decide_now();
  ASSERT_THAT(decision.events, testing::SizeIs(2));
  EXPECT_EQ(decision.events[0].message, "promote p1-1: p1-0 is gone");
  EXPECT_FALSE(decision.events[0].warning);
  EXPECT_EQ(decision.events[1].message, "forget p1-0; no answer");
  EXPECT_TRUE(decision.events[1].warning);
  model.look();
  EXPECT_EQ(model.cluster["status"]["lastOutcome"], 2);
  EXPECT_THAT(model.decide_now().events, IsEmpty());
}

TEST(Decide, ATransitionTimeChangesWithItsStatusOnly) {
  Model model(sharded(1));
  ASSERT_TRUE(model.settle());
  const std::string ready = model.condition("Ready", "lastTransitionTime");
  const std::string progressing = model.condition("Progressing", "lastTransitionTime");
  model.edit(sharded(2));
  model.look();
  model.edit(with(sharded(2), {{"memory", "64Mi"}}));
  model.look();
  EXPECT_NE(model.condition("Progressing", "lastTransitionTime"), progressing);
  EXPECT_NE(model.condition("Ready", "lastTransitionTime"), ready);
  EXPECT_EQ(model.condition("UsersApplied", "lastTransitionTime"), ready) << "it has been so all along";
}

}  // namespace
}  // namespace keyway::operators
