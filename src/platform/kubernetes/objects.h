// What the Kubernetes objects of a cluster are made from, spelled out: nothing here is left to a default.
// Made of a spec by whole_cluster.h, turned into objects by the other headers of this folder. Values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/spec.h"
#include "platform/kubernetes/value.h"

namespace keyway::platform::kubernetes {

// How the objects are called.
struct Naming {
  std::string cluster;  // the value of its label
  std::string suffix;   // of the names as they are written; empty: none, or kustomize adds it
  // Of the names as the cluster will have them; none: not known, as somebody's kustomization adds its own.
  std::optional<std::string> final_suffix;
  std::string name_space;  // empty: that of whoever applies it
};

// The servers of one shard.
struct ShardObjects {
  std::string name;
  int replicas = 1;                           // beside the primary
  std::optional<int64_t> memory_limit_bytes;  // of the pod's server and agent together; none: no limit
  std::optional<int64_t> max_memory_bytes;    // of the server's data
  int64_t cpu_request_milli = 100;
  std::optional<int64_t> storage_bytes;  // none: the data live as long as the pod
};

struct ClusterObjects {
  Naming naming;
  cluster::Mode mode = cluster::Mode::kSharded;
  std::string image;                    // the server's
  std::string keyway_image;             // whose entry point is this program
  std::string storage_class;            // empty: the Kubernetes cluster's default
  cluster::ServerConfig config;         // of all servers, but for maxmemory, which is each shard's own
  std::vector<std::string> partitions;  // the names of all shards; empty: not known
  // Whether pods are told how many replicas there are. A change of that replaces them all.
  bool tell_replicas = true;
};

// Labels of everything that belongs to a cluster; with `shard` also those of that shard's pods.
Value cluster_labels(const ClusterObjects& cluster);
Value shard_labels(const ClusterObjects& cluster, std::string_view shard);
// Those of them that select pods, and that never change.
Value shard_selector(const ClusterObjects& cluster, std::string_view shard);

// Of an object called `name`.
Value metadata(const ClusterObjects& cluster, std::string name, Value labels);

}  // namespace keyway::platform::kubernetes
