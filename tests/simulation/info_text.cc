#include "info_text.h"

#include <iterator>

#include "server.h"

namespace keyway::simulation {
namespace {

void add_replication(std::string& out, const Server& server) {
  const World& world = server.world;
  const Replication& r = server.replication;
  auto to = std::back_inserter(out);
  if (r.is_replica) {
    Address primary = r.primary_place >= 0 ? world.place(r.primary_place).address : Address{"127.0.0.1", 1};
    int64_t heard_s = r.in_stream() ? (world.now_us() - r.last_heard_us) / 1'000'000 : -1;
    fmt::format_to(
        to,
        "role:slave\r\nmaster_host:{}\r\nmaster_port:{}\r\nmaster_link_status:{}\r\n"
        "master_last_io_seconds_ago:{}\r\nmaster_sync_in_progress:{}\r\nslave_read_repl_offset:{}\r\n"
        "slave_repl_offset:{}\r\n",
        primary.host, primary.port, r.in_stream() ? "up" : "down", heard_s, r.syncing() ? 1 : 0, r.offset,
        r.offset);
    if (!r.in_stream()) {
      fmt::format_to(to, "master_link_down_since_seconds:{}\r\n",
                     (world.now_us() - r.link_down_us) / 1'000'000);
    }
  } else {
    out += "role:master\r\n";
  }
  fmt::format_to(to, "connected_slaves:{}\r\n", r.followers().size());
  int number = 0;
  for (const Replication::Follower& f : r.followers()) {
    fmt::format_to(to, "slave{}:ip=127.0.0.1,port={},state={},offset={},lag=0\r\n", number++,
                   world.place(f.place).address.port, f.online ? "online" : "wait_bgsave", f.acked);
  }
  static constexpr const char* kHandovers[] = {"no-failover", "waiting-for-sync", "failover-in-progress"};
  fmt::format_to(
      to,
      "master_failover_state:{}\r\nmaster_replid:{}\r\nmaster_replid2:{}\r\nmaster_repl_offset:{}\r\n"
      "second_repl_offset:{}\r\nrepl_backlog_active:1\r\n",
      kHandovers[static_cast<int>(r.handover)], r.replid, r.replid2, r.offset, r.second_offset);
}

std::string flags_of(const Peer& peer, int my_id) {
  std::string flags;
  if (peer.id == my_id) flags += "myself,";
  flags += peer.primary ? "master," : "slave,";
  if (peer.pfail) flags += "fail?,";
  if (peer.fail) flags += "fail,";
  if (peer.place < 0) flags += "noaddr,";
  flags.pop_back();
  return flags;
}

void add_open_slots(std::string& out, const World& world, const NodeTable& table) {
  for (const auto& [slot, id] : table.migrating) {
    fmt::format_to(std::back_inserter(out), " [{}->-{}]", slot, world.id_text(id));
  }
  for (const auto& [slot, id] : table.importing) {
    fmt::format_to(std::back_inserter(out), " [{}-<-{}]", slot, world.id_text(id));
  }
}

void add_slots(std::string& out, const SlotMap& slots, int id) {
  for (const SlotMap::Run& run : slots.runs()) {
    if (run.owner != id) continue;
    if (run.first == run.last) {
      fmt::format_to(std::back_inserter(out), " {}", run.first);
    } else {
      fmt::format_to(std::back_inserter(out), " {}-{}", run.first, run.last);
    }
  }
}

std::string address_of(const World& world, int place) {
  if (place < 0) return ":0@0";
  const Address& address = world.place(place).address;
  return fmt::format("{}:{}@{}", address.host, address.port, address.port + 10000);
}

}  // namespace

std::string info_text(const Server& server) {
  const World& world = server.world;
  bool valkey = world.settings.flavour == Flavour::kValkey8;
  // Redis's of 7.2.4, since those before 7.2.2 have a fault in what they remember of slots that the model has
  // not.
  std::string out = "# Server\r\nredis_version:";
  out += valkey ? "7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n" : "7.2.4\r\n";
  auto to = std::back_inserter(out);
  fmt::format_to(to, "redis_mode:{}\r\nprocess_id:{}\r\ntcp_port:{}\r\nuptime_in_seconds:{}\r\n",
                 world.settings.sharded ? "cluster" : "standalone", server.pid, server.home().address.port,
                 (world.now_us() - server.started_us) / 1'000'000);
  fmt::format_to(
      to, "\r\n# Memory\r\nused_memory:1640720\r\n\r\n# Persistence\r\nloading:{}\r\nasync_loading:0\r\n",
      server.serving() ? 0 : 1);
  out += "\r\n# Replication\r\n";
  add_replication(out, server);
  fmt::format_to(to, "\r\n# Cluster\r\ncluster_enabled:{}\r\n\r\n# Keyspace\r\n",
                 server.bus != nullptr ? 1 : 0);
  if (int keys = server.total_keys(); keys > 0)
    fmt::format_to(to, "db0:keys={},expires=0,avg_ttl=0\r\n", keys);
  return out;
}

std::string cluster_info_text(const Server& server) {
  const Bus& bus = *server.bus;
  const NodeTable& table = bus.table();
  int assigned = cluster::kSlotCount - table.slots.count(kNobody);
  return fmt::format(
      "cluster_state:{}\r\ncluster_slots_assigned:{}\r\ncluster_slots_ok:{}\r\ncluster_slots_pfail:0\r\n"
      "cluster_slots_fail:0\r\ncluster_known_nodes:{}\r\ncluster_size:{}\r\ncluster_current_epoch:{}\r\n"
      "cluster_my_epoch:{}\r\ncluster_stats_messages_sent:0\r\ncluster_stats_messages_received:0\r\n"
      "total_cluster_links_buffer_limit_exceeded:0\r\n",
      bus.ok() ? "ok" : "fail", assigned, assigned, table.peers.size() + bus.handshakes().size(), bus.size(),
      table.current_epoch, bus.me().config_epoch);
}

std::string cluster_nodes_text(const Server& server) {
  const World& world = server.world;
  const Bus& bus = *server.bus;
  const NodeTable& table = bus.table();
  std::string out;
  for (const Peer& peer : table.peers) {
    const Peer* primary = peer.primary || peer.primary_id < 0 ? nullptr : bus.find(peer.primary_id);
    bool myself = peer.id == bus.my_id();
    fmt::format_to(std::back_inserter(out), "{} {} {} {} {} {} {} {}", world.id_text(peer.id),
                   address_of(world, myself ? server.place : peer.place), flags_of(peer, bus.my_id()),
                   primary == nullptr ? "-" : world.id_text(primary->id), peer.ping_sent_us / 1000,
                   peer.pong_received_us / 1000,
                   primary == nullptr ? peer.config_epoch : primary->config_epoch,
                   myself || peer.linked ? "connected" : "disconnected");
    add_slots(out, table.slots, peer.id);
    if (myself) add_open_slots(out, world, table);
    out += '\n';
  }
  for (const Handshake& handshake : bus.handshakes()) {
    std::string made_up = fmt::format("{:040x}", handshake.place + 1);
    fmt::format_to(std::back_inserter(out), "{} {} handshake - 0 0 0 {}\n", made_up,
                   address_of(world, handshake.place), handshake.linked ? "connected" : "disconnected");
  }
  return out;
}

}  // namespace keyway::simulation
