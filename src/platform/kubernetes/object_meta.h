// What Keyway keeps of objects that it watches: a few fields of each, not the whole JSON. Values; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keyway::platform::kubernetes {

struct ObjectMeta {
  std::string name;
  std::string name_space;
  std::string uid;
  std::string resource_version;
  int64_t generation = 0;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;  // without kubectl's copy of the whole object
  std::vector<std::string> finalizers;
  std::string controller_kind;  // of the owner that controls it; empty: none
  std::string controller_name;
  std::string controller_uid;
  int64_t created_s = 0;  // Unix time
  bool deleting = false;  // it has a deletionTimestamp

  std::string key() const { return name_space.empty() ? name : name_space + "/" + name; }
  // The label's value; empty if it has none.
  std::string_view label(std::string_view label) const;

  friend bool operator==(const ObjectMeta&, const ObjectMeta&) = default;
};

// An object of which nothing but the metadata matters. Every view has `meta`, a comparison, and a parse_NAME;
// which fails with kCorrupt if the text is no object with a name.
struct MetaView {
  ObjectMeta meta;
  friend bool operator==(const MetaView&, const MetaView&) = default;
};
Result<MetaView> parse_meta(std::string_view object);

struct ContainerView {
  std::string name;
  std::string image;
  bool ready = false;
  bool running = false;
  int64_t restarts = 0;
  std::string waiting_reason;  // "ImagePullBackOff"; empty: it does not wait
  std::string waiting_message;
  std::string terminated_reason;  // of its last end: "OOMKilled"; empty: never
  int64_t exit_code = 0;          // of its last end

  friend bool operator==(const ContainerView&, const ContainerView&) = default;
};

struct PodView {
  ObjectMeta meta;
  std::string phase;  // "Pending", "Running", …
  std::string ip;     // empty: none yet
  std::string node;   // empty: not scheduled
  bool ready = false;
  std::string unscheduled_reason;  // what the scheduler says; empty: scheduled
  std::vector<ContainerView> init_containers;
  std::vector<ContainerView> containers;

  friend bool operator==(const PodView&, const PodView&) = default;
};
Result<PodView> parse_pod(std::string_view object);

struct StatefulSetView {
  ObjectMeta meta;
  int64_t replicas = 0;  // wanted
  int64_t present_replicas = 0;
  int64_t ready_replicas = 0;
  int64_t observed_generation = 0;
  std::string current_revision;
  std::string update_revision;
  std::string storage;  // that its first volume claim template asks for: "10Gi"; empty: it has none
  std::string storage_class;

  friend bool operator==(const StatefulSetView&, const StatefulSetView&) = default;
};
Result<StatefulSetView> parse_stateful_set(std::string_view object);

struct VolumeClaimView {
  ObjectMeta meta;
  std::string phase;  // "Pending", "Bound", "Lost"
  std::string asked;  // quantities: "10Gi"
  std::string capacity;
  std::string storage_class;

  friend bool operator==(const VolumeClaimView&, const VolumeClaimView&) = default;
};
Result<VolumeClaimView> parse_volume_claim(std::string_view object);

struct NodeView {
  ObjectMeta meta;
  bool ready = false;
  bool unschedulable = false;  // cordoned

  friend bool operator==(const NodeView&, const NodeView&) = default;
};
Result<NodeView> parse_node(std::string_view object);

}  // namespace keyway::platform::kubernetes
