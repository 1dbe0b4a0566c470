#include "operator/world.h"

#include <algorithm>

#include "base/format.h"
#include "platform/kubernetes/names.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;

namespace {

constexpr size_t kMaxClusters = 5'000;
constexpr size_t kMaxObjects = 50'000;  // of a type

std::string ours() { return fmt::format("{}={}", kubernetes::kManagedByLabel, kubernetes::kManager); }

// Those of `cache` that are of the cluster; keys begin with the namespace.
template <typename View, typename Take>
void each_of(const kubernetes::ObjectCache<View>& cache, const SmallMeta& cluster, Take take) {
  const std::string prefix = cluster.name_space + "/";
  const std::map<std::string, View>& objects = cache.objects();
  for (auto one = objects.lower_bound(prefix); one != objects.end() && one->first.starts_with(prefix);
       ++one) {
    if (one->second.meta.cluster == cluster.name) take(one->second);
  }
}

}  // namespace

template <typename View>
typename World::Cache<View>::Changed World::teller() const {
  return [this](const View* before, const View* now) {
    if (before != nullptr) touched_(before->meta.cluster_key());
    if (now != nullptr && (before == nullptr || before->meta.cluster != now->meta.cluster))
      touched_(now->meta.cluster_key());
  };
}

World::World(kubernetes::ApiClient& client, const std::string& name_space, const ResourceType& budgets,
             Touched touched)
    : client_(client),
      name_space_(name_space),
      touched_(std::move(touched)),
      clusters_(parse_cluster, kMaxClusters, teller<ClusterView>()),
      sets_(parse_set, kMaxObjects, teller<SetView>()),
      proxies_(parse_set, kMaxObjects, teller<SetView>()),
      pods_(parse_server_pod, kMaxObjects, teller<ServerPod>()),
      leases_(parse_lease_view, kMaxObjects, teller<LeaseView>()),
      claims_(parse_claim, kMaxObjects, teller<ClaimView>()) {
  watch(kKeywayClusters, clusters_, "");
  watch(kubernetes::kStatefulSets, sets_, ours());
  watch(kubernetes::kDeployments, proxies_, ours());
  watch(kubernetes::kPods, pods_,
        fmt::format("{},{}={}", ours(), kubernetes::kRoleLabel, kubernetes::kPartitionRole));
  watch(kubernetes::kLeases, leases_, ours());
  watch(kubernetes::kVolumeClaims, claims_, ours());
  for (const ResourceType* type : {&kubernetes::kServices, &kubernetes::kConfigMaps,
                                   &kubernetes::kServiceAccounts, &kRoles, &kRoleBindings, &budgets}) {
    kept_.push_back({type, Cache<KeptView>(parse_kept, kMaxObjects, teller<KeptView>())});
    watch(*type, kept_.back().cache, ours(), true);
  }
}

void World::watch(const ResourceType& type, kubernetes::ObjectStore& store, std::string labels,
                  bool metadata_only) {
  kubernetes::ReflectorOptions options;
  options.list.label_selector = std::move(labels);
  options.list.metadata_only = metadata_only;
  // Of what hardly ever changes, older servers send no bookmarks either: such a watch is silent to its end.
  constexpr int64_t kMarginMs = 30'000;
  if (metadata_only) options.silence_ms = options.lasts_s * 1'000 + kMarginMs;
  reflectors_.push_back(
      std::make_unique<kubernetes::Reflector>(client_, type, name_space_, store, std::move(options)));
}

bool World::synced() const {
  return std::ranges::all_of(reflectors_, [](const auto& reflector) { return reflector->synced(); });
}

std::string World::problem() const {
  for (const auto& reflector : reflectors_) {
    if (reflector->problem()) return reflector->problem()->message;
  }
  return {};
}

std::optional<Snapshot> World::snapshot(const std::string& cluster) const {
  const ClusterView* found = clusters_.find(cluster);
  if (found == nullptr) return std::nullopt;
  Snapshot snapshot;
  snapshot.cluster = *found;
  const SmallMeta& meta = found->meta;
  const auto into = [](auto& list) { return [&list](const auto& view) { list.push_back(view); }; };
  each_of(sets_, meta, into(snapshot.sets));
  each_of(pods_, meta, into(snapshot.pods));
  each_of(leases_, meta, into(snapshot.leases));
  each_of(claims_, meta, into(snapshot.claims));
  each_of(proxies_, meta, [&](const SetView& view) { snapshot.proxy = view; });
  for (const Kept& kept : kept_)
    each_of(kept.cache, meta, [&](const KeptView& view) { snapshot.kept.push_back({kept.type, view}); });
  return snapshot;
}

std::string World::version_of(const ResourceType& type, const std::string& key) const {
  const auto version = [&key](const auto& cache) {
    const auto* view = cache.find(key);
    return view == nullptr ? std::string() : view->meta.resource_version;
  };
  if (type.plural == kubernetes::kStatefulSets.plural) return version(sets_);
  if (type.plural == kubernetes::kDeployments.plural) return version(proxies_);
  for (const Kept& kept : kept_) {
    if (kept.type->plural == type.plural) return version(kept.cache);
  }
  return {};
}

}  // namespace keyway::operators
