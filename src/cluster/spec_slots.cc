// Rules for the explicit slots of a spec.
#include "base/format.h"
#include "base/strings.h"
#include "cluster/spec_rules.h"

namespace keyway::cluster {

namespace {

// "slot 5 is", "slots 5-7 are": a list that may be long, cut for reading.
std::string readable(const SlotSet& slots) {
  constexpr size_t kMaxRanges = 5;
  SlotRanges ranges = to_ranges(slots);
  const size_t hidden = ranges.size() > kMaxRanges ? ranges.size() - kMaxRanges : 0;
  ranges.resize(ranges.size() - hidden);
  const std::string text = to_string(ranges);
  if (slots.count() == 1) return fmt::format("slot {} is", text);
  if (hidden == 0) return fmt::format("slots {} are", text);
  return fmt::format("slots {} and {} more are", text, count_of(static_cast<int64_t>(hidden), "range"));
}

// Names the shard, listed before `last`, that also has one of `slots`.
std::string_view other_owner(const Spec& spec, size_t last, const SlotSet& slots) {
  size_t i = 0;
  while (i < last && (to_set(*spec.partitions[i].slots) & slots).none()) ++i;
  return spec.partitions[i].name;
}

}  // namespace

std::optional<SpecProblem> slots_problem(const Spec& spec) {
  SlotSet taken;
  bool any = false;
  for (const PartitionSpec& partition : spec.partitions) any = any || partition.slots;
  if (!any) return std::nullopt;

  for (size_t i = 0; i < spec.partitions.size(); ++i) {
    const PartitionSpec& partition = spec.partitions[i];
    const std::string field = fmt::format("spec.shards[{}]", i);
    if (partition.slots && spec.mode == Mode::kReplicated) {
      return SpecProblem{field + ".slots",
                         "a replicated cluster has no slots; remove the field, or use mode: sharded"};
    }
    if (!partition.slots) {
      return SpecProblem{
          field, fmt::format("shard {} names no slots though others do; give slots to all shards or to none",
                             partition.name)};
    }
    if (partition.slots->empty()) {
      return SpecProblem{
          field + ".slots",
          fmt::format("shard {} has no slots; list some, or remove the shard", partition.name)};
    }
    const SlotSet slots = to_set(*partition.slots);
    if (const SlotSet twice = taken & slots; twice.any()) {
      return SpecProblem{field + ".slots",
                         fmt::format("{} in both {} and {}; leave each slot to one shard", readable(twice),
                                     other_owner(spec, i, twice), partition.name)};
    }
    taken |= slots;
  }
  if (taken.all()) return std::nullopt;
  return SpecProblem{"spec.shards",
                     fmt::format("{} in no shard; explicit slots must cover 0-16383, so add what is missing",
                                 readable(~taken))};
}

}  // namespace keyway::cluster
