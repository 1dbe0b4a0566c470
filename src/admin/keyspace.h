// The keys of one database of a standalone server, or of a whole cluster, behind one face: a command goes to
// whoever owns its key by now. Made by import for its source and its target; one thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "admin/session.h"
#include "cluster/slots.h"

namespace keyway::admin {

// Commands about one key, carried out in a row on the same server.
struct KeyCommands {
  cluster::Slot slot = 0;  // of the key
  std::vector<resp::Command> commands;
};

struct KeyspaceOptions {
  int database = 0;  // of a standalone server
  engine::AddressMap reach = {};
  int64_t timeout_ms = 3000;               // of small questions
  std::function<bool()> interrupted = {};  // ends waiting; not null
  // Where the primary of a replicated server is by now, so that a failover is followed; null: nobody knows.
  std::function<Result<Address>()> find_primary = {};
};

class Keyspace {
 public:
  // Asks `seed` what it is part of. Errors: those of the server; kConflict for a cluster that has slots
  // without an owner, kUnavailable if an owner does not answer; kInvalidArgument for a database of a cluster.
  static Result<Keyspace> open(engine::Servers& servers, const Address& seed, KeyspaceOptions options);

  bool is_cluster() const { return is_cluster_; }
  // Of the node that was asked first: "Redis 7.0.15".
  const std::string& version() const { return version_; }
  int database() const { return options_.database; }
  // Those that own slots, or the standalone server.
  const std::vector<Address>& primaries() const { return primaries_; }
  // Changes whenever slots were found to be with another owner than before.
  int generation() const { return generation_; }
  // No slot was about to change its owner at the last look.
  bool settled() const { return settled_; }
  const std::vector<std::string>& ids() const { return ids_; }  // of all nodes; none of a standalone server
  const Address& owner(cluster::Slot slot) const { return owners_[slot]; }
  // Where other servers reach the owner of `slot`.
  const Address& announced_owner(cluster::Slot slot) const { return announced_owners_[slot]; }

  // What each list of commands was answered; in their order. Follows MOVED and ASK, and repeats what met
  // TRYAGAIN, a failover or a lost connection, for up to half a minute without progress: so a command may be
  // carried out twice. Other error replies come back as replies. Errors: those of the servers; what was
  // asked may have been done in part. `timeout_ms` is for each attempt.
  using Answers = std::vector<std::vector<resp::Reply>>;
  Result<Answers> ask(std::vector<KeyCommands> asked, int64_t timeout_ms);

  // The same commands at every primary, or commands for some; without redirection and repetition. SELECT goes
  // before them where it is needed, its reply does not come back.
  std::vector<engine::Response> tell(std::vector<engine::Request> requests, int64_t timeout_ms);

  // Looks anew who owns what.
  Status look();

  engine::Servers& servers() { return *servers_; }
  int64_t timeout_ms() const { return options_.timeout_ms; }
  bool interrupted() const { return options_.interrupted(); }
  static void pause(int64_t pause_ms);

 private:
  Keyspace(engine::Servers& servers, Address seed, KeyspaceOptions options)
      : servers_(&servers), seed_(std::move(seed)), options_(std::move(options)) {}

  // One attempt at those commands that are still without an answer.
  class Attempt;

  Status look_at_seed();
  bool moves() const { return !is_cluster_ && options_.find_primary != nullptr; }
  void set_only_owner(const Address& server);
  Status follow_primary();
  Result<cluster::Observed> survey();
  Status take_owners(const cluster::Observed& observed);
  Address reachable(const Address& announced) const;
  // MOVED and ASK name the node that has it: as others reach it.
  Address named_by(const resp::Reply& reply, const Address& asked) const;
  bool move_owner(cluster::Slot slot, const Address& announced);

  engine::Servers* servers_;
  Address seed_;
  KeyspaceOptions options_;
  bool is_cluster_ = false;
  std::string version_;
  std::vector<Address> primaries_;
  std::vector<std::string> ids_;
  std::vector<Address> nodes_;  // of the cluster, to ask one of them when the seed is gone
  std::vector<Address> owners_ = std::vector<Address>(cluster::kSlotCount);
  std::vector<Address> announced_owners_ = std::vector<Address>(cluster::kSlotCount);
  int generation_ = 0;
  bool settled_ = true;
};

}  // namespace keyway::admin
