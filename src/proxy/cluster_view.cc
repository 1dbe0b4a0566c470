#include "proxy/cluster_view.h"

#include "base/format.h"
#include "base/strings.h"
#include "proxy/client.h"
#include "proxy/refusals.h"
#include "proxy/router.h"
#include "proxy/services.h"
#include "resp/slot.h"

namespace keyway::proxy {

namespace {

Verdict answer_text(Client& client, std::string_view text) { return answer(client, bulk(text)); }

// Forty digits that are the same for everyone who reaches the proxy at the same address.
std::string node_id(const Address& address) {
  std::string id;
  uint64_t mixed = 0xcbf29ce484222325U;  // FNV-1a
  for (char round = 'a'; id.size() < 40; ++round) {
    for (char c : to_string(address) + round) mixed = (mixed ^ static_cast<uint8_t>(c)) * 0x100000001b3U;
    id += fmt::format("{:016x}", mixed);
  }
  return id.substr(0, 40);
}

// A map in the client's protocol.
std::string map_header(const Client& client, size_t pairs) {
  return client.resp3() ? fmt::format("%{}\r\n", pairs) : fmt::format("*{}\r\n", 2 * pairs);
}

}  // namespace

Verdict cluster_slots(Client& client, const CommandView&) {
  const Address& here = client.local_address();
  return answer(client, fmt::format("*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n{}:{}\r\n{}*0\r\n", bulk(here.host),
                                    here.port, bulk(node_id(here))));
}

Verdict cluster_shards(Client& client, const CommandView&) {
  const Address& here = client.local_address();
  std::string node = map_header(client, 7) + bulk("id") + bulk(node_id(here)) + bulk("port") +
                     fmt::format(":{}\r\n", here.port) + bulk("ip") + bulk(here.host) + bulk("endpoint") +
                     bulk(here.host) + bulk("role") + bulk("master") + bulk("replication-offset") + ":0\r\n" +
                     bulk("health") + bulk("online");
  return answer(client, "*1\r\n" + map_header(client, 2) + bulk("slots") + "*2\r\n:0\r\n:16383\r\n" +
                            bulk("nodes") + "*1\r\n" + node);
}

Verdict cluster_nodes(Client& client, const CommandView&) {
  const Address& here = client.local_address();
  return answer_text(client, fmt::format("{} {}:{}@{} myself,master - 0 0 1 connected 0-16383\n",
                                         node_id(here), here.host, here.port, here.port));
}

Verdict cluster_info(Client& client, const CommandView&) {
  const Routes& routes = client.services().router.routes();
  size_t unowned = 0;
  for (size_t slot = 0; slot < cluster::kSlotCount; ++slot)
    unowned += routes.owner(static_cast<uint16_t>(slot)) == Routes::kNobody ? 1 : 0;
  return answer_text(client,
                     fmt::format("cluster_state:{}\r\ncluster_slots_assigned:{}\r\ncluster_slots_ok:{}\r\n"
                                 "cluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:1\r\n"
                                 "cluster_size:1\r\ncluster_current_epoch:1\r\ncluster_my_epoch:1\r\n",
                                 unowned == 0 ? "ok" : "fail", cluster::kSlotCount - unowned,
                                 cluster::kSlotCount - unowned));
}

Verdict cluster_myid(Client& client, const CommandView&) {
  return answer_text(client, node_id(client.local_address()));
}

Verdict cluster_keyslot(Client& client, const CommandView& command) {
  return answer(client, fmt::format(":{}\r\n", resp::key_slot(command.arguments[2])));
}

Verdict cluster_of_slot(Client& client, const CommandView& command) {
  std::optional<uint64_t> slot = parse_uint(command.arguments[2]);
  if (!slot || *slot >= cluster::kSlotCount) return refuse(client, "-ERR Invalid or out of range slot\r\n");
  Services& services = client.services();
  Channel channel = Channel::kMain;
  if (client.mixes_ways(services.router.routes().version(), channel)) return Verdict::kHold;
  Request* request = client.add(command.spec, command.bytes);
  request->slot = static_cast<uint16_t>(*slot);
  request->readonly = true;
  services.router.send(request);
  return Verdict::kTaken;
}

}  // namespace keyway::proxy
