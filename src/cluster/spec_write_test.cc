#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "cluster/spec.h"

namespace keyway::cluster {
namespace {

// A label of letters that also YAML has plans with.
rc::Gen<std::string> any_label() {
  return rc::gen::oneOf(
      rc::gen::element<std::string>("true", "null", "no", "on", "y", "e5", "a-b"),
      rc::gen::map(rc::gen::resize(8, rc::gen::container<std::string>(rc::gen::inRange('a', 'z'))),
                   [](const std::string& letters) { return "x" + letters; }));
}

// A text without control characters, full of signs that mean something to YAML.
rc::Gen<std::string> any_text() {
  const auto part = rc::gen::element<std::string>(
      "a", "\"", "\\", ": ", " #", "'", "{", "}", "[", "]", ",", "&", "*", "!", "|", ">", "%", "@", "`", "- ",
      "? ", "~", " ", "yes", "1e3", "0x1", "ä€😀", "\\n", "\xc2\x85", "\xe2\x80\xa8");
  return rc::gen::map(rc::gen::resize(8, rc::gen::container<std::vector<std::string>>(part)),
                      [](const auto& parts) {
                        std::string text;
                        for (const std::string& each : parts) text += each;
                        return text;
                      });
}

// Each slot to one of the partitions, by turns of random length.
void split_slots(Spec& spec) {
  SlotSet left = SlotSet{}.set();
  for (size_t i = 0; i + 1 < spec.partitions.size(); ++i) {
    const size_t first = *rc::gen::inRange<size_t>(0, 8000);
    SlotSet taken;
    for (size_t slot = first; slot < first + 4000; slot += *rc::gen::inRange<size_t>(1, 2000))
      taken.set(slot);
    taken &= left;
    for (size_t slot = 0; taken.none() && slot < left.size(); ++slot) taken.set(slot, left[slot]);
    left &= ~taken;
    spec.partitions[i].slots = to_ranges(taken);
  }
  spec.partitions.back().slots = to_ranges(left);
}

void add_partitions(Spec& spec) {
  const auto any_memory = rc::gen::maybe(rc::gen::inRange<int64_t>(8 << 20, int64_t{1} << 50));
  for (PartitionSpec& partition : spec.partitions) {
    partition.replicas = *rc::gen::inRange(0, 6);
    if (const auto memory = *any_memory)
      partition.memory_bytes = *memory & ~*rc::gen::element<int64_t>(0, 1023, (1 << 20) - 1);
    partition.name = *any_label();
  }
}

Spec any_spec() {
  const Mode mode = *rc::gen::element(Mode::kSharded, Mode::kReplicated);
  Spec spec = default_spec(*any_label(), mode, *rc::gen::inRange(1, 5), *rc::gen::inRange(0, 6));
  spec.engine.kind = *rc::gen::element(EngineKind::kRedis, EngineKind::kValkey);
  if (*rc::gen::arbitrary<bool>()) spec.engine.path = "/" + *any_text();
  if (*rc::gen::arbitrary<bool>()) spec.engine.image = "registry:5000/redis@sha256:0";
  spec.partitions_named = *rc::gen::arbitrary<bool>();
  if (spec.partitions_named) add_partitions(spec);
  if (spec.partitions_named && mode == Mode::kSharded && *rc::gen::arbitrary<bool>()) split_slots(spec);
  if (*rc::gen::arbitrary<bool>()) spec.storage = {1 << 30, "fast.ssd", true};
  if (*rc::gen::arbitrary<bool>()) spec.config = {{"save", *any_text()}, {"no", *any_text()}, {"hz", "010"}};
  bool copied =
      std::ranges::none_of(spec.partitions, [](const PartitionSpec& each) { return each.replicas == 0; });
  if (copied && *rc::gen::arbitrary<bool>()) spec.durability = Durability::kSafe;
  if (*rc::gen::arbitrary<bool>()) spec.users.clear();
  if (*rc::gen::arbitrary<bool>())
    spec.users.push_back({"12", "+@all ~" + *any_text(), *rc::gen::arbitrary<bool>()});
  if (*rc::gen::arbitrary<bool>()) {
    spec.proxy.emplace().port = *rc::gen::element(0, 6379);
    if (*rc::gen::arbitrary<bool>()) spec.proxy->user = spec.users.empty() ? "" : spec.users.front().name;
  }
  if (*rc::gen::arbitrary<bool>()) spec.host = "::1";
  if (*rc::gen::arbitrary<bool>()) spec.port = *rc::gen::inRange(1, 50000);
  return spec;
}

RC_GTEST_PROP(SpecWrite, WhatIsWrittenIsReadBack, ()) {
  const Spec spec = any_spec();
  RC_PRE(validate(spec).has_value());
  const std::string yaml = to_yaml(spec);
  RC_LOG() << yaml;
  const auto again = parse_spec(yaml, "written");
  RC_LOG() << (again ? "" : again.error().message);
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == spec);
}

TEST(SpecWrite, ReadsAsAPersonWouldWriteIt) {
  Spec spec = default_spec("app", Mode::kSharded, 3, 1);
  for (PartitionSpec& partition : spec.partitions) partition.memory_bytes = 256 << 20;
  spec.config["maxmemory-policy"] = "allkeys-lru";
  EXPECT_EQ(to_yaml(spec),
            "apiVersion: keyway.dev/v1alpha1\n"
            "kind: KeywayCluster\n"
            "metadata:\n"
            "  name: app\n"
            "spec:\n"
            "  mode: sharded\n"
            "  engine: redis\n"
            "  shards: 3\n"
            "  replicas: 1\n"
            "  memory: 256Mi\n"
            "  config:\n"
            "    maxmemory-policy: \"allkeys-lru\"\n"
            "  users:\n"
            "    - name: \"workload\"\n"
            "      rules: \"+@all -@dangerous +info ~*\"\n");
}

}  // namespace
}  // namespace keyway::cluster
