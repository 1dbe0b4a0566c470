#include "platform/kubernetes/deploy_files.h"

#include "base/format.h"
#include "platform/kubernetes/cluster_definition.h"
#include "platform/kubernetes/operator_objects.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr std::string_view kMadeBy =
    "# Made by `keyway install --folder deploy`; change what makes it instead.\n";

std::string with_head(const std::string& text) { return std::string(kMadeBy) + text; }

// The chart's templates are the same objects with Helm's words for what its values say.
std::string chart_template(bool own_namespace_only) {
  OperatorObjects given;
  given.name_space = "{{ .Release.Namespace }}";
  given.own_namespace_only = own_namespace_only;
  given.make_namespace = false;
  given.image = "{{ .Values.image }}";
  given.replicas = "{{ .Values.replicas }}";
  std::string text = to_yaml(operator_objects(given));
  // A number, not a text.
  constexpr std::string_view kQuoted = "\"{{ .Values.replicas }}\"";
  if (const size_t at = text.find(kQuoted); at != std::string::npos)
    text.replace(at, kQuoted.size(), kQuoted.substr(1, kQuoted.size() - 2));
  return fmt::format("{{{{- if {}.Values.onlyOwnNamespace }}}}\n{}{{{{- end }}}}\n",
                     own_namespace_only ? "" : "not ", text);
}

std::string chart(std::string_view version) {
  return to_yaml(
      fields({{"apiVersion", "v2"},
              {"name", kOperatorName},
              {"description", "Runs Redis and Valkey clusters that KeywayCluster objects describe"},
              {"type", "application"},
              {"version", version},
              {"appVersion", version}}));
}

std::string chart_values(std::string_view image) {
  return fmt::format(
      "# An image whose entry point is keyway.\nimage: \"{}\"\n"
      "# One leads, the others stand by.\nreplicas: {}\n"
      "# true: only the clusters in the release's own namespace are looked after.\nonlyOwnNamespace: false\n",
      image, OperatorObjects().replicas.text());
}

}  // namespace

std::vector<DeployFile> deploy_files(std::string_view image, std::string_view version) {
  OperatorObjects given;
  given.image = image;
  const std::string definition = with_head(to_yaml(cluster_definition(kPresentMinor)));
  const Value base = fields({{"apiVersion", "kustomize.config.k8s.io/v1beta1"},
                             {"kind", "Kustomization"},
                             {"resources", list({"keywayclusters.yaml", "operator.yaml"})}});
  return {
      {"kustomize/kustomization.yaml", with_head(to_yaml(base))},
      {"kustomize/keywayclusters.yaml", definition},
      {"kustomize/operator.yaml", with_head(to_yaml(operator_objects(given)))},
      {"helm/Chart.yaml", with_head(chart(version))},
      {"helm/values.yaml", with_head(chart_values(image))},
      {"helm/crds/keywayclusters.yaml", definition},
      {"helm/templates/all-namespaces.yaml", chart_template(false)},
      {"helm/templates/own-namespace.yaml", chart_template(true)},
  };
}

}  // namespace keyway::platform::kubernetes
