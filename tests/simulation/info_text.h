// What servers print: INFO, CLUSTER INFO and CLUSTER NODES, in the form of the real ones. Stateless.
#pragma once

#include <string>

namespace keyway::simulation {

class Server;

std::string info_text(const Server& server);
std::string cluster_info_text(const Server& server);
std::string cluster_nodes_text(const Server& server);

}  // namespace keyway::simulation
