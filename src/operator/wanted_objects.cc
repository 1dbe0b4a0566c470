#include <cassert>

#include "base/format.h"
#include "operator/parts.h"
#include "operator/stable_hash.h"
#include "operator/types.h"
#include "operator/wanted_object.h"
#include "platform/kubernetes/names.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;
using kubernetes::Value;

namespace {

// Pods read the configuration when they start; one that was made with another is out of date.
constexpr std::string_view kConfigAnnotation = "keyway.dev/config";

const ResourceType* type_of(const Value& object) {
  for (const ResourceType* type : kAppliedTypes) {
    if (type->kind == object["kind"].text() && type->api_version() == object["apiVersion"].text())
      return type;
  }
  return nullptr;
}

std::string mark_of(const Value& value) { return fmt::format("{:016x}", stable_hash(to_json(value))); }

// A watch may show an older set than the one that was applied last; by this whoever looks can tell.
Value with_mark(Value set, const std::string& mark) {
  Value metadata = set["metadata"];
  metadata.set("annotations", kubernetes::fields({{kMarkAnnotation, mark}}));
  return set.set("metadata", std::move(metadata));
}

Value with_config_mark(Value set, const std::string& mark) {
  Value spec = set["spec"];
  Value pod = spec["template"];
  Value metadata = pod["metadata"];
  metadata.set("annotations", kubernetes::fields({{kConfigAnnotation, mark}}));
  pod.set("metadata", std::move(metadata));
  spec.set("template", std::move(pod));
  return set.set("spec", std::move(spec));
}

}  // namespace

Value owner_reference(const SmallMeta& cluster) {
  return kubernetes::fields({{"apiVersion", kKeywayClusters.api_version()},
                             {"kind", kKeywayClusters.kind},
                             {"name", cluster.name},
                             {"uid", cluster.uid},
                             {"controller", true},
                             {"blockOwnerDeletion", true}});
}

Value owned_by(const Sight& sight, Value object) {
  Value metadata = object["metadata"];
  metadata.set("ownerReferences", kubernetes::list({owner_reference(sight.meta())}));
  return object.set("metadata", std::move(metadata));
}

void want_objects(Sight& sight, Decision& decision) {
  std::string config;
  for (Value& object : kubernetes::all_objects(sight.whole)) {
    const ResourceType* type = type_of(object);
    assert(type != nullptr);
    if (type == &kubernetes::kConfigMaps) config = mark_of(object["data"]);
    if (type == &kubernetes::kStatefulSets) {
      if (makes_way(sight, sight.shards.at(object["metadata"]["labels"][kubernetes::kPartitionLabel].text())))
        continue;
      object = with_config_mark(std::move(object), config);
      ShardSight& shard = sight.shards.at(object["metadata"]["labels"][kubernetes::kPartitionLabel].text());
      shard.mark = mark_of(object);
      object = with_mark(std::move(object), shard.mark);
    }
    const std::string name = object["metadata"]["name"].text();
    decision.objects.push_back({type, name, to_json(owned_by(sight, std::move(object)))});
  }
}

}  // namespace keyway::operators
