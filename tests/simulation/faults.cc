#include "faults.h"

#include "server.h"

namespace keyway::simulation {

void Faults::schedule(const Scenario& scenario) {
  for (const Event& event : scenario.events) {
    world_.scheduler.at(event.at_us, [this, &event] { happen(event); });
  }
}

// The place of some node on record; with `running`, of one that has a process. -1: there is none.
int Faults::pick(int number, bool running) const {
  std::vector<int> places;
  for (const ModelPlatform::Node& node : platform_.nodes()) {
    if (!running || world_.server(node.place) != nullptr) places.push_back(node.place);
  }
  return places.empty() ? -1 : places[static_cast<size_t>(number) % places.size()];
}

void Faults::happen(const Event& event) {
  if (world_.tracing) world_.trace(fmt::format("--- {}", to_string(event.kind)));
  if (event.kind <= EventKind::kSwitchover) {
    befall_people(event);
  } else if (event.kind <= EventKind::kSlowReplies) {
    befall_supervisor(event);
  } else {
    befall_servers(event);
  }
}

void Faults::befall_people(const Event& event) {
  const auto& nodes = platform_.nodes();
  switch (event.kind) {
    case EventKind::kApplySpec:
      if (world_.tracing) {
        Scenario shown;
        shown.spec = event.spec;
        world_.trace("the spec is now:" + describe(shown));
      }
      platform_.apply(event.spec);
      break;
    case EventKind::kChangeUsers:
      platform_.change_users();
      break;
    case EventKind::kRestartNode:
      if (!nodes.empty())
        platform_.request_restart(nodes[static_cast<size_t>(event.node) % nodes.size()].name);
      break;
    case EventKind::kRollingRestart:
      for (const ModelPlatform::Node& node : nodes) platform_.request_restart(node.name);
      break;
    default:
      if (!nodes.empty()) {
        const ModelPlatform::Node& node = nodes[static_cast<size_t>(event.node) % nodes.size()];
        platform_.request_switchover(node.shard, node.name);
      }
      break;
  }
}

void Faults::befall_supervisor(const Event& event) {
  if (event.kind == EventKind::kCrashSupervisor) {
    away_us = event.duration_us;
    if (event.amount == 0) {
      crash_now = true;
    } else {
      interrupter_.arm(event.amount);
    }
    return;
  }
  if (event.kind == EventKind::kStaleLooks) {
    platform_.stale_looks = true;
    world_.scheduler.after(event.duration_us, [this] { platform_.stale_looks = false; });
    return;
  }
  int place = pick(event.node, true);
  if (place < 0) return;
  world_.place(place).slow_us = event.amount * 1000;
  if (world_.tracing)
    world_.trace(fmt::format("{} answers {} ms late", world_.place(place).name, event.amount));
  world_.scheduler.after(event.duration_us, [this, place] {
    world_.impair(place);
    world_.place(place).slow_us = 0;
  });
}

void Faults::kill(int place) {
  world_.end(place, Exit::kKilled);
  world_.impair(place);
  world_.ledger.copy_gone(Cause::kFault, place, "it was killed");
}

void Faults::kill_shard(const std::string& shard) {
  for (const ModelPlatform::Node& node : platform_.nodes()) {
    if (node.shard == shard && world_.server(node.place) != nullptr) kill(node.place);
  }
}

void Faults::cut(int a, int b, int direction, bool value) {
  if (direction != 2) world_.network.set(a, b, value);
  if (direction != 1) world_.network.set(b, a, value);
  for (int end : {a, b}) {
    if (end != kKeyway) world_.impair(end);
  }
}

// A process that ends by violence, with what lies on its disk hurt as well.
void Faults::wound(int place) {
  if (world_.server(place) != nullptr) world_.end(place, Exit::kKilled);
  world_.impair(place);
}

void Faults::befall_servers(const Event& event) {
  int place = pick(event.node, event.kind != EventKind::kFailingStarts);
  if (place < 0 || healed_) return;
  if (world_.tracing) world_.trace("it is " + world_.place(place).name);
  switch (event.kind) {
    case EventKind::kKill:
      return kill(place);
    case EventKind::kKillShard:
      return kill_shard(world_.place(place).shard);
    case EventKind::kKillAll:
      for (const ModelPlatform::Node& node : platform_.nodes()) {
        if (world_.server(node.place) != nullptr) kill(node.place);
      }
      return;
    case EventKind::kPause:
      world_.pause(place);
      world_.impair(place);
      world_.scheduler.after(event.duration_us, [this, place] {
        world_.impair(place);
        world_.resume(place);
      });
      return;
    case EventKind::kCutFromKeyway:
      cut(kKeyway, place, event.amount, true);
      world_.scheduler.after(event.duration_us, [this, place] { cut(kKeyway, place, 3, false); });
      return;
    case EventKind::kCutServers: {
      int other = pick(event.other, true);
      if (other == place) return;
      if (world_.tracing) world_.trace("it is cut from " + world_.place(other).name);
      cut(place, other, event.amount, true);
      world_.scheduler.after(event.duration_us, [this, place, other] { cut(place, other, 3, false); });
      return;
    }
    case EventKind::kIsolate:
      for (int i = 0; i < world_.place_count(); ++i) {
        if (i != place) cut(place, i, 3, true);
      }
      if (event.amount == 1) cut(kKeyway, place, 3, true);
      world_.scheduler.after(event.duration_us, [this, place] {
        for (int i = 0; i < world_.place_count(); ++i) cut(place, i, 3, false);
        cut(kKeyway, place, 3, false);
      });
      return;
    case EventKind::kLagging: {
      int64_t usual_us = world_.place(place).lag_us;
      world_.place(place).lag_us = event.amount * 400'000;
      world_.scheduler.after(event.duration_us,
                             [this, place, usual_us] { world_.place(place).lag_us = usual_us; });
      return;
    }
    case EventKind::kFailingStarts:
      world_.place(place).failing_starts = event.amount;
      return;
    default:
      hurt_disk(event, place);
  }
}

// Its process ends with it.
void Faults::hurt_disk(const Event& event, int place) {
  wound(place);
  Disk& disk = world_.place(place).disk;
  if (event.kind == EventKind::kLoseData) {
    disk.has_data = false;
    disk.replid.clear();
  }
  if (event.kind == EventKind::kDamageData && disk.has_data) disk.loadable = false;
  if (event.kind == EventKind::kLoseTable || (event.kind == EventKind::kLoseData && event.amount == 1))
    disk.has_table = false;
  world_.ledger.copy_gone(Cause::kFault, place, "its disk was hurt");
}

void Faults::heal() {
  healed_ = true;
  world_.network.heal();
  platform_.stale_looks = false;
  interrupter_.disarm();
  for (int i = 0; i < world_.place_count(); ++i) {
    world_.resume(i);
    Place& place = world_.place(i);
    place.slow_us = 0;
    place.failing_starts = 0;
    place.lag_us = std::min<int64_t>(place.lag_us, 3000);
    world_.impair(i);
  }
}

}  // namespace keyway::simulation
