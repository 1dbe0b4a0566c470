#include "admin/session.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/format.h"
#include "cluster/ownership.h"

namespace keyway::admin {

namespace {

constexpr size_t kShortestPrefix = 4;
constexpr int64_t kLongestPauseMs = 50;

}  // namespace

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool wait_until(const Session& session, const std::function<bool()>& done, int64_t timeout_ms) {
  int64_t deadline_ms = now_ms() + timeout_ms;
  int64_t pause_ms = 1;
  while (!done()) {
    if (session.interrupted() || now_ms() >= deadline_ms) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    pause_ms = std::min(kLongestPauseMs, pause_ms * 2);
  }
  return true;
}

Result<const cluster::NodeFacts*> find_node(const cluster::Observed& observed, std::string_view name) {
  const cluster::NodeFacts* found = nullptr;
  for (const cluster::NodeFacts& node : observed.nodes) {
    const std::string& id = cluster::effective_id(node);
    if (id == name || node.name == name) return &node;
    if (name.size() < kShortestPrefix || !id.starts_with(name)) continue;
    if (found != nullptr) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' is the beginning of more than one node's id ({}, {}); give more of it",
                              name, cluster::effective_id(*found), id));
    }
    found = &node;
  }
  if (found != nullptr) return found;
  return fail(
      ErrorCode::kNotFound,
      fmt::format("the cluster has no node '{}'; give a node's id, the beginning of one ({} characters or "
                  "more) or its address",
                  name, kShortestPrefix));
}

}  // namespace keyway::admin
