// A local port for each server pod of a cluster, through the API server, kept up to date while pods come and
// go: a pod that is made anew under its name keeps its port. The thread of its session's loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/detours.h"
#include "cli/kubectl/pod_cluster.h"
#include "platform/kubernetes/local_forward.h"
#include "platform/kubernetes/object_cache.h"
#include "platform/kubernetes/reflector.h"

namespace keyway::cli {

class PodPorts {
 public:
  using Trouble = std::function<void(const std::string& why)>;

  // `session` outlives it. `trouble` is told what goes wrong while it works.
  PodPorts(PluginSession& session, const PodCluster& cluster, Trouble trouble);

  // From the addresses of servers to the local ports. A pod's name instead of its address leads there as
  // well, whatever its address is by then.
  std::shared_ptr<const Detours> detours() const { return detours_; }
  // Servers by the names of their pods.
  std::vector<Address> by_name() const;
  // "redis-partition-p1-app-0"; empty: no pod has this address.
  std::string pod_at(const Address& server) const;
  // Whether the pods have been listed.
  bool synced() const { return reflector_.synced(); }

  // A local port that leads to whichever pod of the shard is the primary. kUnavailable: it is taken.
  Result<Address> add_primary_port(const std::string& shard, const Address& at);

 private:
  using PodView = platform::kubernetes::PodView;

  void pod_changed(const PodView* before, const PodView* now);
  void update_detours();
  std::unique_ptr<platform::kubernetes::LocalForward> forward_to(const std::string& pod);
  Result<platform::kubernetes::PodPort> target_of(const std::string& pod) const;
  Result<platform::kubernetes::PodPort> primary_of(const std::string& shard) const;
  const PodView* find(const std::string& pod) const;

  PluginSession& session_;
  Trouble trouble_;
  std::shared_ptr<Detours> detours_ = std::make_shared<Detours>();
  std::map<std::string, std::unique_ptr<platform::kubernetes::LocalForward>> forwards_;  // by pod
  std::vector<std::unique_ptr<platform::kubernetes::LocalForward>> primaries_;
  platform::kubernetes::ObjectCache<PodView> pods_;
  platform::kubernetes::Reflector reflector_;
};

}  // namespace keyway::cli
