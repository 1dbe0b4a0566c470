// Feeds the parsers of what servers say with anything; what they accept must come through the node table
// unchanged.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/node_table.h"
#include "engine/observe.h"

namespace {

using keyway::cluster::PeerView;

bool same(const PeerView& a, const PeerView& b) {
  return a.id == b.id && a.address == b.address && a.bus_port == b.bus_port && a.myself == b.myself &&
         a.primary == b.primary && a.noaddr == b.noaddr && a.primary_id == b.primary_id &&
         a.shard_id == b.shard_id && a.config_epoch == b.config_epoch && a.slots == b.slots;
}

void check_nodes(std::string_view text) {
  std::vector<keyway::cluster::OpenSlot> open;
  auto peers = keyway::engine::parse_cluster_nodes(text, &open);
  if (!peers) return;
  std::erase_if(*peers, [](const PeerView& peer) {
    return peer.handshake || peer.bus_port == 0;
  });  // are written otherwise
  auto again =
      keyway::engine::parse_cluster_nodes(keyway::engine::render_node_table(*peers, 1, true), nullptr);
  if (peers->empty()) return;
  if (!again || again->size() != peers->size()) std::abort();
  for (size_t i = 0; i < peers->size(); ++i) {
    if (!same((*peers)[i], (*again)[i])) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_nodes(text);
  keyway::cluster::ServerFacts facts;
  bool loading = false;
  if (keyway::engine::parse_info(text, facts, loading) && facts.version.empty()) std::abort();
  return 0;
}
