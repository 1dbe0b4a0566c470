#include "platform/kubernetes/operator_objects.h"

#include "platform/kubernetes/names.h"
#include "platform/kubernetes/pod_template.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr std::string_view kAccessGroup = "rbac.authorization.k8s.io";

Value rule(std::string_view group, const std::vector<std::string>& resources,
           const std::vector<std::string>& verbs) {
  return fields(
      {{"apiGroups", list({group})}, {"resources", text_list(resources)}, {"verbs", text_list(verbs)}});
}

// In the namespaces that it watches. Whoever gives rights has to have them: some of those for pods and Leases
// are here for the agents' sake alone.
Value rules() {
  const std::vector<std::string> keeps = {"get", "list", "watch", "create", "patch", "delete"};
  return list({
      rule(kApiGroup, {"keywayclusters"}, {"get", "list", "watch"}),
      rule(kApiGroup, {"keywayclusters/status"}, {"patch"}),
      // So that objects may name a KeywayCluster as the owner that is not gone before they are.
      rule(kApiGroup, {"keywayclusters/finalizers"}, {"update"}),
      rule("apps", {"statefulsets", "deployments"}, keeps),
      rule("", {"services", "configmaps", "serviceaccounts"}, keeps),
      rule("", {"persistentvolumeclaims"}, {"list", "watch", "patch", "delete"}),
      rule("", {"pods"}, {"get", "list", "watch", "patch", "delete"}),
      // By name only: it reads those with the users of its clusters, and lists none.
      rule("", {"secrets"}, {"get", "create", "patch"}),
      rule("policy", {"poddisruptionbudgets"}, keeps),
      rule(kAccessGroup, {"roles", "rolebindings"}, keeps),
      rule("coordination.k8s.io", {"leases"}, {"get", "list", "watch", "create", "update", "patch"}),
      rule("", {"events"}, {"create"}),
  });
}

// Where it runs: who of several leads.
Value rules_at_home() { return list({rule("coordination.k8s.io", {"leases"}, {"get", "create", "update"})}); }

Value operator_labels() {
  return fields({{"app.kubernetes.io/name", kOperatorName}, {kManagedByLabel, kManager}});
}

Value about(std::string name, std::string_view name_space) {
  return fields(
      {{"name", std::move(name)}, {"namespace", if_given(name_space)}, {"labels", operator_labels()}});
}

// A role and who has it. Without a namespace: in all of them.
void give(std::vector<Value>& objects, const OperatorObjects& given, const std::string& name,
          std::string_view name_space, Value rules) {
  const std::string kind = name_space.empty() ? "ClusterRole" : "Role";
  const std::string version = std::string(kAccessGroup) + "/v1";
  objects.push_back(fields({{"apiVersion", version},
                            {"kind", kind},
                            {"metadata", about(name, name_space)},
                            {"rules", std::move(rules)}}));
  const Value account =
      fields({{"kind", "ServiceAccount"}, {"name", kOperatorName}, {"namespace", given.name_space}});
  objects.push_back(fields({{"apiVersion", version},
                            {"kind", kind + "Binding"},
                            {"metadata", about(name, name_space)},
                            {"roleRef", fields({{"apiGroup", kAccessGroup}, {"kind", kind}, {"name", name}})},
                            {"subjects", list({account})}}));
}

Value probe(std::string_view path, int period_s) {
  return fields({{"httpGet", fields({{"path", path}, {"port", "http"}})}, {"periodSeconds", period_s}});
}

Value container(const OperatorObjects& given) {
  Value words = list({"operator", "--image", given.image});
  if (given.own_namespace_only) words.append("--namespace").append("$(POD_NAMESPACE)");
  const auto of_pod = [](std::string_view name, std::string_view path) {
    return fields({{"name", name}, {"valueFrom", fields({{"fieldRef", fields({{"fieldPath", path}})}})}});
  };
  return fields({
      {"name", "operator"},
      {"image", given.image},
      {"args", std::move(words)},
      {"env", list({of_pod(kPodNameVariable, "metadata.name"),
                    of_pod(kPodNamespaceVariable, "metadata.namespace")})},
      {"ports", list({fields({{"name", "http"}, {"containerPort", kAgentPort}})})},
      {"livenessProbe", probe(kLivePath, 10)},
      {"readinessProbe", probe(kReadyPath, 5)},
      {"resources", fields({{"requests", fields({{"cpu", "20m"}, {"memory", "32Mi"}})},
                            {"limits", fields({{"memory", "128Mi"}})}})},
      {"securityContext", restricted_container()},
  });
}

Value deployment(const OperatorObjects& given) {
  const Value selector = fields({{"app.kubernetes.io/name", kOperatorName}});
  return fields({
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata", about(std::string(kOperatorName), given.name_space)},
      {"spec",
       fields({{"replicas", given.replicas},
               {"revisionHistoryLimit", 3},
               {"selector", fields({{"matchLabels", selector}})},
               {"template", fields({{"metadata", fields({{"labels", operator_labels()}})},
                                    {"spec", fields({{"serviceAccountName", kOperatorName},
                                                     {"enableServiceLinks", false},
                                                     {"terminationGracePeriodSeconds", 30},
                                                     {"securityContext", restricted_pod()},
                                                     {"containers", list({container(given)})}})}})}})},
  });
}

}  // namespace

std::vector<Value> operator_objects(const OperatorObjects& given) {
  std::vector<Value> objects;
  if (given.make_namespace) {
    objects.push_back(
        fields({{"apiVersion", "v1"},
                {"kind", "Namespace"},
                {"metadata", fields({{"name", given.name_space}, {"labels", operator_labels()}})}}));
  }
  const std::string name(kOperatorName);
  objects.push_back(fields(
      {{"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", about(name, given.name_space)}}));
  if (given.own_namespace_only) {
    give(objects, given, name, given.name_space, rules());
  } else {
    give(objects, given, name, "", rules());
    give(objects, given, name + "-lead", given.name_space, rules_at_home());
  }
  objects.push_back(deployment(given));
  return objects;
}

}  // namespace keyway::platform::kubernetes
