// From which spec to which a running cluster may go.
#include <algorithm>

#include "base/format.h"
#include "cluster/spec.h"

namespace keyway::cluster {

namespace {

Status immutable(std::string_view field, std::string_view from, std::string_view to,
                 std::string_view remedy) {
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: cannot change from {} to {} while the cluster exists; {}", field, from, to, remedy));
}

bool has_partition(const Spec& spec, std::string_view name) {
  return std::any_of(spec.partitions.begin(), spec.partitions.end(),
                     [&](const PartitionSpec& partition) { return partition.name == name; });
}

// Slots move from shard to shard, so shards may come and go, as long as there is one from which the others
// are made. A replicated cluster has no such way: its data is where its one shard is.
Status check_partitions(const Spec& from, const Spec& to) {
  const bool any_stays =
      std::any_of(from.partitions.begin(), from.partitions.end(),
                  [&](const PartitionSpec& partition) { return has_partition(to, partition.name); });
  if (any_stays || from.partitions.empty()) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("spec.shards: none of the cluster's shards ({}, …) is left, which would move all "
                          "of its data; keep their "
                          "names{}",
                          from.partitions.front().name,
                          from.mode == Mode::kSharded ? ", or first add the new ones beside them" : ""));
}

}  // namespace

Status validate_change(const Spec& from, const Spec& to) {
  if (from.name != to.name) {
    return immutable("metadata.name", from.name, to.name,
                     "make a new cluster with that name and copy the data");
  }
  if (from.mode != to.mode) {
    return immutable("spec.mode", to_string(from.mode), to_string(to.mode),
                     "make a new cluster of that mode and copy the data");
  }
  if (from.engine.kind != to.engine.kind) {
    return immutable("spec.engine.kind", to_string(from.engine.kind), to_string(to.engine.kind),
                     "one cannot read what the other writes; make a new cluster with it and copy the data");
  }
  if (from.host != to.host) {
    return immutable("spec.local.host", from.host, to.host,
                     "its nodes and clients know it by that address; change it back");
  }
  // A document that names no port keeps the one that was chosen.
  if (to.port != 0 && from.port != to.port) {
    return immutable("spec.local.port",
                     from.port == 0 ? "the ports that Keyway chose" : std::to_string(from.port),
                     std::to_string(to.port), "leave the field out to keep them");
  }
  return check_partitions(from, to);
}

}  // namespace keyway::cluster
