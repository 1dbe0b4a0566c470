// For tests of decisions: the objects of one cluster, what Kubernetes makes of them, and agents that do as
// they are told, all without a server. Each tick is a moment in which each of them takes one step.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/format.h"
#include "operator/decide.h"
#include "operator/stable_hash.h"
#include "operator/status.h"
#include "operator/types.h"
#include "platform/kubernetes/names.h"

namespace keyway::operators {

class Model {
 public:
  using Json = nlohmann::json;

  explicit Model(const Json& spec) {
    cluster = {{"metadata",
                {{"name", "app"},
                 {"namespace", "data"},
                 {"uid", "uid-app"},
                 {"resourceVersion", "1"},
                 {"generation", 1}}},
               {"spec", spec}};
  }

  void edit(const Json& spec) {
    if (cluster["spec"] == spec) return;
    cluster["spec"] = spec;
    cluster["metadata"]["generation"] = cluster["metadata"]["generation"].get<int>() + 1;
  }

  Snapshot snapshot() const {
    Snapshot snapshot;
    snapshot.cluster = *parse_cluster(cluster.dump());
    for (const auto& [key, object] : objects) {
      const std::string text = object.dump();
      const std::string kind = key.substr(0, key.find('/'));
      if (kind == "StatefulSet")
        snapshot.sets.push_back(*parse_set(text));
      else if (kind == "Pod")
        snapshot.pods.push_back(*parse_server_pod(text));
      else if (kind == "Lease")
        snapshot.leases.push_back(*parse_lease_view(text));
      else if (kind == "PersistentVolumeClaim")
        snapshot.claims.push_back(*parse_claim(text));
      else if (kind == "Deployment")
        snapshot.proxy = *parse_set(text);
      else if (kind == "Secret")
        snapshot.secret = *parse_users_secret(text);
      else
        add_kept(kind, text, snapshot);
    }
    return snapshot;
  }

  Decision decide_now() {
    int password = 0;
    return decide(snapshot(),
                  {{"keyway:test"}, [&password] { return fmt::format("password-{}", ++password); }});
  }

  // One look of the operator: what it decides is done. Gives how much has changed.
  int look() {
    const Decision decision = decide_now();
    int changes = 0;
    for (const Deed& deed : decision.before) changes += act(deed);
    for (const WantedObject& wanted : decision.objects) changes += apply(wanted);
    for (const Deed& deed : decision.after) changes += act(deed);
    for (const Event& event : decision.events) events.push_back(event.reason);
    const Snapshot now = snapshot();
    const std::string status = status_json({now, decision, {}, ++now_s});
    if (!same_status(status, cluster.value("status", Json()).dump())) {
      cluster["status"] = Json::parse(status);
      ++changes;
    }
    return changes;
  }

  // One step of Kubernetes and of the agents. Gives how much has changed.
  int tick() {
    int changes = 0;
    std::vector<std::string> sets;
    for (const auto& [key, object] : objects) {
      if (key.starts_with("StatefulSet/")) sets.push_back(key);
    }
    for (const std::string& key : sets) changes += control(objects[key]);
    changes += start_pods();
    changes += elect();
    changes += report();
    return changes;
  }

  // Until nobody has anything left to do; false: that does not come.
  bool settle(int most = 200) {
    for (int i = 0; i < most; ++i) {
      if (look() + tick() == 0) return true;
    }
    return false;
  }

  Json& object(const std::string& key) { return objects.at(key); }
  bool has(const std::string& key) const { return objects.contains(key); }
  std::vector<std::string> names(const std::string& kind) const {
    std::vector<std::string> found;
    for (const auto& [key, object] : objects) {
      if (key.starts_with(kind + "/")) found.push_back(key.substr(kind.size() + 1));
    }
    return found;
  }
  std::string condition(const std::string& type, const std::string& field = "status") const {
    for (const Json& one : cluster["status"]["conditions"]) {
      if (one["type"] == type) return one.value(field, "");
    }
    return "";
  }
  std::string wanted_text() const {
    return objects.at("Lease/redis-app")["metadata"]["annotations"].value("keyway.dev/wanted", "");
  }
  static std::string set_name(const std::string& shard) { return "redis-partition-" + shard + "-app"; }

  Json cluster;
  std::map<std::string, Json> objects;  // "Kind/name"
  std::vector<std::string> events;
  std::vector<std::string> deleted_pods;  // in order
  Json problems = Json::array();          // that agents tell of
  bool agents_work = true;                // else they tell nothing new and move nothing
  std::set<std::string> broken_images;
  int64_t now_s = 1'800'000'000;

 private:
  static void add_kept(const std::string& kind, const std::string& text, Snapshot& snapshot) {
    for (const ResourceType* type : kAppliedTypes) {
      if (type->kind == kind && type->version == "v1") snapshot.kept.push_back({type, *parse_kept(text)});
    }
  }

  void put(const std::string& key, Json made) {
    auto found = objects.find(key);
    Json& metadata = made["metadata"];
    const bool is_new = found == objects.end();
    metadata["uid"] = is_new ? Json(fmt::format("uid-{}", ++last_uid_)) : found->second["metadata"]["uid"];
    metadata["resourceVersion"] = fmt::format("{}", ++version_);
    int generation = is_new ? 1 : found->second["metadata"]["generation"].get<int>();
    if (!is_new && found->second.value("spec", Json()) != made.value("spec", Json())) ++generation;
    metadata["generation"] = generation;
    objects[key] = std::move(made);
  }

  int apply(const WantedObject& wanted) {
    const std::string key = fmt::format("{}/{}", wanted.type->kind, wanted.name);
    Json object = Json::parse(wanted.object);
    if (applied_[key] == wanted.object && objects.contains(key)) return 0;
    applied_[key] = wanted.object;
    if (auto present = objects.find(key); present != objects.end()) {
      const auto claims = [](const Json& set) {
        return set.value("/spec/volumeClaimTemplates"_json_pointer, Json());
      };
      EXPECT_EQ(claims(present->second), claims(object)) << "templates of claims cannot change";
      object["status"] = present->second.value("status", Json::object());
    }
    put(key, std::move(object));
    return 1;
  }

  int act(const Deed& deed) {
    if (deed.event) events.push_back(deed.event->reason);
    return std::visit([this](const auto& action) { return act(action); }, deed.action);
  }
  int act(const PutWanted& action) {
    Json object =
        objects.contains("Lease/" + action.lease) ? objects["Lease/" + action.lease] : Json::object();
    object.merge_patch(Json::parse(action.object));
    put("Lease/" + action.lease, object);
    return 1;
  }
  int act(const PutUsers& action) {
    put("Secret/" + action.secret, Json::parse(action.object));
    return 1;
  }
  int act(const DeleteObject& action) {
    const std::string key = fmt::format("{}/{}", action.type->kind, action.name);
    if (!objects.contains(key) || objects[key]["metadata"]["uid"] != action.uid) return 0;
    for (const auto& [type, name] : action.only_without) {
      if (objects.contains(fmt::format("{}/{}", type->kind, name))) return 0;
    }
    if (action.type->kind == "Pod") deleted_pods.push_back(action.name);
    const std::string prefix = action.name + "-";
    if (action.type->kind == "StatefulSet" && !action.orphan)
      std::erase_if(objects, [&](const auto& one) { return one.first.starts_with("Pod/" + prefix); });
    objects.erase(key);
    return 1;
  }
  int act(const GrowClaim& action) {
    Json claim = objects.at("PersistentVolumeClaim/" + action.name);
    claim["spec"]["resources"]["requests"]["storage"] = action.size;
    put("PersistentVolumeClaim/" + action.name, claim);
    return 1;
  }
  int act(const OwnClaim& action) {
    Json claim = objects.at("PersistentVolumeClaim/" + action.name);
    claim["metadata"]["ownerReferences"] = Json::array();
    if (action.owned)
      claim["metadata"]["ownerReferences"].push_back(
          {{"kind", "KeywayCluster"}, {"name", "app"}, {"uid", "uid-app"}, {"controller", true}});
    put("PersistentVolumeClaim/" + action.name, claim);
    return 1;
  }

  // The StatefulSet's controller: OnDelete.
  int control(Json& set) {
    const std::string name = set["metadata"]["name"];
    const std::string revision = fmt::format("{:08x}", stable_hash(set["spec"]["template"].dump()));
    int changes = 0;
    Json status = {{"observedGeneration", set["metadata"]["generation"]}, {"updateRevision", revision}};
    if (set.value("status", Json()) != status) {
      set["status"] = status;
      ++changes;
    }
    const int replicas = set["spec"]["replicas"];
    for (int i = 0; i < replicas; ++i) changes += make_pod(set, name, revision, i);
    std::erase_if(objects, [&](const auto& one) {
      const bool too_much = one.first.starts_with("Pod/" + name + "-") && *ordinal_of(one.first) >= replicas;
      if (too_much) ++changes;
      return too_much;
    });
    return changes;
  }
  int make_pod(const Json& set, const std::string& name, const std::string& revision, int ordinal) {
    const std::string pod = fmt::format("{}-{}", name, ordinal);
    if (set["spec"].contains("volumeClaimTemplates") && !has("PersistentVolumeClaim/data-" + pod)) {
      Json claim = set["spec"]["volumeClaimTemplates"][0];
      claim["metadata"]["name"] = "data-" + pod;
      put("PersistentVolumeClaim/data-" + pod, claim);
    }
    if (has("Pod/" + pod)) return 0;
    Json labels = set["spec"]["template"]["metadata"]["labels"];
    labels["controller-revision-hash"] = revision;
    put("Pod/" + pod,
        {{"metadata", {{"name", pod}, {"namespace", "data"}, {"labels", labels}}},
         {"spec",
          {{"containers", {{{"image", set["spec"]["template"]["spec"]["containers"][0]["image"]}}}}}}});
    return 1;
  }

  int start_pods() {
    int changes = 0;
    for (auto& [key, pod] : objects) {
      if (!key.starts_with("Pod/") || pod.contains("status")) continue;
      const std::string image = pod["spec"]["containers"][0]["image"];
      if (broken_images.contains(image)) {
        pod["status"] = {{"containerStatuses",
                          {{{"name", "redis"},
                            {"image", image},
                            {"state", {{"waiting", {{"reason", "ImagePullBackOff"}}}}}}}}};
      } else {
        pod["status"] = {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}},
                         {"containerStatuses",
                          {{{"name", "redis"}, {"image", image}, {"state", {{"running", Json::object()}}}}}}};
      }
      ++changes;
    }
    return changes;
  }

  std::vector<std::string> ready_pods(const std::string& shard) const {
    std::vector<std::string> ready;
    for (const auto& [key, pod] : objects) {
      if (key.starts_with("Pod/") && pod["metadata"]["labels"]["partition"] == shard &&
          pod.value("/status/conditions/0/status"_json_pointer, "") == "True")
        ready.push_back(key.substr(4));
    }
    return ready;
  }
  std::string primary_of(const std::string& shard) const {
    for (const auto& [key, pod] : objects) {
      if (!key.starts_with("Pod/")) continue;
      const Json& labels = pod["metadata"]["labels"];
      if (labels["partition"] == shard && labels.value("shard-role", "") == "primary") return key.substr(4);
    }
    return "";
  }
  std::set<std::string> shards() const {
    std::set<std::string> names;
    for (const auto& [key, object] : objects) {
      if (key.starts_with("Pod/")) names.insert(object["metadata"]["labels"]["partition"].get<std::string>());
    }
    return names;
  }
  Json wanted() const {
    auto lease = objects.find("Lease/redis-app");
    if (lease == objects.end()) return Json::object();
    return Json::parse(lease->second["metadata"]["annotations"].value("keyway.dev/wanted", "{}"));
  }

  int elect() {
    if (!agents_work) return 0;
    int changes = 0;
    const Json switchover = wanted().value("switchover", Json::object());
    for (const std::string& shard : shards()) {
      const std::vector<std::string> ready = ready_pods(shard);
      const std::string present = primary_of(shard);
      std::string next = present.empty() && !ready.empty() ? ready.front() : present;
      const std::string asked = switchover.value(shard, "");
      if (std::ranges::find(ready, asked) != ready.end()) next = asked;
      if (next == present) continue;
      if (!present.empty()) objects["Pod/" + present]["metadata"]["labels"]["shard-role"] = "replica";
      objects["Pod/" + next]["metadata"]["labels"]["shard-role"] = "primary";
      ++changes;
    }
    return changes;
  }

  int report() {
    auto lease = objects.find("Lease/redis-app");
    if (!agents_work || lease == objects.end()) return 0;
    const Json want = wanted();
    const auto partitions = want["partitions"].get<std::set<std::string>>();
    bool all_ready = true;
    Json told = {{"generation", want["generation"]},
                 {"shards", Json::object()},
                 {"drained", Json::array()},
                 {"problems", problems}};
    for (const std::string& shard : shards()) {
      const auto ready = static_cast<int>(ready_pods(shard).size());
      const std::string primary = primary_of(shard);
      all_ready = all_ready && !primary.empty();
      // It takes a while until the slots are off.
      int& slots = slots_[shard];
      slots = partitions.contains(shard) ? 1000 : std::max(0, slots - 400);
      told["shards"][shard] = {
          {"primary", primary}, {"slots", slots}, {"replicas_in_sync", std::max(ready - 1, 0)}};
      if (slots == 0) told["drained"].push_back(shard);
    }
    formed_ = formed_ || (all_ready && std::ranges::all_of(partitions, [&](const auto& one) {
                            return shards().contains(one);
                          }));
    told["formed"] = formed_;
    told["slots_assigned"] = formed_ ? 16384 : 0;
    told["slots_served"] = formed_ && all_ready ? 16384 : 0;
    Json& annotations = lease->second["metadata"]["annotations"];
    if (annotations.value("keyway.dev/report", "") == told.dump()) return 0;
    annotations["keyway.dev/report"] = told.dump();
    return 1;
  }

  std::map<std::string, std::string> applied_;
  std::map<std::string, int> slots_;
  bool formed_ = false;
  int last_uid_ = 0;
  int version_ = 1;
};

}  // namespace keyway::operators
