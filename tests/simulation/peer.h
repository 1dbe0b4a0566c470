// Another node as one server of a sharded cluster sees it: an entry of its node table. A value.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace keyway::simulation {

struct Peer {
  int id = -1;     // number of the node id
  int place = -1;  // its address; -1: unknown
  bool primary = true;
  bool fail = false;
  bool pfail = false;
  bool meet = false;    // the next message to it is a MEET
  int primary_id = -1;  // of a replica; -1: unknown
  uint64_t config_epoch = 0;
  int64_t offset = 0;  // its replication offset, as it told last

  bool linked = false;
  bool held_back = false;  // a ping met a cut; TCP sends it again once the way is free
  int64_t linked_at_us = 0;
  int64_t ping_sent_us = 0;  // of the ping that is unanswered; 0: none
  int64_t pong_received_us = 0;
  int64_t data_received_us = 0;
  int64_t fail_at_us = 0;
  int64_t voted_at_us = -1;  // when this server last voted for a replica of it

  std::vector<std::pair<int, int64_t>> reports;  // who else suspects it, and since when we know
};

// A node that is being introduced: known by its address only.
struct Handshake {
  int place = -1;
  int64_t since_us = 0;
  bool meet = true;  // to be greeted with MEET, not PING
  bool linked = false;
};

}  // namespace keyway::simulation
