#include "agent/pod_platform.h"

#include <algorithm>

#include "base/clock.h"
#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"

namespace keyway::agent {

namespace {

// A pod that is replaced comes back under its name; one that was scaled away does not.
constexpr int64_t kForgetMs = 60'000;

Status not_ours(std::string_view node) {
  return fail(ErrorCode::kUnavailable,
              fmt::format("{} is not there; its StatefulSet and its agent see to it", node));
}

}  // namespace

std::string encode(const ClusterRecord& record) {
  std::string text = record.formed ? "formed=1" : "formed=0";
  for (const auto& [name, shard] : record.shards)
    text += fmt::format("|s:{}={},{}", name, shard.primary, shard.held_data ? 1 : 0);
  for (const auto& [name, node] : record.nodes) text += fmt::format("|n:{}={},{}", name, node.shard, node.id);
  for (const auto& [shard, pod] : record.met) text += fmt::format("|d:{}={}", shard, pod);
  return text;
}

ClusterRecord decode_record(const std::string& text) {
  ClusterRecord record;
  for (std::string_view field : split(text, '|')) {
    size_t equals = field.find('=');
    if (equals == std::string_view::npos || equals < 2) continue;
    std::string name(field.substr(2, equals - 2));
    std::vector<std::string_view> values = split(field.substr(equals + 1), ',');
    if (field == "formed=1") record.formed = true;
    if (field.starts_with("d:") && values.size() == 1 && !name.empty()) record.met[name] = values[0];
    if (values.size() != 2 || name.empty()) continue;
    if (field.starts_with("s:")) record.shards[name] = {std::string(values[0]), values[1] == "1"};
    if (field.starts_with("n:")) record.nodes[name] = {std::string(values[0]), std::string(values[1])};
  }
  return record;
}

PodPlatform::PodPlatform(std::vector<std::string> partitions, std::function<engine::Credentials()> account,
                         std::function<Status(const std::string& record)> save)
    : partitions_(std::move(partitions)), account_(std::move(account)), save_(std::move(save)) {}

void PodPlatform::take_over(const std::string& record, int64_t now_ms) {
  record_ = decode_record(record);
  seen_ms_.clear();
  for (const auto& [name, node] : record_.nodes) seen_ms_[name] = now_ms;
}

Status PodPlatform::want(const platform::kubernetes::Wanted& wanted) {
  wanted_ = wanted;
  size_t over = std::erase_if(record_.met, [&](const auto& met) {
    auto asked = wanted.switchover.find(met.first);
    return asked == wanted.switchover.end() || asked->second != met.second;
  });
  return over == 0 ? Status{} : save();
}

void PodPlatform::see(const std::vector<Pod>& pods, int64_t now_ms) {
  pods_.clear();
  for (const Pod& pod : pods) {
    if (pod.shard.empty()) continue;
    seen_ms_[pod.name] = now_ms;
    ClusterRecord::Node& node = record_.nodes[pod.name];
    node.shard = pod.shard;
    if (!pod.node_id.empty()) node.id = pod.node_id;
    pods_[pod.name] = pod;
  }
  std::erase_if(record_.nodes, [&](const auto& entry) {
    // Who is known to be wanted comes back, however long it takes.
    bool awaited = wanted_.replicas_of(entry.second.shard) && is_desired(entry.first, entry.second);
    return !awaited && now_ms - seen_ms_[entry.first] > kForgetMs;
  });
}

const std::vector<std::string>& PodPlatform::partitions() const {
  return wanted_.partitions.empty() ? partitions_ : wanted_.partitions;
}

bool PodPlatform::is_desired(const std::string& shard) const {
  return partitions().empty() || std::ranges::find(partitions(), shard) != partitions().end();
}

bool PodPlatform::is_desired(const std::string& pod, const ClusterRecord::Node& node) const {
  std::optional<int64_t> ordinal = ordinal_of(pod);
  std::optional<int> replicas = wanted_.replicas_of(node.shard);
  bool surplus = replicas && ordinal && *ordinal > *replicas;
  return !surplus && is_desired(node.shard);
}

bool PodPlatform::is_there(const std::string& pod) const {
  auto found = pods_.find(pod);
  return found != pods_.end() && !found->second.server.host.empty();
}

std::string PodPlatform::missing(int replicas, bool patient) const {
  if (record_.formed) return {};
  for (const std::string& partition : partitions()) {
    int64_t needed = patient ? wanted_.replicas_of(partition).value_or(replicas) + 1 : 1;
    auto there = std::ranges::count_if(
        pods_, [&](const auto& entry) { return entry.second.shard == partition && is_there(entry.first); });
    if (there < needed)
      return fmt::format("waiting for the pods of {}: {} of {} have an address", partition, there, needed);
  }
  return {};
}

void PodPlatform::note_leaving(const cluster::Observed& observed) {
  cluster::Knowledge knowledge(observed);
  if (!knowledge.any()) return;
  std::set<std::string> owners;
  std::set<std::string> owning_shards;
  for (const auto& [name, node] : record_.nodes) {
    const cluster::NodeFacts* facts = observed.find(name);
    const cluster::KnownNode* known =
        knowledge.find(facts == nullptr ? node.id : cluster::effective_id(*facts));
    if (known == nullptr || known->view.slots.empty()) continue;
    owners.insert(name);
    owning_shards.insert(node.shard);
  }
  leaving_.clear();
  for (const auto& [name, node] : record_.nodes) {
    if (is_desired(name, node)) continue;
    bool owns = is_desired(node.shard) ? owners.contains(name) : owning_shards.contains(node.shard);
    if (!owns) leaving_.insert(name);
  }
}

std::vector<std::string> PodPlatform::drained() const {
  std::set<std::string> shards;
  for (const auto& [name, node] : record_.nodes) {
    if (!is_desired(node.shard) && leaving_.contains(name)) shards.insert(node.shard);
  }
  return {shards.begin(), shards.end()};
}

bool PodPlatform::tells_of_leaving(const std::string& text) const {
  return std::ranges::any_of(leaving_, [&](const std::string& name) {
    auto node = record_.nodes.find(name);
    return node != record_.nodes.end() && !node->second.id.empty() &&
           text.find(node->second.id) != std::string::npos;
  });
}

cluster::Desired PodPlatform::desired() {
  cluster::Desired desired;
  desired.mode = cluster::Mode::kSharded;
  std::map<std::string, std::vector<std::string>> nodes;
  for (const auto& [name, node] : record_.nodes) {
    if (is_desired(name, node)) nodes[node.shard].push_back(name);
  }
  for (auto& [shard, names] : nodes) {
    std::ranges::sort(names, earlier_pod);
    cluster::DesiredShard& wanted = desired.shards.emplace_back();
    wanted.name = shard;
    wanted.nodes = names;
    auto slots = wanted_.slots.find(shard);
    if (slots != wanted_.slots.end()) wanted.slots = slots->second;
  }
  for (const auto& [shard, pod] : wanted_.switchover) {
    if (!record_.met.contains(shard)) desired.switchover[shard] = pod;
  }
  return desired;
}

cluster::Observed PodPlatform::look() {
  cluster::Observed observed;
  observed.formed = record_.formed;
  observed.shards = record_.shards;
  for (const auto& [name, recorded] : record_.nodes) {
    // Who is gone is forgotten, which is the planner's matter again.
    if (leaving_.contains(name) && is_there(name)) continue;
    cluster::NodeFacts& node = observed.nodes.emplace_back();
    node.name = name;
    node.shard = recorded.shard;
    node.id = recorded.id;
    node.has_node_table = true;
    node.process = cluster::Process::kStopped;
    auto pod = pods_.find(name);
    if (pod == pods_.end() || pod->second.server.host.empty()) continue;
    node.address = pod->second.server;
    node.process = cluster::Process::kRunning;
  }
  return observed;
}

Status PodPlatform::start(const cluster::StartNode& step) { return not_ours(step.node); }
// Who is not wanted any more goes with his StatefulSet, or as that is made smaller.
Status PodPlatform::stop(const std::string&, bool) { return {}; }
Status PodPlatform::set_data_aside(const std::string& node, bool) { return not_ours(node); }
Status PodPlatform::persist_follow(const std::string&, const std::string&) { return {}; }
Status PodPlatform::persist_config(const std::string&, const cluster::ServerConfig&) { return {}; }
Result<std::vector<resp::Command>> PodPlatform::stage_users(const std::string&) {
  return std::vector<resp::Command>{};
}
Status PodPlatform::users_applied(const std::string&) { return {}; }

Status PodPlatform::save() { return save_(encode(record_)); }

// Its pod is gone, and nobody knows it any more.
Status PodPlatform::remove(const std::string& node) {
  record_.nodes.erase(node);
  leaving_.erase(node);
  return save();
}

// The request is the operator's to withdraw; until then it is known to have been met.
Status PodPlatform::clear_switchover(const std::string& shard) {
  auto asked = wanted_.switchover.find(shard);
  if (asked != wanted_.switchover.end()) record_.met[shard] = asked->second;
  return save();
}

Status PodPlatform::record_primary(const std::string& shard, const std::string& node) {
  record_.shards[shard].primary = node;
  return save();
}

Status PodPlatform::record_data(const std::string& shard) {
  record_.shards[shard].held_data = true;
  return save();
}

Status PodPlatform::record_identity(const std::string& node, const std::string& id) {
  record_.nodes[node].id = id;
  return save();
}

Status PodPlatform::record_formed() {
  record_.formed = true;
  return save();
}

platform::Platform::Account PodPlatform::account() {
  engine::Credentials account = account_();
  return {account.user, account.password};
}

int64_t PodPlatform::wall_ms() { return keyway::wall_ms(); }
int64_t PodPlatform::monotonic_ms() { return keyway::monotonic_ms(); }

}  // namespace keyway::agent
