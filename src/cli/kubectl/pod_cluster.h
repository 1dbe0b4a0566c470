// A cluster on Kubernetes as kubectl's plugin sees it: its pods, what its agents report, its KeywayCluster if
// there is one. Values, and the requests that read them; main thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/kubectl/request.h"
#include "cluster/spec.h"
#include "platform/kubernetes/api_client.h"
#include "platform/kubernetes/cluster_lease.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/object_meta.h"
#include "platform/kubernetes/resource.h"

namespace keyway::cli {

inline constexpr platform::kubernetes::ResourceType kKeywayClusters{
    platform::kubernetes::kApiGroup, platform::kubernetes::kApiVersion, platform::kubernetes::kResource,
    platform::kubernetes::kKind};

// One run of the plugin: who is asked, and where.
struct PluginSession {
  explicit PluginSession(platform::kubernetes::ClientConfig config);

  boost::asio::io_context io{1};
  std::string name_space;
  std::string server;  // for people
  platform::kubernetes::ApiClient client;
};

// The answer's body. Of what is forbidden the error says which right is missing.
Result<std::string> ask(PluginSession& session, platform::kubernetes::ApiRequest request);
// What a refusal means to whoever runs the plugin.
Error explained(const platform::kubernetes::ApiError& error);

struct PodShard {
  std::vector<platform::kubernetes::PodView> pods;  // by name
  std::optional<platform::kubernetes::Report::Shard> report;

  // The name of the pod that is the primary by its label, else by the report; empty: none.
  std::string primary() const;
};

struct PodCluster {
  std::string name;
  std::string suffix;  // in the names of its objects
  cluster::Mode mode = cluster::Mode::kSharded;
  std::map<std::string, PodShard> shards;
  std::vector<platform::kubernetes::Report> reports;  // one; in replicated mode one of each shard
  std::string object;                                 // its KeywayCluster, JSON; empty: there is none

  const platform::kubernetes::PodView* pod(std::string_view name) const;
  std::string label_selector() const;
  // The Lease of the cluster, or in replicated mode of the shard.
  std::string lease_name(const std::string& shard) const;
};

// The cluster that the request names, or the only one; what was taken for a word may turn out to be its name.
// kNotFound: none of that name, and which there are; kInvalidArgument: there are several; kDenied.
Result<PodCluster> find_cluster(PluginSession& session, PluginRequest& request);

// What the agents report on this Lease; nothing: nothing yet, or it may not or cannot be read.
std::optional<platform::kubernetes::Report> read_report(PluginSession& session, const std::string& lease);

// Those of which there are pods, by name. Pure.
std::map<std::string, PodCluster> clusters_of(const std::vector<platform::kubernetes::PodView>& pods);

// The users of a cluster's Secret: their passwords by name; those whose password is not told have none.
Result<std::map<std::string, std::string>> read_users(PluginSession& session, const PodCluster& cluster);
// Of a users.acl. Pure.
std::map<std::string, std::string> users_in(std::string_view acl);

}  // namespace keyway::cli
