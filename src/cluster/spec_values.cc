#include <array>
#include <limits>

#include "base/strings.h"
#include "cluster/spec.h"

namespace keyway::cluster {

namespace {

struct SizeUnit {
  std::string_view suffix;
  int64_t bytes;
  bool any_case;  // redis.conf does not care for upper and lower case, Kubernetes does
};

constexpr int64_t kKilo = 1000;
constexpr int64_t kKibi = 1024;
constexpr std::array kUnits = {
    SizeUnit{"", 1, false},
    SizeUnit{"b", 1, true},
    SizeUnit{"k", kKilo, true},
    SizeUnit{"kb", kKibi, true},
    SizeUnit{"Ki", kKibi, false},
    SizeUnit{"M", kKilo* kKilo, false},
    SizeUnit{"mb", kKibi* kKibi, true},
    SizeUnit{"Mi", kKibi* kKibi, false},
    SizeUnit{"g", kKilo* kKilo* kKilo, true},
    SizeUnit{"gb", kKibi* kKibi* kKibi, true},
    SizeUnit{"Gi", kKibi* kKibi* kKibi, false},
    SizeUnit{"T", kKilo* kKilo* kKilo* kKilo, false},
    SizeUnit{"Ti", kKibi* kKibi* kKibi* kKibi, false},
    SizeUnit{"P", kKilo* kKilo* kKilo* kKilo* kKilo, false},
    SizeUnit{"Pi", kKibi* kKibi* kKibi* kKibi* kKibi, false},
};

std::optional<int64_t> unit_bytes(std::string_view suffix) {
  for (const SizeUnit& unit : kUnits) {
    const bool same = unit.any_case ? to_lower(suffix) == to_lower(unit.suffix) : suffix == unit.suffix;
    if (same) return unit.bytes;
  }
  return std::nullopt;
}

constexpr std::string_view kDigits = "0123456789";

}  // namespace

std::string_view to_string(Mode mode) { return mode == Mode::kSharded ? "sharded" : "replicated"; }

std::string_view to_string(EngineKind kind) { return kind == EngineKind::kRedis ? "redis" : "valkey"; }

std::string_view to_string(Durability durability) {
  return durability == Durability::kFast ? "fast" : "safe";
}

std::string counted_partition_name(int index) { return "p" + std::to_string(index + 1); }

Spec default_spec(std::string name, Mode mode, int shards, int replicas) {
  Spec spec;
  spec.name = std::move(name);
  spec.mode = mode;
  const int partitions = mode == Mode::kReplicated ? 1 : shards;
  for (int i = 0; i < partitions; ++i) {
    PartitionSpec& partition = spec.partitions.emplace_back();
    partition.name = counted_partition_name(i);
    partition.replicas = replicas;
  }
  spec.users.push_back({"workload", "+@all -@dangerous +info ~*", true});
  return spec;
}

std::string proxy_user(const Spec& spec) {
  if (!spec.proxy) return "";
  if (spec.proxy->user) return *spec.proxy->user;
  const bool own_machine = spec.host.starts_with("127.") || spec.host == "::1";
  const auto enabled = [](const UserSpec& user) { return user.enabled; };
  const auto first = std::find_if(spec.users.begin(), spec.users.end(), enabled);
  return own_machine && first != spec.users.end() ? first->name : "";
}

std::optional<int64_t> parse_size(std::string_view text) {
  constexpr size_t kMaxFraction = 9;  // digits; what they are multiplied with stays below 2^80
  const size_t number_end = std::min(text.find_first_not_of(kDigits), text.size());
  const auto whole = parse_uint(text.substr(0, number_end));
  std::string_view rest = text.substr(number_end);
  std::string_view fraction;
  if (!rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    fraction = rest.substr(0, rest.find_first_not_of(kDigits));
    rest.remove_prefix(fraction.size());
    if (fraction.empty() || fraction.size() > kMaxFraction) return std::nullopt;
  }
  const auto unit = unit_bytes(rest);
  if (!whole || !unit) return std::nullopt;

  using Wide = unsigned __int128;
  Wide scale = 1;
  for (size_t i = 0; i < fraction.size(); ++i) scale *= 10;
  const Wide parts = fraction.empty() ? 0 : *parse_uint(fraction);
  const Wide part_bytes = (parts * static_cast<Wide>(*unit) + scale - 1) / scale;
  const Wide bytes = static_cast<Wide>(*whole) * static_cast<Wide>(*unit) + part_bytes;
  if (bytes > static_cast<Wide>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  return static_cast<int64_t>(bytes);
}

}  // namespace keyway::cluster
