#include "cli/clusters.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/users.h"

namespace keyway::cli {

namespace local = platform::local;

namespace {

std::string names_of(const std::vector<local::ClusterEntry>& entries) {
  std::vector<std::string> names;
  for (const local::ClusterEntry& entry : entries) names.push_back(entry.name);
  return join(names, ", ");
}

}  // namespace

Result<local::ClusterEntry> find_cluster(const std::string& home, const std::string& name) {
  Result<std::vector<local::ClusterEntry>> entries = local::list_clusters(home);
  if (!entries) return fail(entries.error());
  if (entries->empty()) {
    std::string which = name.empty() ? "no cluster" : fmt::format("no cluster \"{}\"", name);
    return fail(ErrorCode::kNotFound, fmt::format("there is {} in {}; `keyway up{}{}` makes one", which, home,
                                                  name.empty() ? "" : " ", name));
  }
  if (name.empty() && entries->size() > 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("there are several clusters ({}); name the one you mean", names_of(*entries)));
  }
  if (name.empty()) return entries->front();
  auto found = std::ranges::find(*entries, name, &local::ClusterEntry::name);
  if (found != entries->end()) return *found;
  return fail(ErrorCode::kNotFound,
              fmt::format("there is no cluster \"{}\" in {}; there is: {}", name, home, names_of(*entries)));
}

Result<Chosen> choose_cluster(const std::string& home, const std::string& name) {
  Result<local::ClusterEntry> entry = find_cluster(home, name);
  if (!entry) return fail(entry.error());
  if (entry->error) return fail(*entry->error);
  return Chosen{entry->name, entry->paths, entry->supervisor_pid, std::move(*entry->state)};
}

Status check_node(const Chosen& cluster, const std::string& node) {
  if (cluster.state.find(node) != nullptr) return {};
  std::vector<std::string> names;
  for (const local::NodeState& known : cluster.state.nodes) names.push_back(known.name);
  return fail(ErrorCode::kNotFound, fmt::format("cluster \"{}\" has no node \"{}\"; its nodes are {}",
                                                cluster.name, node, join(names, ", ")));
}

std::vector<std::string> RecordedNames::clusters() {
  std::vector<std::string> names;
  if (auto entries = local::list_clusters(home_)) {
    for (const local::ClusterEntry& entry : *entries) names.push_back(entry.name);
  }
  return names;
}

std::vector<std::string> RecordedNames::shards(const std::string& cluster) {
  std::vector<std::string> names;
  if (auto chosen = choose_cluster(home_, cluster)) {
    for (const cluster::PartitionSpec& partition : chosen->state.spec.partitions)
      names.push_back(partition.name);
  }
  return names;
}

std::vector<std::string> RecordedNames::nodes(const std::string& cluster) {
  std::vector<std::string> names;
  if (auto chosen = choose_cluster(home_, cluster)) {
    for (const local::NodeState& node : chosen->state.nodes) names.push_back(node.name);
  }
  return names;
}

std::vector<std::string> RecordedNames::users(const std::string& cluster) {
  std::vector<std::string> names;
  auto chosen = choose_cluster(home_, cluster);
  if (!chosen) return names;
  if (auto users = local::load_users(chosen->paths.users_file())) {
    for (const local::User& user : users->all()) names.push_back(user.name);
  }
  return names;
}

}  // namespace keyway::cli
