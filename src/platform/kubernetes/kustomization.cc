#include "platform/kubernetes/kustomization.h"

#include <cassert>

#include "base/format.h"
#include "platform/kubernetes/names.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr std::string_view kUsersFileName = "users.acl";

// Without a hash in its name the Secret is updated in place, and running servers take the new users over.
Value kustomization_of(const WholeCluster& whole, const std::vector<FolderFile>& files) {
  const Naming& naming = whole.cluster.naming;
  Value resources;
  for (const FolderFile& file : files) {
    if (!file.secret) resources.append(file.name);
  }
  const Value secret = fields({{"name", secret_name(naming.suffix)}, {"files", list({kUsersFileName})}});
  return fields({{"apiVersion", "kustomize.config.k8s.io/v1beta1"},
                 {"kind", "Kustomization"},
                 {"namespace", naming.name_space},
                 {"nameSuffix", "-" + *naming.final_suffix},
                 {"resources", std::move(resources)},
                 {"secretGenerator", list({secret})},
                 {"generatorOptions",
                  fields({{"disableNameSuffixHash", true}, {"labels", cluster_labels(whole.cluster)}})}});
}

}  // namespace

std::string users_file(const Passwords& passwords) {
  return fmt::format(
      "user default on +@all ~* >{} &*\n"
      "user workload on +@all -@dangerous +info ~* >{} &*\n",
      passwords.admin, passwords.workload);
}

std::vector<FolderFile> kustomization(const WholeCluster& whole, const Passwords& passwords) {
  assert(whole.cluster.naming.suffix.empty() && whole.cluster.naming.final_suffix);
  std::vector<FolderFile> files = {{"shared.yaml", to_yaml(shared_objects(whole))}};
  for (const ShardObjects& shard : whole.shards)
    files.push_back({fmt::format("partition-{}.yaml", shard.name), to_yaml(shard_objects(whole, shard))});
  if (whole.proxy) files.push_back({"proxy.yaml", to_yaml(proxy_objects(whole))});
  files.push_back({std::string(kUsersFileName), users_file(passwords), true});
  files.push_back({"kustomization.yaml", to_yaml(kustomization_of(whole, files))});
  return files;
}

}  // namespace keyway::platform::kubernetes
