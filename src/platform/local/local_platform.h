// Platform for processes of this machine: one folder a node, servers that outlive the supervisor, all of it
// on record. The supervisor owns one with the cluster's lock; commands that only look open it read-only, at
// any time and beside a supervisor. One thread, the io_context's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/local/engine_program.h"
#include "platform/local/state.h"
#include "platform/local/users.h"
#include "platform/platform.h"

namespace boost::asio {
class io_context;
}

namespace keyway::platform::local {

class LocalPlatform : public Platform {
 public:
  // Takes the cluster's lock and holds it until destroyed; adopts the servers that run. `io` outlives it;
  // `on_exit` is called from it when a server process has ended. kNotFound: no such cluster. kConflict:
  // another process holds it (named). kUnsupported, kCorrupt: its record cannot be read.
  static Result<std::unique_ptr<LocalPlatform>> open(boost::asio::io_context& io, const std::string& home,
                                                     const std::string& cluster,
                                                     std::function<void()> on_exit);

  // No lock, no event loop; a picture of the moment. Everything that would change something fails with
  // kConflict.
  static Result<std::unique_ptr<LocalPlatform>> open_read_only(const std::string& home,
                                                               const std::string& cluster);

  ~LocalPlatform() override;

  cluster::Desired desired() override;
  // Cheap enough for every 50 ms: reads no files while all is well.
  cluster::Observed look() override;

  Status start(const cluster::StartNode& step) override;
  Status stop(const std::string& node, bool graceful) override;
  Status set_data_aside(const std::string& node, bool table) override;
  Status remove(const std::string& node) override;
  Status persist_follow(const std::string& node, const std::string& follow) override;
  Status persist_config(const std::string& node, const cluster::ServerConfig& complete) override;
  Result<std::vector<resp::Command>> stage_users(const std::string& node) override;
  Status users_applied(const std::string& node) override;
  Status record_primary(const std::string& shard, const std::string& node) override;
  Status record_data(const std::string& shard) override;
  Status record_identity(const std::string& node, const std::string& id) override;
  Status record_formed() override;
  Status clear_switchover(const std::string& shard) override;
  Account account() override;
  int64_t wall_ms() override;
  int64_t monotonic_ms() override;

  // Beyond Platform, for the supervisor and the commands.

  // The references are good until something is changed through this object: copy what is iterated over
  // meanwhile.
  const ClusterState& state() const;
  const ClusterPaths& paths() const;
  const Users& users() const;
  // The engine on record, looked at afresh (it may have been upgraded or removed). Blocks for as long as
  // --version takes.
  Result<EngineProgram> engine();

  // Makes `spec` the desired one: checks it against the old one, the engine and the machine, allocates ports,
  // generates passwords. All or nothing. Returns warnings for people.
  Result<std::vector<std::string>> apply(const cluster::Spec& spec);

  // What would be desired and seen right after apply(spec), with `observed` as it is now; nothing is changed
  // or recorded. Works read-only.
  struct Preview {
    cluster::Desired desired;
    cluster::Observed observed;
  };
  Result<Preview> preview(const cluster::Spec& spec, const cluster::Observed& observed);

  // Requests of people. kNotFound: no such node or shard, with those that exist.
  Status request_restart(const std::vector<std::string>& nodes);  // each is restarted once after this moment
  Status request_switchover(const std::string& shard, const std::string& to_node);  // "": the best replica
  Status accept_loss(const std::string& shard);  // of its data, where no copy is left

 private:
  struct Impl;
  explicit LocalPlatform(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::platform::local
