#include "platform/kubernetes/cluster_definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/spec_rules.h"
#include "platform/kubernetes/deploy_files.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/operator_objects.h"
#include "platform/kubernetes/whole_cluster.h"

namespace keyway::platform::kubernetes {
namespace {

using testing::HasSubstr;

const Value& spec_of(const Value& definition) {
  return definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
}

TEST(ClusterDefinition, HasThePlannersBounds) {
  const Value definition = cluster_definition(kPresentMinor);
  const Value& fields = spec_of(definition)["properties"];
  EXPECT_EQ(fields["replicas"]["maximum"].text(), std::to_string(cluster::kMaxReplicas));
  EXPECT_EQ(fields["shards"]["maximum"].text(), std::to_string(cluster::kMaxShards));
  EXPECT_EQ(fields["users"]["maxItems"].text(), std::to_string(cluster::kMaxUsers));
}

TEST(ClusterDefinition, LongestNameStillHasAStatefulSet) {
  const Value definition = cluster_definition(kPresentMinor);
  const Value& name = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["metadata"]
                                ["properties"]["name"];
  const size_t longest = std::stoul(name["maxLength"].text());
  EXPECT_EQ(joint_name_problem("p1", std::string(longest, 'a')), std::nullopt);
  EXPECT_NE(joint_name_problem("p1", std::string(longest + 1, 'a')), std::nullopt);
}

TEST(ClusterDefinition, RulesAreForThoseWhoKnowThem) {
  EXPECT_THAT(to_json(cluster_definition(kFirstMinorWithRules)), HasSubstr("x-kubernetes-validations"));
  EXPECT_THAT(to_json(cluster_definition(kFirstMinorWithRules - 1)),
              testing::Not(HasSubstr("x-kubernetes-validations")));
}

TEST(OperatorObjects, WatchOneNamespaceWithoutRightsInOthers) {
  OperatorObjects given;
  given.name_space = "data";
  given.own_namespace_only = true;
  given.make_namespace = false;
  given.image = "keyway:1";
  for (const Value& object : operator_objects(given)) {
    if (object["kind"].text() != "ClusterRole") continue;
    for (const Value& rule : object["rules"].items()) {
      for (const Value& verb : rule["verbs"].items()) {
        EXPECT_THAT(verb.text(), testing::AnyOf("get", "list", "watch")) << to_json(rule);
      }
      EXPECT_THAT(rule["resources"][0].text(), testing::AnyOf("nodes", "storageclasses"));
    }
  }
}

// Kubernetes lets nobody give rights that he does not have.
TEST(OperatorObjects, MayGiveAgentsTheirRights) {
  std::vector<std::string> own;
  OperatorObjects given;
  for (const Value& object : operator_objects(given)) {
    if (object["kind"].text() != "ClusterRole") continue;
    for (const Value& rule : object["rules"].items()) {
      for (const Value& resource : rule["resources"].items()) {
        for (const Value& verb : rule["verbs"].items())
          own.push_back(rule["apiGroups"][0].text() + "/" + resource.text() + " " + verb.text());
      }
    }
  }
  Surroundings around;
  around.naming = {"app", "app", "app", "data"};
  Result<WholeCluster> whole = spell_out(cluster::default_spec("app", cluster::Mode::kSharded, 1, 1), around);
  ASSERT_TRUE(whole);
  for (const Value& object : all_objects(*whole)) {
    if (object["kind"].text() != "Role") continue;
    for (const Value& rule : object["rules"].items()) {
      for (const Value& verb : rule["verbs"].items()) {
        EXPECT_THAT(own, testing::Contains(rule["apiGroups"][0].text() + "/" + rule["resources"][0].text() +
                                           " " + verb.text()));
      }
    }
  }
}

TEST(DeployFiles, NumbersInTheChartAreNoTexts) {
  for (const DeployFile& file : deploy_files("keyway:1", "1.2.3")) {
    if (!file.path.starts_with("helm/templates/")) continue;
    EXPECT_THAT(file.text, HasSubstr("replicas: {{ .Values.replicas }}\n"));
  }
}

}  // namespace
}  // namespace keyway::platform::kubernetes
