// The lines of flight records: facts as JSON and back. What has its default value is left out; the node
// tables of servers, which mostly say the same, are lists of numbers of lines that stand once.
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/format.h"
#include "reconcile/flight_record.h"

namespace keyway {

using Json = nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Address, host, port)

namespace cluster {

NLOHMANN_JSON_SERIALIZE_ENUM(Mode, {{Mode::kSharded, "sharded"}, {Mode::kReplicated, "replicated"}})
NLOHMANN_JSON_SERIALIZE_ENUM(EngineKind, {{EngineKind::kRedis, "redis"}, {EngineKind::kValkey, "valkey"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Role, {{Role::kPrimary, "primary"}, {Role::kReplica, "replica"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Process, {{Process::kNeverStarted, "never_started"},
                                       {Process::kStopped, "stopped"},
                                       {Process::kRunning, "running"},
                                       {Process::kForeign, "foreign"}})
NLOHMANN_JSON_SERIALIZE_ENUM(DataOnDisk, {{DataOnDisk::kUnknown, "unknown"},
                                          {DataOnDisk::kNone, "none"},
                                          {DataOnDisk::kPresent, "present"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Reach, {{Reach::kSilent, "silent"},
                                     {Reach::kLoading, "loading"},
                                     {Reach::kDenied, "denied"},
                                     {Reach::kAnswering, "answering"}})

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SlotRange, first, last)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PeerView, id, address, bus_port, myself, primary, fail, pfail,
                                                handshake, noaddr, linked, primary_id, shard_id, hostname,
                                                config_epoch, slots)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(OpenSlot, slot, peer_id, importing)
// All but the peers.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ServerFacts, version, engine, role, replid, replid2, offset,
                                                second_offset, primary_address, link_up, was_linked, syncing,
                                                last_io_ms, link_down_ms, connected_replicas, keys,
                                                memory_bytes, ops_per_s, process_id, zone, cluster_enabled,
                                                id, cluster_ok, current_epoch, open_slots)
// All but the server's facts.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(NodeFacts, name, shard, address, id, process, pid, started_ms,
                                                failed_starts, unloadable, data, has_node_table,
                                                applied_config, applied_users, follow_on_disk, note, reach,
                                                silent_ms, down_ms)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ShardRecord, primary, held_data, loss_accepted)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Problem, shard, node, text)
// All but the slots, which may be none.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(DesiredShard, name, nodes, config)
// All but the shards.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Desired, mode, users_fingerprint, max_lag_ms,
                                                restart_before_ms, switchover)

}  // namespace cluster

namespace reconcile {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FlightStep, shard, kind, what, why)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FlightOutcome, at_ms, step, error, detail)

namespace {

using cluster::DesiredShard;
using cluster::NodeFacts;
using cluster::PeerView;

constexpr int kFormat = 1;

template <typename T>
Json lean(const T& value) {
  static const Json defaults = T();
  Json json = value;
  for (auto field = json.begin(); field != json.end();) {
    field = *field == defaults.at(field.key()) ? json.erase(field) : std::next(field);
  }
  return json;
}

// Lines of node tables, each once.
class PeerLines {
 public:
  int number_of(const PeerView& peer) {
    Json line = lean(peer);
    auto [it, fresh] = numbers_.emplace(line.dump(), static_cast<int>(lines_.size()));
    if (fresh) lines_.push_back(std::move(line));
    return it->second;
  }
  Json take() { return std::move(lines_); }

 private:
  std::map<std::string, int> numbers_;
  Json lines_ = Json::array();
};

Json node_json(const NodeFacts& node, PeerLines& lines) {
  Json json = lean(node);
  Json server = lean(node.server);
  for (const PeerView& peer : node.server.peers) server["peers"].push_back(lines.number_of(peer));
  if (!server.empty()) json["server"] = std::move(server);
  return json;
}

NodeFacts node_of(const Json& json, const std::vector<PeerView>& lines) {
  auto node = json.get<NodeFacts>();
  auto server = json.find("server");
  if (server == json.end()) return node;
  node.server = server->get<cluster::ServerFacts>();
  for (const Json& number : server->value("peers", Json::array()))
    node.server.peers.push_back(lines.at(number.get<size_t>()));
  return node;
}

Json observed_json(const cluster::Observed& observed) {
  PeerLines lines;
  Json json = {{"nodes", Json::array()}, {"shards", observed.shards}, {"formed", observed.formed}};
  for (const NodeFacts& node : observed.nodes) json["nodes"].push_back(node_json(node, lines));
  json["peers"] = lines.take();
  return json;
}

cluster::Observed observed_of(const Json& json) {
  cluster::Observed observed;
  const auto lines = json.at("peers").get<std::vector<PeerView>>();
  for (const Json& node : json.at("nodes")) observed.nodes.push_back(node_of(node, lines));
  json.at("shards").get_to(observed.shards);
  json.at("formed").get_to(observed.formed);
  return observed;
}

Json desired_json(const cluster::Desired& desired) {
  Json json = desired;
  json["shards"] = Json::array();
  for (const DesiredShard& shard : desired.shards) {
    Json entry = shard;
    if (shard.slots) entry["slots"] = *shard.slots;
    json["shards"].push_back(std::move(entry));
  }
  return json;
}

cluster::Desired desired_of(const Json& json) {
  auto desired = json.get<cluster::Desired>();
  for (const Json& entry : json.at("shards")) {
    auto shard = entry.get<DesiredShard>();
    if (entry.contains("slots")) shard.slots = entry.at("slots").get<cluster::SlotRanges>();
    desired.shards.push_back(std::move(shard));
  }
  return desired;
}

// No field is a fraction, and reading one beyond all bounds as a whole number is undefined: each becomes
// null, which no field takes.
bool only_whole_numbers(int /*depth*/, Json::parse_event_t event, Json& parsed) {
  if (event == Json::parse_event_t::value && parsed.is_number_float()) parsed = nullptr;
  return true;
}

FlightRecord record_of(const Json& json) {
  FlightRecord record;
  json.at("at_ms").get_to(record.at_ms);
  record.outcomes = json.value("outcomes", std::vector<FlightOutcome>());
  record.has_facts = json.contains("observed");
  if (!record.has_facts) return record;
  record.desired = desired_of(json.at("desired"));
  record.observed = observed_of(json.at("observed"));
  record.steps = json.value("steps", std::vector<FlightStep>());
  record.waiting = json.value("waiting", std::vector<std::string>());
  record.problems = json.value("problems", std::vector<cluster::Problem>());
  return record;
}

}  // namespace

std::string to_json_line(const FlightRecord& record) {
  Json json = {{"format", kFormat}, {"at_ms", record.at_ms}};
  if (record.has_facts) {
    json["desired"] = desired_json(record.desired);
    json["observed"] = observed_json(record.observed);
  }
  if (!record.steps.empty()) json["steps"] = record.steps;
  if (!record.waiting.empty()) json["waiting"] = record.waiting;
  if (!record.problems.empty()) json["problems"] = record.problems;
  if (!record.outcomes.empty()) json["outcomes"] = record.outcomes;
  // What servers say about themselves need not be UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<FlightRecord> parse_flight_record(std::string_view line) {
  try {
    const Json json = Json::parse(line, only_whole_numbers);
    if (int format = json.at("format").get<int>(); format != kFormat) {
      return fail(
          ErrorCode::kCorrupt,
          fmt::format("this is history of format {}, which this version does not know; read it with the "
                      "version of Keyway that wrote it",
                      format));
    }
    return record_of(json);
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kCorrupt, fmt::format("this is no line of history: {}", error.what()));
  } catch (const std::out_of_range&) {
    return fail(ErrorCode::kCorrupt,
                "this is no line of history: it names a line of a node table that is not there");
  }
}

}  // namespace reconcile
}  // namespace keyway
