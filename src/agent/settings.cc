#include "agent/settings.h"

#include <array>

#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/names.h"

namespace keyway::agent {

namespace names = platform::kubernetes;

namespace {

constexpr int64_t kMaxReplicas = 64;
constexpr int64_t kBusPortDistance = 10'000;
constexpr size_t kMaxPartitions = 1000;

constexpr SettingName kPod = {names::kPodNameVariable, "pod", ""};
constexpr SettingName kNamespace = {names::kPodNamespaceVariable, "", ""};
constexpr SettingName kUid = {names::kPodUidVariable, "", ""};
constexpr SettingName kAddress = {names::kPodIpVariable, "address", ""};
constexpr SettingName kCluster = {names::kClusterVariable, "cluster", ""};
constexpr SettingName kMode = {names::kModeVariable, "mode", ""};
constexpr SettingName kShard = {names::kShardVariable, "shard", ""};
constexpr SettingName kPartitions = {names::kPartitionsVariable, "partitions", ""};
constexpr SettingName kReplicas = {names::kReplicasVariable, "replicas", "0"};
constexpr SettingName kMaxMemory = {names::kMaxMemoryVariable, "", ""};
constexpr SettingName kBind = {"KEYWAY_BIND", "bind", ""};
constexpr SettingName kPort = {"KEYWAY_PORT", "port", "6379"};
constexpr SettingName kHttp = {"KEYWAY_HTTP", "http", "0.0.0.0:9121"};
constexpr SettingName kData = {"KEYWAY_DATA", "data", names::kDataFolder};
constexpr SettingName kConfig = {"KEYWAY_SERVER_CONFIG", "server_config", names::kServerConfigFile};
constexpr SettingName kUsers = {"KEYWAY_USERS", "users", names::kUsersFile};
constexpr SettingName kEngine = {"KEYWAY_ENGINE", "engine", ""};
constexpr SettingName kRegistry = {"KEYWAY_REGISTRY", "registry", ""};
constexpr SettingName kGrace = {"KEYWAY_GRACE_MS", "", "30000"};

using Given = std::function<std::optional<std::string>(const SettingName& name)>;

std::string called(const SettingName& name) {
  if (name.flag.empty()) return std::string(name.variable);
  std::string flag(name.flag);
  for (char& c : flag) c = c == '_' ? '-' : c;
  return fmt::format("{} (--{})", name.variable, flag);
}

// Takes values and keeps the first error.
class Reader {
 public:
  explicit Reader(const Given& given) : given_(given) {}

  std::string text(const SettingName& name) {
    std::optional<std::string> value = given_(name);
    return value && !value->empty() ? *value : std::string(name.otherwise);
  }
  std::string needed(const SettingName& name) {
    std::string value = text(name);
    if (value.empty()) wrong(name, "is not given");
    return value;
  }
  int64_t number(const SettingName& name, int64_t least, int64_t most) {
    std::string value = text(name);
    std::optional<int64_t> parsed = parse_int(value);
    if (parsed && *parsed >= least && *parsed <= most) return *parsed;
    wrong(name, fmt::format("is \"{}\", and must be a number from {} to {}", value, least, most));
    return least;
  }
  void wrong(const SettingName& name, std::string_view what) {
    if (status_) status_ = fail(ErrorCode::kInvalidArgument, fmt::format("{} {}", called(name), what));
  }
  const Status& status() const { return status_; }

 private:
  const Given& given_;
  Status status_;
};

cluster::Mode read_mode(Reader& reader) {
  std::string text = reader.needed(kMode);
  if (text != "sharded" && text != "replicated") reader.wrong(kMode, "must be sharded or replicated");
  return text == "replicated" ? cluster::Mode::kReplicated : cluster::Mode::kSharded;
}

std::vector<std::string> read_partitions(Reader& reader) {
  std::vector<std::string> names;
  std::string text = reader.text(kPartitions);
  for (std::string_view name : split(text, ',')) {
    if (!trim(name).empty()) names.emplace_back(trim(name));
  }
  if (names.size() > kMaxPartitions) reader.wrong(kPartitions, "lists too many partitions");
  return names;
}

}  // namespace

Result<Settings> read_settings(const Given& given) {
  Reader reader(given);
  Settings settings;
  settings.pod = reader.needed(kPod);
  settings.pod_namespace = reader.text(kNamespace);
  settings.pod_uid = reader.text(kUid);
  settings.cluster = reader.needed(kCluster);
  settings.mode = read_mode(reader);
  settings.shard = reader.needed(kShard);
  settings.partitions = read_partitions(reader);
  settings.replicas = static_cast<int>(reader.number(kReplicas, 0, kMaxReplicas));
  if (!reader.text(kMaxMemory).empty()) settings.max_memory_bytes = reader.number(kMaxMemory, 0, INT64_MAX);
  settings.bind = reader.text(kBind);
  settings.server.host = reader.needed(kAddress);
  bool sharded = settings.mode == cluster::Mode::kSharded;
  int64_t last_port = sharded ? UINT16_MAX - kBusPortDistance : UINT16_MAX;
  settings.server.port = static_cast<uint16_t>(reader.number(kPort, 1, last_port));
  settings.bus_port = static_cast<uint16_t>(sharded ? settings.server.port + kBusPortDistance : 0);
  std::optional<Address> http = parse_listen_address(reader.text(kHttp));
  if (http) settings.http = *http;
  if (!http) reader.wrong(kHttp, "is no address with a port, such as 0.0.0.0:9121");
  settings.data_folder = reader.text(kData);
  if (!settings.data_folder.starts_with('/')) reader.wrong(kData, "must be an absolute path");
  settings.config_file = reader.text(kConfig);
  settings.users_file = reader.text(kUsers);
  settings.engine = reader.text(kEngine);
  settings.registry = reader.text(kRegistry);
  settings.grace_ms = reader.number(kGrace, 1000, int64_t{24} * 3600 * 1000);
  if (!reader.status()) return fail(reader.status().error());
  return settings;
}

}  // namespace keyway::agent
