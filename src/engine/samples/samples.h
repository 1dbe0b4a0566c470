// What servers of every tested engine really printed: the first primary of three (p1 at port 21000, with slot
// 100 on its way to the second, and 60 keys), its replica (port 21003), the same replica after the primary
// was killed, the second primary, and the first one's nodes.conf. Line ends are "\n" here; servers end the
// lines of INFO and CLUSTER INFO with "\r\n". For tests.
#pragma once

#include <array>
#include <string_view>

namespace keyway::engine {

struct EngineSample {
  std::string_view engine;
  std::string_view info_primary;
  std::string_view info_replica;
  std::string_view info_replica_down;
  std::string_view cluster_info;     // taken while a slot had no owner
  std::string_view nodes_migrating;  // with a host name of its own, and a node in handshake
  std::string_view nodes_importing;
  std::string_view nodes_conf;
};

// clang-format off
inline constexpr std::array kEngineSamples = {
#include "engine/samples/redis-7.0.15.inc"
,
#include "engine/samples/redis-8.0.2.inc"
,
#include "engine/samples/redis-8.0.6.inc"
,
#include "engine/samples/valkey-8.0.1.inc"
,
#include "engine/samples/valkey-8.1.1.inc"
,
#include "engine/samples/valkey-9.1.2.inc"
,
};
// clang-format on

}  // namespace keyway::engine
