// Whatever is edited, in whatever moment: the operator comes to an end with what the spec says, and on the
// way there it never takes away more than may be missing.
#include <gtest/gtest.h>

#include <random>

#include "operator/test_model.h"

namespace keyway::operators {
namespace {

using Json = nlohmann::json;

class Chance {
 public:
  explicit Chance(uint32_t seed) : random_(seed) {}
  int below(int count) { return static_cast<int>(random_() % static_cast<uint32_t>(count)); }
  bool one_in(int count) { return below(count) == 0; }

 private:
  std::mt19937 random_;
};

// Volumes only ever grow.
Json any_spec(Chance& chance, int& storage_gi) {
  storage_gi += chance.one_in(4) ? 1 : 0;
  Json spec = {{"mode", "sharded"},
               {"shards", 1 + chance.below(4)},
               {"replicas", 1 + chance.below(2)},
               {"memory", fmt::format("{}Mi", 64 + 64 * chance.below(3))},
               {"storage", {{"size", fmt::format("{}Gi", storage_gi)}}}};
  if (chance.one_in(3)) spec["storage"]["onDelete"] = "Delete";
  if (chance.one_in(3)) spec["config"] = {{"maxmemory-policy", "allkeys-lru"}};
  if (chance.one_in(3)) spec["proxy"] = Json::object();
  return spec;
}

struct Pods {
  std::map<std::string, int> ready;
  std::map<std::string, int> all;
  std::set<std::string> primaries;
};

Pods pods_of(const Model& model) {
  Pods pods;
  for (const ServerPod& pod : model.snapshot().pods) {
    ++pods.all[pod.meta.shard];
    if (pod.ready) ++pods.ready[pod.meta.shard];
    if (pod.primary) pods.primaries.insert(pod.meta.name);
  }
  return pods;
}

// Gives how much has changed.
int check_look(Model& model) {
  const Pods before = pods_of(model);
  const std::vector<std::string> sets = model.names("StatefulSet");
  const std::set<std::string> had_set(sets.begin(), sets.end());
  const size_t deleted_before = model.deleted_pods.size();
  const int changes = model.look();
  std::map<std::string, int> taken;
  int primaries = 0;
  for (size_t i = deleted_before; i < model.deleted_pods.size(); ++i) {
    const std::string& pod = model.deleted_pods[i];
    std::string shard = pod.substr(std::string("redis-partition-").size());
    shard = shard.substr(0, shard.find('-'));
    if (!had_set.contains(Model::set_name(shard))) continue;  // what is left of one that owns nothing
    EXPECT_EQ(++taken[shard], 1) << "two pods of shard " << shard << " at once";
    EXPECT_EQ(before.ready.at(shard), before.all.at(shard)) << "a pod of a shard that is not whole: " << pod;
    if (before.primaries.contains(pod)) ++primaries;
  }
  EXPECT_LE(primaries, 1);
  if (primaries == 1) {
    EXPECT_EQ(before.ready, before.all) << "a primary, while pods of others are missing";
  }
  return changes;
}

void check_end(Model& model, const Json& spec) {
  SCOPED_TRACE(model.cluster["status"].dump());
  const int shards = spec["shards"];
  const int pods = spec["replicas"].get<int>() + 1;
  EXPECT_EQ(static_cast<int>(model.names("StatefulSet").size()), shards);
  EXPECT_EQ(static_cast<int>(model.names("Pod").size()), shards * pods);
  EXPECT_EQ(static_cast<int>(model.names("Role").size()), shards);
  EXPECT_EQ(model.names("Deployment").size(), spec.contains("proxy") ? 1U : 0U);
  for (const ServerPod& pod : model.snapshot().pods) {
    const Json& set = model.object("StatefulSet/" + Model::set_name(pod.meta.shard));
    EXPECT_EQ(Json(pod.revision), set["status"]["updateRevision"]);
  }
  for (const std::string& name : model.names("StatefulSet")) {
    const Json& claim = model.object("StatefulSet/" + name)["spec"]["volumeClaimTemplates"][0];
    EXPECT_EQ(claim["spec"]["resources"]["requests"]["storage"], spec["storage"]["size"]);
  }
  EXPECT_EQ(model.cluster["status"]["state"], "ready");
  EXPECT_EQ(model.look(), 0);
}

TEST(DecideProperty, EditsAtAnyMomentEndWithTheSpec) {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Chance chance(seed);
    int storage_gi = 1;
    Json spec = any_spec(chance, storage_gi);
    Model model(spec);
    for (int moment = 0; moment < 60; ++moment) {
      if (chance.one_in(8)) {
        spec = any_spec(chance, storage_gi);
        model.edit(spec);
      }
      if (!chance.one_in(3)) check_look(model);
      if (!chance.one_in(3)) model.tick();
      if (HasFailure()) return;
    }
    bool settled = false;
    for (int moment = 0; moment < 200 && !settled; ++moment) settled = check_look(model) + model.tick() == 0;
    ASSERT_TRUE(settled);
    check_end(model, spec);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace keyway::operators
