// All that the operator watches: the API server's objects as small views, kept up to date. The loop's thread
// only.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operator/snapshot.h"
#include "operator/types.h"
#include "platform/kubernetes/api_client.h"
#include "platform/kubernetes/object_cache.h"
#include "platform/kubernetes/reflector.h"

namespace keyway::operators {

class World {
 public:
  // The key of a cluster of which something has changed: "namespace/name". There need be no such cluster.
  using Touched = std::function<void(const std::string& cluster)>;

  // An empty `name_space`: all of them. `client` and `budgets`, the type of PodDisruptionBudgets that the
  // server has, outlive it.
  World(platform::kubernetes::ApiClient& client, const std::string& name_space, const ResourceType& budgets,
        Touched touched);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Whether every type has been listed once: before that, nothing says what there is not.
  bool synced() const;
  // What is wrong with a watch, for people; empty: nothing.
  std::string problem() const;

  const std::map<std::string, ClusterView>& clusters() const { return clusters_.objects(); }
  // Nothing: there is no such cluster. Without its Secret, which is not watched.
  std::optional<Snapshot> snapshot(const std::string& cluster) const;
  // The object's resourceVersion as the watch has it; empty: it shows none.
  std::string version_of(const ResourceType& type, const std::string& key) const;

 private:
  template <typename View>
  using Cache = platform::kubernetes::ObjectCache<View>;
  // Objects of which only the metadata matter.
  struct Kept {
    const ResourceType* type = nullptr;
    Cache<KeptView> cache;
  };

  template <typename View>
  typename Cache<View>::Changed teller() const;
  void watch(const ResourceType& type, platform::kubernetes::ObjectStore& store, std::string labels,
             bool metadata_only = false);

  platform::kubernetes::ApiClient& client_;
  std::string name_space_;
  Touched touched_;
  Cache<ClusterView> clusters_;
  Cache<SetView> sets_;
  Cache<SetView> proxies_;
  Cache<ServerPod> pods_;
  Cache<LeaseView> leases_;
  Cache<ClaimView> claims_;
  std::list<Kept> kept_;
  std::vector<std::unique_ptr<platform::kubernetes::Reflector>> reflectors_;  // after what they fill
};

}  // namespace keyway::operators
