// Makes a scenario's events happen: to servers, to the network, to disks, to the supervisor, to the spec.
// Owned by the run; one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "interrupter.h"
#include "model_platform.h"
#include "scenario.h"
#include "world.h"

namespace keyway::simulation {

class Faults {
 public:
  Faults(World& world, ModelPlatform& platform, Interrupter& interrupter)
      : world_(world), platform_(platform), interrupter_(interrupter) {}

  // Puts all events into the world's schedule.
  void schedule(const Scenario& scenario);
  // Everything is well again: links, pauses, slowness. What is lost stays lost.
  void heal();

  // The supervisor is to be ended now.
  bool crash_now = false;
  // How long it stays away after its next end.
  int64_t away_us = 0;

 private:
  void happen(const Event& event);
  void befall_people(const Event& event);
  void befall_supervisor(const Event& event);
  void befall_servers(const Event& event);
  void hurt_disk(const Event& event, int place);
  void kill(int place);
  void kill_shard(const std::string& shard);
  void wound(int place);
  int pick(int number, bool running) const;
  void cut(int a, int b, int direction, bool value);

  World& world_;
  ModelPlatform& platform_;
  Interrupter& interrupter_;
  bool healed_ = false;
};

}  // namespace keyway::simulation
