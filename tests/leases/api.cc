#include "api.h"

namespace keyway::simulation {

namespace {

constexpr int64_t kCallUs = 1'000'000;  // agents wait no longer for an answer
constexpr size_t kKeptVersions = 64;

}  // namespace

Error Api::no_answer() { return Error{ErrorCode::kTimeout, "the API server does not answer"}; }

bool Api::travel(int place, int64_t deadline_us) {
  const Way& way = ways[place];
  int64_t arrives_us = world_.now_us() + 300 + world_.random.below(4000) + way.slow_us / 2;
  bool lost = way.cut || arrives_us > deadline_us;
  fibers_.sleep_us((lost ? deadline_us : arrives_us) - world_.now_us());
  return !lost && !ways[place].cut;
}

std::string Api::marked_primary() const {
  std::string found;
  for (const auto& [name, pod] : pods) {
    if (pod.role != agent::RoleMark::kPrimary) continue;
    if (!found.empty()) return "";
    found = name;
  }
  return found;
}

const agent::Lease* Api::lease(const std::string& name) const {
  auto found = leases_.find(name);
  return found == leases_.end() ? nullptr : &found->second.back().lease;
}

Result<std::vector<agent::Pod>> Api::list(int place) {
  int64_t deadline_us = world_.now_us() + kCallUs;
  if (!travel(place, deadline_us)) return fail(no_answer());
  std::vector<agent::Pod> all;
  for (const auto& [name, pod] : pods) all.push_back(pod);
  if (!travel(place, deadline_us)) return fail(no_answer());
  return all;
}

Result<std::optional<agent::Lease>> Api::read(int place, const std::string& name) {
  int64_t deadline_us = world_.now_us() + kCallUs;
  if (!travel(place, deadline_us)) return fail(no_answer());
  std::optional<agent::Lease> seen;
  int64_t as_of_us = world_.now_us() - ways[place].stale_us;
  for (const Version& version : leases_[name]) {
    if (!seen || version.at_us <= as_of_us) seen = version.lease;
  }
  if (!travel(place, deadline_us)) return fail(no_answer());
  return seen;
}

Result<agent::Lease> Api::put(int place, const agent::Lease& lease) {
  int64_t deadline_us = world_.now_us() + kCallUs;
  if (!travel(place, deadline_us)) return fail(no_answer());
  std::vector<Version>& versions = leases_[lease.name];
  std::string present = versions.empty() ? "" : versions.back().lease.resource_version;
  Result<agent::Lease> answer = fail(ErrorCode::kConflict, "somebody else has written it");
  if (present == lease.resource_version) {
    Version& written = versions.emplace_back(Version{world_.now_us(), lease});
    written.lease.resource_version = std::to_string(++version_);
    answer = written.lease;
    if (world_.tracing && (versions.size() < 2 || versions[versions.size() - 2].lease.holder != lease.holder))
      world_.trace(fmt::format("the Lease is held by '{}' ({})", lease.holder, lease.note));
    if (versions.size() > kKeptVersions) versions.erase(versions.begin());
  }
  if (!travel(place, deadline_us)) return fail(no_answer());
  return answer;
}

Status Api::mark(int place, const std::string& pod, agent::RoleMark role) {
  int64_t deadline_us = world_.now_us() + kCallUs;
  if (!travel(place, deadline_us)) return fail(no_answer());
  auto found = pods.find(pod);
  bool there = found != pods.end();
  if (there) found->second.role = role;
  if (!travel(place, deadline_us)) return fail(no_answer());
  return there ? Status{} : Status{fail(ErrorCode::kNotFound, "there is no pod " + pod)};
}

}  // namespace keyway::simulation
