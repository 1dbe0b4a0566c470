#include "proxy/limit_fields.h"

#include <array>

#include "base/format.h"
#include "proxy/config.h"

namespace keyway::proxy {

namespace {

enum class Unit : uint8_t { kCount, kBytes, kMs };

// A limit is a size_t where it counts things and an int64_t where it is a time.
struct LimitField {
  std::string_view name;
  Unit unit;
  int64_t least;
  int64_t most;
  size_t Limits::* size = nullptr;
  int64_t Limits::* time = nullptr;

  int64_t read(const Limits& limits) const {
    return size != nullptr ? static_cast<int64_t>(limits.*size) : limits.*time;
  }
  void write(Limits& limits, int64_t value) const {
    if (size != nullptr) {
      limits.*size = static_cast<size_t>(value);
    } else {
      limits.*time = value;
    }
  }
};

constexpr int64_t kKiB = 1024;
constexpr int64_t kGiB = kKiB * kKiB * kKiB;
constexpr int64_t kMillion = 1'000'000;
constexpr int64_t kHourMs = 3'600'000;

constexpr auto kFields = std::to_array<LimitField>({
    {"clients", Unit::kCount, 1, 10 * kMillion, &Limits::max_clients},
    {"requestBytes", Unit::kBytes, kKiB, 4 * kGiB, &Limits::max_request_bytes},
    {"heldRequestBytes", Unit::kBytes, kKiB, 4 * kGiB, &Limits::max_held_bytes},
    {"clientRequests", Unit::kCount, 1, kMillion, &Limits::max_in_flight},
    {"clientInputBytes", Unit::kBytes, kKiB, 64 * kGiB, &Limits::max_in_flight_bytes},
    {"clientPauseBytes", Unit::kBytes, kKiB, 4 * kGiB, &Limits::client_pause_bytes},
    {"clientOutputBytes", Unit::kBytes, 64 * kKiB, 64 * kGiB, &Limits::max_client_bytes},
    {"serverRequests", Unit::kCount, 1, 10 * kMillion, &Limits::max_server_in_flight},
    {"waitingRequests", Unit::kCount, 1, 10 * kMillion, &Limits::max_waiting},
    {"accounts", Unit::kCount, 1, 100'000, &Limits::max_accounts},
    {"slowlogUs", Unit::kCount, -1, kHourMs, nullptr, &Limits::slow_us},
    {"waitMs", Unit::kMs, 0, kHourMs, nullptr, &Limits::wait_ms},
    {"connectMs", Unit::kMs, 10, kHourMs, nullptr, &Limits::connect_timeout_ms},
    {"serverSilenceMs", Unit::kMs, 100, 24 * kHourMs, nullptr, &Limits::server_silence_ms},
    {"drainMs", Unit::kMs, 0, 24 * kHourMs, nullptr, &Limits::drain_ms},
    {"idleAccountMs", Unit::kMs, 0, 24 * kHourMs, nullptr, &Limits::idle_lane_ms},
});

std::vector<std::string_view> names() {
  std::vector<std::string_view> names;
  for (const LimitField& field : kFields) names.push_back(field.name);
  return names;
}

}  // namespace

void read_limits(const cluster::YamlNode& node, std::string_view path, cluster::FieldReader& fields,
                 Limits& limits) {
  if (!fields.map(node, path, names())) return;
  for (const LimitField& field : kFields) {
    const cluster::YamlNode* given = node.find(field.name);
    if (given == nullptr) continue;
    std::string name = cluster::field_path(path, field.name);
    int64_t value =
        field.unit == Unit::kBytes ? fields.size_bytes(*given, name) : fields.integer(*given, name);
    if (value < field.least || value > field.most) {
      fields.refuse(*given, name,
                    fmt::format("{} is out of range; choose from {} to {}", value, field.least, field.most));
    }
    field.write(limits, value);
  }
  if (limits.max_client_bytes < limits.client_pause_bytes) {
    fields.refuse(
        node, cluster::field_path(path, "clientOutputBytes"),
        "it is less than clientPauseBytes, so clients would be closed rather than held back; make it "
        "larger");
  }
}

std::vector<ShownLimit> show_limits(const Limits& limits) {
  std::vector<ShownLimit> shown;
  for (const LimitField& field : kFields)
    shown.push_back({field.name, field.read(limits), field.read(Limits{})});
  return shown;
}

}  // namespace keyway::proxy
