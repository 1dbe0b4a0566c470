// What the objects of a cluster have to promise to each other and to people's scripts.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "platform/kubernetes/names.h"
#include "platform/kubernetes/pod_template.h"
#include "platform/kubernetes/proxy_objects.h"
#include "platform/kubernetes/shard_objects.h"
#include "platform/kubernetes/shared_objects.h"

namespace keyway::platform::kubernetes {
namespace {

ClusterObjects some_cluster(cluster::Mode mode = cluster::Mode::kSharded) {
  ClusterObjects cluster;
  cluster.naming = {"app", "app", "app", "data"};
  cluster.mode = mode;
  cluster.image = "redis:8.0";
  cluster.keyway_image = "keyway:1";
  cluster.storage_class = "standard-rwo";
  cluster.config = {{"maxmemory", "7"}, {"save", "3600 1 300 100"}, {"maxmemory-policy", "allkeys-lru"}};
  return cluster;
}

ShardObjects some_shard() {
  ShardObjects shard;
  shard.name = "p1";
  shard.replicas = 2;
  shard.memory_limit_bytes = int64_t{64} << 30;
  shard.max_memory_bytes = int64_t{47} << 30;
  shard.storage_bytes = int64_t{128} << 30;
  return shard;
}

const Value& pod_of(const Value& set) { return set["spec"]["template"]["spec"]; }

// The item of a list that has this name.
const Value& named(const Value& items, std::string_view name) {
  static const Value kNothing;
  for (const Value& item : items.items()) {
    if (item["name"].text() == name) return item;
  }
  return kNothing;
}

TEST(StatefulSet, HasTheNamesAndLabelsPeopleKnow) {
  const Value set = stateful_set(some_cluster(), some_shard());
  EXPECT_EQ(set["metadata"]["name"].text(), "redis-partition-p1-app");
  EXPECT_EQ(set["metadata"]["namespace"].text(), "data");
  const Value& labels = set["spec"]["template"]["metadata"]["labels"];
  EXPECT_EQ(labels["cluster"].text(), "app");
  EXPECT_EQ(labels["partition"].text(), "p1");
  EXPECT_EQ(labels["role"].text(), "partition-shard");
  EXPECT_TRUE(labels["shard-role"].is_none()) << "that is the agent's to say";
  EXPECT_EQ(
      stateful_set(some_cluster(cluster::Mode::kReplicated), some_shard())["metadata"]["labels"]["server"]
          .text(),
      "app");
}

TEST(StatefulSet, IsUpdatedByHandOnly) {
  const Value set = stateful_set(some_cluster(), some_shard());
  EXPECT_EQ(set["spec"]["updateStrategy"]["type"].text(), "OnDelete");
  EXPECT_EQ(set["spec"]["replicas"].text(), "3");
  EXPECT_EQ(set["spec"]["serviceName"].text(), headless_service(some_cluster())["metadata"]["name"].text());
}

TEST(StatefulSet, SelectsItsOwnPods) {
  const Value set = stateful_set(some_cluster(), some_shard());
  const Value& selector = set["spec"]["selector"]["matchLabels"];
  const Value& labels = set["spec"]["template"]["metadata"]["labels"];
  ASSERT_GE(selector.items().size(), 3U);
  for (const std::string& name : selector.names()) EXPECT_EQ(selector[name], labels[name]) << name;
  const Value budget = disruption_budget(some_cluster(), some_shard(), "v1");
  EXPECT_EQ(budget["spec"]["selector"]["matchLabels"], selector);
  EXPECT_EQ(budget["spec"]["maxUnavailable"].text(), "1");
}

TEST(StatefulSet, KeepsServersOfAShardOnDifferentNodes) {
  const Value set = stateful_set(some_cluster(), some_shard());
  const Value& rule =
      pod_of(set)["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0];
  EXPECT_EQ(rule["topologyKey"].text(), "kubernetes.io/hostname");
  EXPECT_EQ(rule["labelSelector"]["matchLabels"], set["spec"]["selector"]["matchLabels"]);
  EXPECT_EQ(pod_of(set)["topologySpreadConstraints"][0]["topologyKey"].text(), "topology.kubernetes.io/zone");
}

TEST(StatefulSet, StartsTheAgentThatTheInitContainerCopied) {
  const Value set = stateful_set(some_cluster(), some_shard());
  const Value& server = pod_of(set)["containers"][0];
  EXPECT_EQ(server["image"].text(), "redis:8.0");
  EXPECT_EQ(server["command"], list({kProgram, "agent"}));
  const Value& copies = pod_of(set)["initContainers"][0];
  EXPECT_EQ(copies["image"].text(), "keyway:1");
  const std::string volume = copies["volumeMounts"][0]["name"].text();
  EXPECT_EQ(copies["volumeMounts"][0]["mountPath"], named(server["volumeMounts"], volume)["mountPath"]);
  EXPECT_TRUE(kProgram.starts_with(copies["volumeMounts"][0]["mountPath"].text()));
}

TEST(StatefulSet, MountsExactlyTheVolumesThatThereAre) {
  for (bool stored : {true, false}) {
    ShardObjects shard = some_shard();
    if (!stored) shard.storage_bytes.reset();
    const Value set = stateful_set(some_cluster(), shard);
    for (const Value& mount : pod_of(set)["containers"][0]["volumeMounts"].items()) {
      const bool claimed = set["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == mount["name"];
      const bool listed = !named(pod_of(set)["volumes"], mount["name"].text()).is_none();
      EXPECT_NE(claimed, listed) << mount["name"].text();
    }
  }
}

TEST(StatefulSet, GivesTheServersTheirUsersConfigAndDisk) {
  const Value set = stateful_set(some_cluster(), some_shard());
  const Value& users = named(pod_of(set)["volumes"], "redis-etc");
  EXPECT_EQ(users["secret"]["secretName"].text(), "redis-etc-app");
  EXPECT_EQ(named(pod_of(set)["containers"][0]["volumeMounts"], "redis-etc")["mountPath"].text(),
            "/etc/redis");
  const Value& claim = set["spec"]["volumeClaimTemplates"][0];
  EXPECT_EQ(claim["spec"]["resources"]["requests"]["storage"].text(), "128Gi");
  EXPECT_EQ(claim["spec"]["storageClassName"].text(), "standard-rwo");
  EXPECT_EQ(config_map(some_cluster())["data"]["server.conf"].text(),
            "# What all servers of the cluster run with beside what Keyway's agent sets itself.\n"
            "maxmemory-policy allkeys-lru\nsave 3600 1 300 100\n");
}

TEST(StatefulSet, TellsTheAgentWhereItIs) {
  ClusterObjects cluster = some_cluster();
  cluster.partitions = {"p1", "p2"};
  const Value set = stateful_set(cluster, some_shard());
  const Value& variables = pod_of(set)["containers"][0]["env"];
  EXPECT_EQ(named(variables, "KEYWAY_MODE")["value"].text(), "sharded");
  EXPECT_EQ(named(variables, "KEYWAY_SHARD")["value"].text(), "p1");
  EXPECT_EQ(named(variables, "KEYWAY_PARTITIONS")["value"].text(), "p1,p2");
  EXPECT_EQ(named(variables, "KEYWAY_REPLICAS")["value"].text(), "2");
  EXPECT_EQ(named(variables, "KEYWAY_MAXMEMORY_BYTES")["value"].text(), std::to_string(int64_t{47} << 30));
  EXPECT_EQ(named(variables, "KEYWAY_CLUSTER")["valueFrom"]["fieldRef"]["fieldPath"].text(),
            "metadata.labels['cluster']");
  EXPECT_EQ(named(variables, "POD_IP")["valueFrom"]["fieldRef"]["fieldPath"].text(), "status.podIP");
}

TEST(StatefulSet, ProbesTheAgent) {
  const Value set = stateful_set(some_cluster(), some_shard());
  const Value& server = pod_of(set)["containers"][0];
  for (const char* probe : {"livenessProbe", "readinessProbe"}) {
    const std::string port = server[probe]["httpGet"]["port"].text();
    EXPECT_EQ(named(server["ports"], port)["containerPort"].text(), "9121");
  }
  EXPECT_EQ(server["readinessProbe"]["httpGet"]["path"].text(), "/readyz");
}

// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
TEST(StatefulSet, MeetsTheRestrictedPodSecurityStandard) {
  const Value set = stateful_set(some_cluster(), some_shard());
  const Value deployment = proxy_objects(some_cluster(), {}, "v1").front();
  for (const Value* owner : {&set, &deployment}) {
    const Value& pod = pod_of(*owner);
    EXPECT_EQ(pod["securityContext"]["runAsNonRoot"].text(), "true");
    EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"].text(), "RuntimeDefault");
    std::vector<Value> containers = pod["containers"].items();
    containers.insert(containers.end(), pod["initContainers"].items().begin(),
                      pod["initContainers"].items().end());
    for (const Value& container : containers) {
      EXPECT_EQ(container["securityContext"]["allowPrivilegeEscalation"].text(), "false");
      EXPECT_EQ(container["securityContext"]["capabilities"]["drop"][0].text(), "ALL");
      EXPECT_EQ(container["securityContext"]["readOnlyRootFilesystem"].text(), "true");
    }
  }
}

TEST(StatefulSet, GivesBigServersTimeToSave) {
  ShardObjects shard = some_shard();
  EXPECT_EQ(grace_period_s(shard), 760);
  shard.memory_limit_bytes.reset();
  EXPECT_EQ(grace_period_s(shard), 120);
  shard.memory_limit_bytes = int64_t{1} << 50;
  EXPECT_EQ(grace_period_s(shard), 3600);
}

TEST(PrimaryService, LeadsToPrimariesOnly) {
  const Value service = primary_service(some_cluster(cluster::Mode::kReplicated));
  EXPECT_EQ(service["metadata"]["name"].text(), "redis-primary-app");
  EXPECT_EQ(service["spec"]["selector"]["shard-role"].text(), "primary");
  EXPECT_EQ(service["spec"]["selector"]["server"].text(), "app");
}

TEST(HeadlessService, FindsPodsThatAreNotReady) {
  const Value service = headless_service(some_cluster());
  EXPECT_EQ(service["spec"]["clusterIP"].text(), "None");
  EXPECT_EQ(service["spec"]["publishNotReadyAddresses"].text(), "true");
}

// What a rule allows, as "verb resource [names]".
std::vector<std::string> allowed(const Value& role) {
  std::vector<std::string> all;
  for (const Value& rule : role["rules"].items()) {
    for (const Value& verb : rule["verbs"].items())
      all.push_back(verb.text() + " " + rule["resources"][0].text() + " " + to_json(rule["resourceNames"]));
  }
  return all;
}

TEST(AgentAccess, IsToItsOwnShardOnly) {
  const std::vector<Value> objects = agent_access(some_cluster(), some_shard());
  ASSERT_EQ(objects.size(), 3U);
  const std::vector<std::string> all = allowed(objects[1]);
  const std::string pods =
      R"(["redis-partition-p1-app-0","redis-partition-p1-app-1","redis-partition-p1-app-2","redis-partition-p1-app-3","redis-partition-p1-app-4","redis-partition-p1-app-5"])";
  EXPECT_TRUE(std::ranges::count(all, "patch pods " + pods)) << to_json(objects[1]);
  EXPECT_TRUE(std::ranges::count(all, R"(update leases ["redis-partition-p1-app","redis-app"])"));
  for (const std::string& right : all) {
    EXPECT_EQ(right.find("secrets"), std::string::npos);
    EXPECT_EQ(right.find("pods/"), std::string::npos);
    EXPECT_EQ(right.find('*'), std::string::npos);
  }
  EXPECT_EQ(objects[2]["subjects"][0]["name"], objects[0]["metadata"]["name"]);
  EXPECT_EQ(objects[2]["roleRef"]["name"], objects[1]["metadata"]["name"]);
  EXPECT_EQ(pod_of(stateful_set(some_cluster(), some_shard()))["serviceAccountName"],
            objects[0]["metadata"]["name"]);
}

TEST(AgentAccess, NamesNoPodsWhoseNamesAreNotKnown) {
  ClusterObjects cluster = some_cluster();
  cluster.naming = {"redis", "", std::nullopt, ""};
  const std::vector<Value> objects = agent_access(cluster, some_shard());
  for (const Value& rule : objects[1]["rules"].items()) EXPECT_TRUE(rule["resourceNames"].is_none());
}

TEST(Proxy, LooksAtTheClusterByItsServices) {
  const std::vector<Value> objects = proxy_objects(some_cluster(), {.user = "workload"}, "v1");
  const Value& words = pod_of(objects[0])["containers"][0]["args"];
  EXPECT_EQ(words.items().back().text(), "redis-app:6379");
  EXPECT_TRUE(std::ranges::count(words.items(), Value("--open")));
  EXPECT_EQ(objects[1]["metadata"]["name"].text(), "redis-proxy-app");
  EXPECT_EQ(objects[1]["spec"]["selector"], objects[0]["spec"]["selector"]["matchLabels"]);
  const std::vector<Value> strict = proxy_objects(some_cluster(), {}, "v1");
  EXPECT_FALSE(std::ranges::count(pod_of(strict[0])["containers"][0]["args"].items(), Value("--open")));
}

bool is_label_value(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return text.size() <= 63 && (text.empty() || (alphanumeric(text.front()) && alphanumeric(text.back()))) &&
         std::ranges::all_of(text,
                             [&](char c) { return alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

void expect_valid_names(const Value& object) {
  RC_ASSERT(is_label_value(object["metadata"]["name"].text()));
  for (const Value* labels : {&object["metadata"]["labels"], &object["spec"]["selector"]["matchLabels"],
                              &object["spec"]["template"]["metadata"]["labels"]}) {
    for (const Value& value : labels->items()) RC_ASSERT(is_label_value(value.text()));
  }
}

RC_GTEST_PROP(Objects, HaveValidNamesWhateverTheCluster, ()) {
  const auto name = [](int most) {
    return rc::gen::map(
        rc::gen::container<std::string>(rc::gen::elementOf(std::string("abz09-"))),
        [most](std::string text) { return "x" + text.substr(0, static_cast<size_t>(most - 2)) + "y"; });
  };
  ClusterObjects cluster =
      some_cluster(*rc::gen::arbitrary<bool>() ? cluster::Mode::kSharded : cluster::Mode::kReplicated);
  cluster.naming.cluster = *name(20);
  cluster.naming.suffix = cluster.naming.cluster;
  ShardObjects shard = some_shard();
  shard.name = *name(15);
  shard.replicas = *rc::gen::inRange(0, 6);
  std::vector<Value> objects = agent_access(cluster, shard);
  objects.push_back(stateful_set(cluster, shard));
  objects.push_back(disruption_budget(cluster, shard, "v1"));
  objects.push_back(headless_service(cluster));
  objects.push_back(primary_service(cluster));
  objects.push_back(config_map(cluster));
  for (const Value& object : proxy_objects(cluster, {}, "v1")) objects.push_back(object);
  for (const Value& object : objects) expect_valid_names(object);
  const std::string set = objects[3]["metadata"]["name"].text();
  RC_ASSERT(set.size() <= kMaxStatefulSetName);
  RC_ASSERT(is_label_value(pod_name(shard.name, cluster.naming.suffix, shard.replicas)));
}

}  // namespace
}  // namespace keyway::platform::kubernetes
