#include "platform/local/state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"

namespace keyway::platform::local {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kIndent = 2;

Json encode_node(const NodeState& node) {
  Json json{{"name", node.name}, {"shard", node.shard}, {"port", node.port}, {"id", node.id}};
  if (!node.follow.empty()) json["follow"] = node.follow;
  if (node.removing) json["removing"] = true;
  return json;
}

NodeState decode_node(const Json& json) {
  NodeState node;
  node.name = json.at("name").get<std::string>();
  node.shard = json.at("shard").get<std::string>();
  node.port = json.at("port").get<uint16_t>();
  node.id = json.at("id").get<std::string>();
  node.follow = json.value("follow", "");
  node.removing = json.value("removing", false);
  return node;
}

Json encode_node_run(const NodeRun& run) {
  return Json{{"pid", run.process.pid},
              {"start_ticks", run.process.start_ticks},
              {"boot_id", run.process.boot_id},
              {"started_ms", run.started_ms},
              {"log_offset_bytes", run.log_offset_bytes},
              {"failed_starts", run.failed_starts},
              {"began_empty", run.began_empty},
              {"unloadable", run.unloadable},
              {"applied_config", run.applied_config},
              {"applied_users", run.applied_users},
              {"note", run.note}};
}

NodeRun decode_node_run(const Json& json) {
  NodeRun run;
  run.process.pid = json.at("pid").get<int>();
  run.process.start_ticks = json.at("start_ticks").get<uint64_t>();
  run.process.boot_id = json.at("boot_id").get<std::string>();
  run.started_ms = json.at("started_ms").get<int64_t>();
  run.log_offset_bytes = json.at("log_offset_bytes").get<int64_t>();
  run.failed_starts = json.at("failed_starts").get<int>();
  run.began_empty = json.value("began_empty", false);
  run.unloadable = json.at("unloadable").get<bool>();
  run.applied_config = json.at("applied_config").get<cluster::ServerConfig>();
  run.applied_users = json.at("applied_users").get<std::string>();
  run.note = json.at("note").get<std::string>();
  return run;
}

Error damaged(const std::string& source, std::string_view what) {
  return {ErrorCode::kCorrupt,
          fmt::format("{} is damaged: {}; nothing was touched. Put back a good copy of the file, or move the "
                      "cluster's folder "
                      "away and make the cluster anew (each server's data is in its nodes/ folder)",
                      source, what)};
}

// Throws nlohmann's exceptions for fields that are missing or of another type.
Result<ClusterState> decode_fields(const Json& json, const std::string& source) {
  ClusterState state;
  Result<cluster::Spec> spec = cluster::parse_spec(json.at("spec").get<std::string>(), source + " (spec)");
  if (!spec) return fail(damaged(source, spec.error().message));
  state.spec = std::move(*spec);
  state.engine_path = json.at("engine").at("path").get<std::string>();
  state.engine_version = json.at("engine").at("version").get<std::string>();
  for (const Json& node : json.at("nodes")) {
    state.nodes.push_back(decode_node(node));
    const std::string& name = state.nodes.back().name;
    if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.')) {
      return fail(damaged(source, fmt::format("\"{}\" is no name of a node", name)));
    }
  }
  for (const auto& [name, record] : json.at("shards").items()) {
    state.shards[name] = {record.at("primary").get<std::string>(), record.at("held_data").get<bool>(),
                          record.value("loss_accepted", false)};
  }
  state.proxy_port = json.value("proxy_port", uint16_t{0});
  state.formed = json.at("formed").get<bool>();
  state.restart_before_ms = json.at("requests").at("restart_before_ms").get<std::map<std::string, int64_t>>();
  state.switchover = json.at("requests").at("switchover").get<std::map<std::string, std::string>>();
  return state;
}

}  // namespace

const NodeState* ClusterState::find(std::string_view node) const {
  auto found =
      std::find_if(nodes.begin(), nodes.end(), [node](const NodeState& each) { return each.name == node; });
  return found == nodes.end() ? nullptr : &*found;
}

NodeState* ClusterState::find(std::string_view node) {
  return const_cast<NodeState*>(static_cast<const ClusterState*>(this)->find(node));
}

std::string encode_state(const ClusterState& state) {
  Json nodes = Json::array();
  for (const NodeState& node : state.nodes) nodes.push_back(encode_node(node));
  Json shards = Json::object();
  for (const auto& [name, record] : state.shards) {
    shards[name] = Json{{"primary", record.primary}, {"held_data", record.held_data}};
    if (record.loss_accepted) shards[name]["loss_accepted"] = true;
  }
  Json json{
      {"format", kStateFormat},
      {"spec", cluster::to_yaml(state.spec)},
      {"engine", Json{{"path", state.engine_path}, {"version", state.engine_version}}},
      {"nodes", std::move(nodes)},
      {"shards", std::move(shards)},
      {"formed", state.formed},
      {"requests", Json{{"restart_before_ms", state.restart_before_ms}, {"switchover", state.switchover}}}};
  if (state.proxy_port != 0) json["proxy_port"] = state.proxy_port;
  return json.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string encode_run(const ClusterState& state) {
  Json nodes = Json::object();
  for (const NodeState& node : state.nodes) {
    if (node.run != NodeRun{}) nodes[node.name] = encode_node_run(node.run);
  }
  Json json{{"format", kStateFormat}, {"nodes", std::move(nodes)}};
  return json.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ClusterState> decode_state(std::string_view text, const std::string& source) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object()) return fail(damaged(source, "it is no JSON object"));
  if (!json.contains("format") || !json["format"].is_number_integer()) {
    return fail(damaged(source, "it has no format number"));
  }
  auto format = json["format"].get<int64_t>();
  if (format > kStateFormat) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{} was written by a newer Keyway (format {}; this one reads {}); use that "
                            "Keyway for this cluster",
                            source, format, kStateFormat));
  }
  if (format != kStateFormat) return fail(damaged(source, fmt::format("there is no format {}", format)));
  try {
    return decode_fields(json, source);
  } catch (const Json::exception& error) {
    return fail(damaged(source, error.what()));
  }
}

bool decode_run(std::string_view text, ClusterState& state) {
  Json json = Json::parse(text, nullptr, false);
  std::map<std::string, NodeRun> runs;
  try {
    if (json.at("format").get<int>() != kStateFormat) return false;
    for (const auto& [name, run] : json.at("nodes").items()) runs[name] = decode_node_run(run);
  } catch (const Json::exception&) {
    return false;
  }
  for (NodeState& node : state.nodes) {
    if (auto run = runs.find(node.name); run != runs.end()) node.run = run->second;
  }
  return true;
}

Result<ClusterState> load_state(const ClusterPaths& paths) {
  Result<std::string> text = read_file(paths.state_file());
  if (!text) return fail(text.error());
  Result<ClusterState> state = decode_state(*text, paths.state_file());
  if (!state) return state;
  if (Result<std::string> run = read_file(paths.run_file())) decode_run(*run, *state);
  return state;
}

Status save_state(const ClusterPaths& paths, const ClusterState& state) {
  return replace_file(paths.state_file(), encode_state(state), Durability::kDurable);
}

Status save_run(const ClusterPaths& paths, const ClusterState& state) {
  return replace_file(paths.run_file(), encode_run(state), Durability::kVolatile);
}

}  // namespace keyway::platform::local
