// Looking at a fixed set of nodes, again and again, as the commands do that make or change a cluster. One
// thread.
#pragma once

#include <string>
#include <vector>

#include "admin/session.h"
#include "cluster/placement.h"

namespace keyway::admin {

// What the servers at these addresses say, whether they are of one cluster or not. Names are the addresses.
cluster::Observed look_at(Session& session, const std::vector<Address>& addresses);

// The same nodes anew.
void look_again(Session& session, cluster::Observed& observed);

// The nodes that answer. Those that do not would make each further look as long as it may take.
cluster::Observed only_answering(const cluster::Observed& observed);

// Where the servers find the node: what it announces; else what was mapped to where we reach it.
Address meeting_address(const Session& session, const cluster::Observed& observed,
                        const cluster::NodeFacts& node);

// Maps, in session.reach, the IP addresses behind nodes that are reached by host names to those names:
// CLUSTER MEET takes no names. Each of those servers is asked at which of its addresses it was reached.
void learn_ip_addresses(Session& session, const cluster::Observed& observed);

// For placement: its host is that of meeting_address.
cluster::Site site_of(const Session& session, const cluster::Observed& observed,
                      const cluster::NodeFacts& node);

}  // namespace keyway::admin
