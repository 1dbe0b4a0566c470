// The commands that have to do with Kubernetes.
#include "cli/grammar.h"

namespace keyway::cli {

namespace {

constexpr std::string_view kGenDetails =
    "TEMPLATE is one of\n"
    "  single-partition, single-partition.yaml    a replicated server: one primary and its replicas\n"
    "  cluster-partition, cluster-partition.yaml  one shard of a sharded cluster\n"
    "  proxy, envoy.yaml                          a proxy before a sharded cluster, for any client\n"
    "  kustomization DIR                          a folder with all of it and with users, for kubectl apply "
    "-k\n"
    "\n"
    "Flags can be written as KEY=VALUE too. Keys of servers: partition, replicas, memory (limit of the pod), "
    "cpu,\n"
    "storage, storageClassName, engine, image, keywayImage, config.PARAMETER, name, namespace, objects\n"
    "(all, partition or shared), kubernetes (its version). Of a proxy: name, namespace, replicas, port, "
    "user, memory,\n"
    "cpu, keywayImage. Of a kustomization also: mode, shards or partitions (p1,p2,p3), proxy (yes), user.\n"
    "\n"
    "Examples:\n"
    "  keyway gen single-partition partition=index replicas=2 memory=64Gi storageClassName=standard-rwo "
    "storage=128Gi\n"
    "  keyway gen cluster-partition partition=p1 name=app namespace=data memory=4Gi storage=16Gi | kubectl "
    "apply -f -\n"
    "  keyway gen proxy name=app namespace=data\n"
    "  keyway gen kustomization --mode cluster --name app --namespace data storage=16Gi app && kubectl apply "
    "-k app\n";

constexpr std::string_view kOperatorDetails =
    "Runs until SIGTERM. Of several at once, one acts and the others stand by. Without --namespace it looks "
    "after the\n"
    "clusters of all namespaces. The API server is that of the pod it runs in, else of the kubeconfig.\n"
    "\n"
    "Examples:\n"
    "  keyway operator --image registry.example/keyway:1\n"
    "  KUBECONFIG=dev.yaml keyway operator --namespace data --http 127.0.0.1:9121\n";

constexpr std::string_view kInstallDetails =
    "With --namespace the operator runs there and looks after that namespace only; without, after all of "
    "them.\n"
    "\n"
    "Examples:\n"
    "  keyway install --image registry.example/keyway:1 | kubectl apply -f -\n"
    "  keyway install --namespace data --image registry.example/keyway:1\n";

}  // namespace

std::vector<Flag> kubernetes_flags() {
  return {
      {"name", "--name", "NAME", Word::kNone, "What the cluster is called"},
      {"namespace", "--namespace", "NAMESPACE", Word::kNone, "The Kubernetes namespace"},
      {"force", "--force", "", Word::kNone, "Write over manifests that are there"},
      {"image", "--image", "IMAGE", Word::kNone, "An image whose entry point is this program"},
      {"kubernetes", "--kubernetes", "1.N", Word::kNone, "The version that it is for (1.30)"},
      {"print", "--print", "WHAT", Word::kNone, "all, definition or operator"},
      {"folder", "--folder", "DIR", Word::kFolder, "Write a kustomize base and a Helm chart there instead"},
      {"new_passwords", "--new-passwords", "", Word::kNone, "With --force: make new passwords too"},
  };
}

std::vector<CommandSyntax> kubernetes_commands() {
  using enum Word;
  constexpr std::string_view kubernetes = "Kubernetes";
  return {
      {"gen",
       "TEMPLATE [KEY=VALUE...] [DIR]",
       {},
       "Print manifests that heal without an operator, or write a folder of them",
       kubernetes,
       {"mode", "name", "namespace", "force", "new_passwords"},
       kGenDetails},
      {"install",
       "",
       {},
       "Print the KeywayCluster definition and the operator's objects",
       kubernetes,
       {"namespace", "image", "kubernetes", "print", "folder"},
       kInstallDetails},
      {"operator",
       "",
       {},
       "Keep the clusters that KeywayCluster objects describe",
       kubernetes,
       {"namespace", "image", "http"},
       kOperatorDetails},
      {"copy-program",
       "FOLDER",
       {kFolder},
       "Copy this program to a folder (by an init container)",
       "",
       {},
       ""},
  };
}

}  // namespace keyway::cli
