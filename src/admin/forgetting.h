// Making a cluster forget a node, for good. One thread; as long as one `del_node`.
//
// A server that is told to forget a node bans its id for 60 s (cluster-blacklist-ttl), lest gossip of those
// who have yet to be told brings it back. So all must be told within that time. The node itself must know
// nobody by then: from Valkey 8.1 on a server that finds itself unknown asks to be met again.
#pragma once

#include <string>
#include <vector>

#include "admin/session.h"

namespace keyway::admin {

class Forgetting {
 public:
  // `others` are the nodes that shall forget `id`, `node` is where it answers itself; empty: it does not.
  Forgetting(Session& session, std::string id, std::vector<Address> others, Address node)
      : session_(session), id_(std::move(id)), others_(std::move(others)), node_(std::move(node)) {}

  // Empties the node and lets it know nobody. kConflict, before anything was forgotten, if it holds keys as a
  // primary.
  Status reset();

  // Tells all others, again and again where that fails, until every one has forgotten it. Errors: the last of
  // those that could not be told.
  Status tell();

  // Looks for `watch_ms` whether somebody knows it again, and if so has it forgotten again, for as long anew.
  // kConflict if it comes back again and again.
  Status watch(int64_t watch_ms);

  // Gives the node, which nobody knows any more, a new id: servers from Redis 7.2 on tell each other for as
  // long as the ban lasts to forget the old one, also of a node that has been added again meanwhile.
  void rename();

  int forgotten_by() const { return static_cast<int>(others_.size()); }

 private:
  bool tell_round(std::vector<Address>& untold);
  std::vector<Address> who_knows();
  bool is_alone();

  Session& session_;
  std::string id_;
  std::vector<Address> others_;
  Address node_;
  std::vector<Error> errors_;  // of the last round
};

}  // namespace keyway::admin
