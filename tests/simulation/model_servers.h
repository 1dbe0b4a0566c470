// The seam between Keyway and its servers, with model servers behind it: commands and replies travel the
// model's network in virtual time, and may be lost, late, or carried out after nobody waits for them any
// more. Owned by the run; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/servers.h"
#include "interrupter.h"
#include "world.h"

namespace keyway::simulation {

class ModelServers : public engine::Servers {
 public:
  // `from`: the place in the network at which the one who asks is.
  ModelServers(World& world, Interrupter& interrupter, int from = kKeyway)
      : world_(world), interrupter_(interrupter), from_(from) {}

  std::vector<engine::Response> exchange(const std::vector<engine::Request>& requests,
                                         int64_t timeout_ms) override;

  // A process has ended: its connections are closed.
  void peer_gone(int place);

 protected:
  // Lets time pass until the exchange under way is answered, or the deadline.
  virtual void wait(int64_t deadline_us);
  // An answer has come.
  virtual void answered() {}
  bool all_answered() const { return current_ == nullptr || all_done(*current_); }

 private:
  struct Call {
    int place = -1;
    bool done = false;
    engine::Response response;
  };
  using Calls = std::vector<Call>;

  // A pipeline on its way through a server.
  struct Pipeline {
    std::shared_ptr<Calls> calls;
    size_t index = 0;
    std::vector<resp::Command> commands;
    std::vector<resp::Reply> replies;
  };

  void deliver(const std::shared_ptr<Calls>& calls, size_t index, const std::vector<resp::Command>& commands);
  void carry_out(const std::shared_ptr<Pipeline>& pipeline, Server& server);
  static bool all_done(const Calls& calls);

  World& world_;
  Interrupter& interrupter_;
  int from_;
  std::shared_ptr<Calls> current_;  // of the exchange under way
};

}  // namespace keyway::simulation
