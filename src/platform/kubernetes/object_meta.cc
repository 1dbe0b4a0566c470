#include "platform/kubernetes/object_meta.h"

#include <nlohmann/json.hpp>

#include "platform/kubernetes/time_text.h"

namespace keyway::platform::kubernetes {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

// Fields that are missing or of another type read as none: objects come from servers of many versions, and
// one odd field must not hide the rest.
const Json& at(const Json& json, const char* name) {
  static const Json none;
  if (!json.is_object()) return none;
  auto found = json.find(name);
  return found == json.end() ? none : *found;
}
std::string text(const Json& json, const char* name) {
  const Json& value = at(json, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}
int64_t number(const Json& json, const char* name) {
  const Json& value = at(json, name);
  return value.is_number_integer() ? value.get<int64_t>() : 0;
}
bool flag(const Json& json, const char* name) {
  const Json& value = at(json, name);
  return value.is_boolean() && value.get<bool>();
}

void read_texts(const Json& json, std::map<std::string, std::string>& into) {
  if (!json.is_object()) return;
  for (const auto& [name, value] : json.items()) {
    if (value.is_string() && name != kLastApplied) into.emplace(name, value.get<std::string>());
  }
}

// Without managedFields, which are often more than all the rest.
Json read_object(std::string_view object) {
  auto keep = [](int depth, Json::parse_event_t event, const Json& parsed) {
    bool key = event == Json::parse_event_t::key;
    return !(key && depth == 2 && parsed.is_string() &&
             parsed.get_ref<const std::string&>() == "managedFields");
  };
  return Json::parse(object.begin(), object.end(), keep, /*allow_exceptions=*/false);
}

Result<ObjectMeta> meta_of(const Json& object) {
  const Json& json = at(object, "metadata");
  ObjectMeta meta;
  meta.name = text(json, "name");
  if (meta.name.empty()) return fail(ErrorCode::kCorrupt, "this is no object of the API: it has no name");
  meta.name_space = text(json, "namespace");
  meta.uid = text(json, "uid");
  meta.resource_version = text(json, "resourceVersion");
  meta.generation = number(json, "generation");
  read_texts(at(json, "labels"), meta.labels);
  read_texts(at(json, "annotations"), meta.annotations);
  for (const Json& finalizer : at(json, "finalizers")) {
    if (finalizer.is_string()) meta.finalizers.push_back(finalizer.get<std::string>());
  }
  for (const Json& owner : at(json, "ownerReferences")) {
    if (!flag(owner, "controller")) continue;
    meta.controller_kind = text(owner, "kind");
    meta.controller_name = text(owner, "name");
    meta.controller_uid = text(owner, "uid");
  }
  std::optional<int64_t> created_us = parse_time_us(text(json, "creationTimestamp"));
  constexpr int64_t us_per_s = 1'000'000;
  meta.created_s = created_us.value_or(0) / us_per_s;
  meta.deleting = !text(json, "deletionTimestamp").empty();
  return meta;
}

// Whether the condition `type` is "True".
bool condition(const Json& status, std::string_view type) {
  for (const Json& one : at(status, "conditions")) {
    if (text(one, "type") == type) return text(one, "status") == "True";
  }
  return false;
}

std::vector<ContainerView> containers_of(const Json& statuses) {
  std::vector<ContainerView> views;
  for (const Json& status : statuses) {
    ContainerView view;
    view.name = text(status, "name");
    view.image = text(status, "image");
    view.ready = flag(status, "ready");
    view.restarts = number(status, "restartCount");
    const Json& state = at(status, "state");
    view.running = at(state, "running").is_object();
    view.waiting_reason = text(at(state, "waiting"), "reason");
    view.waiting_message = text(at(state, "waiting"), "message");
    const Json& ended = at(state, "terminated").is_object() ? at(state, "terminated")
                                                            : at(at(status, "lastState"), "terminated");
    view.terminated_reason = text(ended, "reason");
    view.exit_code = number(ended, "exitCode");
    views.push_back(std::move(view));
  }
  return views;
}

// Reads a view of type View from the JSON of an object whose metadata are in order.
template <typename View, typename Fill>
Result<View> view_of(std::string_view object, Fill fill) {
  Json json = read_object(object);
  Result<ObjectMeta> meta = meta_of(json);
  if (!meta) return fail(meta.error());
  View view;
  view.meta = std::move(*meta);
  fill(json, view);
  return view;
}

}  // namespace

std::string_view ObjectMeta::label(std::string_view label) const {
  auto found = labels.find(std::string(label));
  return found == labels.end() ? std::string_view() : std::string_view(found->second);
}

Result<MetaView> parse_meta(std::string_view object) {
  return view_of<MetaView>(object, [](const Json&, MetaView&) {});
}

Result<PodView> parse_pod(std::string_view object) {
  return view_of<PodView>(object, [](const Json& json, PodView& pod) {
    const Json& status = at(json, "status");
    pod.phase = text(status, "phase");
    pod.ip = text(status, "podIP");
    pod.node = text(at(json, "spec"), "nodeName");
    pod.ready = condition(status, "Ready");
    for (const Json& one : at(status, "conditions")) {
      if (text(one, "type") == "PodScheduled" && text(one, "status") == "False")
        pod.unscheduled_reason = text(one, "message");
    }
    pod.init_containers = containers_of(at(status, "initContainerStatuses"));
    pod.containers = containers_of(at(status, "containerStatuses"));
  });
}

Result<StatefulSetView> parse_stateful_set(std::string_view object) {
  return view_of<StatefulSetView>(object, [](const Json& json, StatefulSetView& set) {
    const Json& status = at(json, "status");
    set.replicas = number(at(json, "spec"), "replicas");
    set.present_replicas = number(status, "replicas");
    set.ready_replicas = number(status, "readyReplicas");
    set.observed_generation = number(status, "observedGeneration");
    set.current_revision = text(status, "currentRevision");
    set.update_revision = text(status, "updateRevision");
    const Json& templates = at(at(json, "spec"), "volumeClaimTemplates");
    if (!templates.is_array() || templates.empty()) return;
    const Json& claim = at(templates.front(), "spec");
    set.storage = text(at(at(claim, "resources"), "requests"), "storage");
    set.storage_class = text(claim, "storageClassName");
  });
}

Result<VolumeClaimView> parse_volume_claim(std::string_view object) {
  return view_of<VolumeClaimView>(object, [](const Json& json, VolumeClaimView& claim) {
    const Json& spec = at(json, "spec");
    claim.phase = text(at(json, "status"), "phase");
    claim.asked = text(at(at(spec, "resources"), "requests"), "storage");
    claim.capacity = text(at(at(json, "status"), "capacity"), "storage");
    claim.storage_class = text(spec, "storageClassName");
  });
}

Result<NodeView> parse_node(std::string_view object) {
  return view_of<NodeView>(object, [](const Json& json, NodeView& node) {
    node.ready = condition(at(json, "status"), "Ready");
    node.unschedulable = flag(at(json, "spec"), "unschedulable");
  });
}

}  // namespace keyway::platform::kubernetes
