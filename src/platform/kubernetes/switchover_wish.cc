#include "platform/kubernetes/switchover_wish.h"

#include <nlohmann/json.hpp>

namespace keyway::platform::kubernetes {

namespace {

constexpr size_t kMaxBytes = 64 << 10;

}  // namespace

std::optional<std::map<std::string, std::string>> parse_switchovers(std::string_view json) {
  if (json.size() > kMaxBytes) return std::nullopt;
  nlohmann::json document = nlohmann::json::parse(json, nullptr, false);
  if (!document.is_object()) return std::nullopt;
  std::map<std::string, std::string> wishes;
  for (const auto& [shard, pod] : document.items()) {
    if (!pod.is_string()) return std::nullopt;
    wishes[shard] = pod.get<std::string>();
  }
  return wishes;
}

std::optional<std::set<std::string>> parse_restarts(std::string_view json) {
  if (json.size() > kMaxBytes) return std::nullopt;
  nlohmann::json document = nlohmann::json::parse(json, nullptr, false);
  if (!document.is_array()) return std::nullopt;
  std::set<std::string> uids;
  for (const auto& uid : document) {
    if (!uid.is_string()) return std::nullopt;
    uids.insert(uid.get<std::string>());
  }
  return uids;
}

}  // namespace keyway::platform::kubernetes
