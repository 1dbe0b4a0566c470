// A Lease as the API server has it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "platform/kubernetes/lease_keeper.h"
#include "platform/kubernetes/time_text.h"

namespace keyway::platform::kubernetes {

namespace {

using Json = nlohmann::json;

constexpr int64_t kMsPerS = 1'000;
constexpr int64_t kMaxDurationS = 24 * 3600;

std::string text(const Json& json, const char* name) {
  auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int64_t number(const Json& json, const char* name) {
  auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

}  // namespace

Result<LeaseRecord> parse_lease(std::string_view object) {
  Json json = Json::parse(object.begin(), object.end(), nullptr, /*allow_exceptions=*/false);
  auto bad = [] { return fail(ErrorCode::kCorrupt, "this is no Lease"); };
  if (!json.is_object() || text(json, "kind") != "Lease") return bad();
  auto metadata = json.find("metadata");
  if (metadata == json.end() || !metadata->is_object()) return bad();
  LeaseRecord record;
  record.resource_version = text(*metadata, "resourceVersion");
  auto spec = json.find("spec");
  if (spec == json.end() || !spec->is_object()) return record;  // made by hand, held by nobody
  record.holder = text(*spec, "holderIdentity");
  record.duration_ms = std::clamp<int64_t>(number(*spec, "leaseDurationSeconds"), 0, kMaxDurationS) * kMsPerS;
  record.transitions = number(*spec, "leaseTransitions");
  record.acquired_us = parse_time_us(text(*spec, "acquireTime")).value_or(0);
  record.renewed_us = parse_time_us(text(*spec, "renewTime")).value_or(0);
  return record;
}

std::string lease_json(std::string_view name_space, std::string_view name, const LeaseRecord& record,
                       const std::map<std::string, std::string>& annotations) {
  Json metadata{{"name", name}, {"namespace", name_space}};
  if (!annotations.empty()) metadata["annotations"] = annotations;
  if (!record.resource_version.empty()) metadata["resourceVersion"] = record.resource_version;
  Json spec{{"holderIdentity", record.holder},
            {"leaseDurationSeconds", (record.duration_ms + kMsPerS - 1) / kMsPerS},
            {"leaseTransitions", record.transitions},
            {"acquireTime", time_text_us(record.acquired_us)},
            {"renewTime", time_text_us(record.renewed_us)}};
  Json json{{"apiVersion", "coordination.k8s.io/v1"},
            {"kind", "Lease"},
            {"metadata", std::move(metadata)},
            {"spec", std::move(spec)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace keyway::platform::kubernetes
