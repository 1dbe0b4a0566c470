// Clients: write and read keys, follow redirections, and remember what they were promised (in the ledger).
// Owned by the run; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model_platform.h"
#include "world.h"

namespace keyway::simulation {

class Workload {
 public:
  Workload(World& world, ModelPlatform& platform) : world_(world), platform_(platform) {}

  void start(int64_t every_us);
  void stop() { running_ = false; }

  // What a patient client reads; nothing if no server answers for the key.
  std::optional<int64_t> read(int key);

  int64_t writes() const { return writes_; }
  int64_t refused() const { return refused_; }

 private:
  void turn(int64_t every_us);
  void write(int key);
  // Calls `attempt` on servers as redirections lead, until one answers. False: none did.
  template <typename Attempt>
  bool follow(int key, Attempt attempt);
  int first_guess(int key);
  int random_server();

  World& world_;
  ModelPlatform& platform_;
  bool running_ = false;
  std::vector<int> guesses_;  // by key: the place that answered last
  int64_t writes_ = 0;
  int64_t refused_ = 0;
};

}  // namespace keyway::simulation
