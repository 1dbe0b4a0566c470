#include "agent/metrics.h"

#include <array>
#include <charconv>
#include <map>
#include <string_view>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::agent {

namespace {

struct Shown {
  std::string_view field;  // of INFO
  std::string_view name;
  std::string_view type;
  std::string_view help;
};

// Names as the exporters have them that people's dashboards were made for.
constexpr auto kShown = std::to_array<Shown>({
    {"uptime_in_seconds", "redis_uptime_in_seconds", "gauge", "Since the server was started"},
    {"connected_clients", "redis_connected_clients", "gauge", "Clients connected"},
    {"blocked_clients", "redis_blocked_clients", "gauge", "Clients that wait in a blocking command"},
    {"maxclients", "redis_config_maxclients", "gauge", "Clients allowed"},
    {"used_memory", "redis_memory_used_bytes", "gauge", "Memory allocated"},
    {"used_memory_rss", "redis_memory_used_rss_bytes", "gauge", "Memory resident"},
    {"used_memory_peak", "redis_memory_used_peak_bytes", "gauge", "The most memory allocated so far"},
    {"maxmemory", "redis_memory_max_bytes", "gauge", "Memory allowed; 0: no limit"},
    {"mem_fragmentation_ratio", "redis_mem_fragmentation_ratio", "gauge", "Resident to allocated"},
    {"loading", "redis_loading_dump_file", "gauge", "Whether the server loads its data"},
    {"rdb_changes_since_last_save", "redis_rdb_changes_since_last_save", "gauge", "Changes not yet saved"},
    {"rdb_bgsave_in_progress", "redis_rdb_bgsave_in_progress", "gauge", "Whether the server saves"},
    {"rdb_last_save_time", "redis_rdb_last_save_timestamp_seconds", "gauge", "The last save"},
    {"aof_enabled", "redis_aof_enabled", "gauge", "Whether there is an append only file"},
    {"aof_rewrite_in_progress", "redis_aof_rewrite_in_progress", "gauge", "Whether it is rewritten"},
    {"aof_current_size", "redis_aof_current_size_bytes", "gauge", "Its size"},
    {"total_connections_received", "redis_connections_received_total", "counter", "Clients accepted"},
    {"total_commands_processed", "redis_commands_processed_total", "counter", "Commands"},
    {"instantaneous_ops_per_sec", "redis_instantaneous_ops_per_sec", "gauge", "Commands a second"},
    {"total_net_input_bytes", "redis_net_input_bytes_total", "counter", "Bytes received"},
    {"total_net_output_bytes", "redis_net_output_bytes_total", "counter", "Bytes sent"},
    {"rejected_connections", "redis_rejected_connections_total", "counter", "Clients refused"},
    {"sync_full", "redis_replica_resyncs_full", "counter", "Full copies given to replicas"},
    {"sync_partial_ok", "redis_replica_partial_resync_accepted", "counter", "Partial copies given"},
    {"sync_partial_err", "redis_replica_partial_resync_denied", "counter", "Partial copies refused"},
    {"expired_keys", "redis_expired_keys_total", "counter", "Keys whose time was up"},
    {"evicted_keys", "redis_evicted_keys_total", "counter", "Keys evicted for memory"},
    {"keyspace_hits", "redis_keyspace_hits_total", "counter", "Lookups that found their key"},
    {"keyspace_misses", "redis_keyspace_misses_total", "counter", "Lookups that did not"},
    {"latest_fork_usec", "redis_latest_fork_usec", "gauge", "The last fork, in microseconds"},
    {"connected_slaves", "redis_connected_slaves", "gauge", "Replicas connected"},
    {"master_repl_offset", "redis_master_repl_offset", "gauge", "Offset of the replication stream"},
    {"repl_backlog_size", "redis_replication_backlog_bytes", "gauge", "Size of the replication backlog"},
    {"total_error_replies", "redis_error_replies_total", "counter", "Error replies"},
});

void render_head(std::string_view name, std::string_view type, std::string_view help, std::string& text) {
  text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

void render_one(std::string_view name, std::string_view type, std::string_view help, int64_t value,
                std::string& text) {
  render_head(name, type, help, text);
  text += fmt::format("{} {}\n", name, value);
}

bool is_number(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::map<std::string_view, std::string_view> fields_of(std::string_view info) {
  std::map<std::string_view, std::string_view> fields;
  for (std::string_view line : split(info, '\n')) {
    size_t colon = line.find(':');
    if (colon != std::string_view::npos) fields[line.substr(0, colon)] = trim(line.substr(colon + 1));
  }
  return fields;
}

void render_server(const PodState& state, std::string& text) {
  render_one("redis_up", "gauge", "Whether the server answers", state.node.answering() ? 1 : 0, text);
  if (!state.node.answering()) return;
  auto fields = fields_of(state.info);
  for (const Shown& shown : kShown) {
    auto found = fields.find(shown.field);
    if (found == fields.end() || !is_number(found->second)) continue;
    render_head(shown.name, shown.type, shown.help, text);
    text += fmt::format("{} {}\n", shown.name, found->second);
  }
  const cluster::ServerFacts& server = state.node.server;
  render_one("redis_keys", "gauge", "Keys in all databases", server.keys, text);
  bool replica = server.role == cluster::Role::kReplica;
  if (replica) {
    render_one("redis_master_link_up", "gauge", "Whether the replica is in the stream",
               server.link_up ? 1 : 0, text);
    render_one("redis_slave_repl_offset", "gauge", "The replica's offset in the stream", server.offset, text);
  }
  if (state.mode == cluster::Mode::kSharded)
    render_one("redis_cluster_state", "gauge", "Whether the server says cluster_state:ok",
               server.cluster_ok ? 1 : 0, text);
}

}  // namespace

std::string render_metrics(const PodState& state) {
  std::string text;
  render_server(state, text);
  bool primary = state.node.answering() && state.node.server.role == cluster::Role::kPrimary;
  render_one("keyway_agent_ready", "gauge", "Whether the pod is ready", readiness(state).good ? 1 : 0, text);
  render_one("keyway_agent_primary", "gauge", "Whether the server is a primary", primary ? 1 : 0, text);
  render_one("keyway_agent_holds_lease", "gauge", "Whether the agent holds the Lease", state.leader ? 1 : 0,
             text);
  render_one("keyway_agent_server_starts_total", "counter", "Starts of the server", state.starts, text);
  render_one("keyway_agent_handovers_total", "counter", "Handovers to a replica before a stop",
             state.handovers, text);
  render_one("keyway_agent_fences_total", "counter",
             "Times the server was kept from taking writes since the Lease could not be renewed",
             state.fences, text);
  render_one("keyway_agent_api_errors_total", "counter", "Failed calls of the API server", state.api_errors,
             text);
  return text;
}

}  // namespace keyway::agent
