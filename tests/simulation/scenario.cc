#include "scenario.h"

#include <algorithm>

#include "base/format.h"
#include "resp/slot.h"
#include "slot_map.h"

namespace keyway::simulation {
namespace {

using cluster::Mode;
using cluster::PartitionSpec;
using cluster::Slot;
using cluster::SlotRanges;
using cluster::Spec;

constexpr int kMaxShards = 4;

// Draws what a run is made of, in a fixed order.
class Drawing {
 public:
  Drawing(uint64_t seed, bool storm) : random_(seed), storm_(storm) { scenario_.seed = seed; }

  Scenario draw() {
    draw_cluster();
    draw_times();
    draw_changes();
    draw_faults();
    std::stable_sort(scenario_.events.begin(), scenario_.events.end(),
                     [](const Event& a, const Event& b) { return a.at_us < b.at_us; });
    return std::move(scenario_);
  }

 private:
  void draw_cluster() {
    Settings& settings = scenario_.settings;
    settings.sharded = random_.chance(70);
    settings.flavour = random_.chance(50) ? Flavour::kRedis70 : Flavour::kValkey8;
    settings.unplanned = random_.chance(65);
    settings.snapshot_us = random_.chance(30) ? 0 : random_.between(1, 8) * 1'000'000;
    scenario_.keys = static_cast<int>(random_.between(8, 32));
    static constexpr int kShards[] = {1, 1, 2, 2, 2, 3, 3, 3, 3, 4};
    static constexpr int kReplicas[] = {0, 1, 1, 1, 1, 1, 1, 2, 2, 2};
    int shards = settings.sharded ? kShards[random_.below(10)] : 1;
    replicas_ = kReplicas[random_.below(10)];
    Spec& spec = scenario_.spec;
    spec = cluster::default_spec("sim", settings.sharded ? Mode::kSharded : Mode::kReplicated, shards,
                                 replicas_);
    spec.config["maxmemory-policy"] = "noeviction";
    if (settings.sharded && random_.chance(50)) {
      spec.config["cluster-node-timeout"] = fmt::format("{}", random_.between(5, 20) * 100);
    }
    even_ = settings.sharded && random_.chance(3);
    if (settings.sharded && !even_) give_windows(spec);
    spec_ = spec;
  }

  // All slots are the first shard's but for a few around keys, so that moves are short and yet carry keys.
  void give_windows(Spec& spec) {
    for (PartitionSpec& partition : spec.partitions) partition.slots = SlotRanges{};
    spec.partitions_named = true;
    spec.partitions.front().slots = SlotRanges{{0, cluster::kSlotCount - 1}};
    for (size_t i = 1; i < spec.partitions.size(); ++i) move_windows(spec, 0, i);
  }

  void move_windows(Spec& spec, size_t from, size_t to) {
    for (int64_t i = random_.between(1, 3); i > 0; --i) {
      int key = random_.below(scenario_.keys);
      int slot = resp::key_slot(fmt::format("key:{}", key));
      int width = random_.below(6);
      SlotRanges window = {{static_cast<Slot>(std::max(0, slot - width)),
                            static_cast<Slot>(std::min(cluster::kSlotCount - 1, slot + width))}};
      SlotRanges kept = subtract(*spec.partitions[from].slots, window);
      SlotRanges taken = subtract(*spec.partitions[from].slots, kept);
      taken.insert(taken.end(), spec.partitions[to].slots->begin(), spec.partitions[to].slots->end());
      spec.partitions[from].slots = kept;
      spec.partitions[to].slots = cluster::normalize(std::move(taken));
    }
    if (!spec.partitions[to].slots->empty()) return;
    // Every shard has a slot at least.
    Slot last = spec.partitions[from].slots->back().last;
    SlotRanges one = {{last, last}};
    spec.partitions[from].slots = subtract(*spec.partitions[from].slots, one);
    spec.partitions[to].slots = one;
  }

  void draw_times() {
    // Most runs let the cluster come up in peace.
    first_us_ = random_.chance(80) ? 4'000'000 : 100'000;
    stormy_ = storm_ && random_.chance(35);
    scenario_.faults_end_us = first_us_ + random_.between(5, stormy_ ? 25 : 16) * 1'000'000;
    scenario_.write_every_us = random_.between(20, 120) * 1000;
    static constexpr int64_t kWaiting[] = {50, 200, 200, 200, 500};
    scenario_.waiting_ms = kWaiting[random_.below(5)];
  }

  Event& add(EventKind kind) {
    Event& event = scenario_.events.emplace_back();
    event.kind = kind;
    event.at_us = random_.between(first_us_, scenario_.faults_end_us - 1'000'000);
    event.node = random_.below(64);
    event.other = random_.below(64);
    return event;
  }

  void draw_changes() {
    std::vector<int64_t> times;
    for (int64_t i = random_.between(0, stormy_ ? 5 : 3); i > 0; --i) {
      times.push_back(random_.between(first_us_, scenario_.faults_end_us - 1'000'000));
    }
    std::sort(times.begin(), times.end());  // each change of the spec builds on the one before
    for (int64_t at_us : times) {
      int what = random_.below(10);
      EventKind kind = what < 7    ? EventKind::kApplySpec
                       : what == 7 ? EventKind::kChangeUsers
                       : what == 8
                           ? EventKind::kSwitchover
                           : (random_.chance(50) ? EventKind::kRestartNode : EventKind::kRollingRestart);
      Event& event = add(kind);
      event.at_us = at_us;
      if (kind != EventKind::kApplySpec) continue;
      change_spec();
      event.spec = spec_;
    }
  }

  void change_spec() {
    bool sharded = scenario_.settings.sharded;
    int what = random_.below(10);
    auto count = static_cast<int>(spec_.partitions.size());
    if (sharded && what < 3 && count < kMaxShards) {
      add_shard();
    } else if (sharded && what < 6 && count > 1) {
      remove_shard();
    } else if (what < 8) {
      spec_.partitions[static_cast<size_t>(random_.below(count))].replicas =
          static_cast<int>(random_.between(0, 2));
    } else if (what == 8) {
      spec_.config["maxmemory-policy"] = random_.chance(50) ? "allkeys-lru" : "volatile-lru";
    } else {
      spec_.config["io-threads"] = fmt::format("{}", random_.between(2, 4));
    }
  }

  void add_shard() {
    PartitionSpec partition;
    for (int number = 1; partition.name.empty(); ++number) {
      std::string name = cluster::counted_partition_name(number - 1);
      bool taken = std::any_of(spec_.partitions.begin(), spec_.partitions.end(),
                               [&](const PartitionSpec& other) { return other.name == name; });
      if (!taken) partition.name = name;
    }
    partition.replicas = replicas_;
    if (!even_) partition.slots = SlotRanges{};
    spec_.partitions.push_back(std::move(partition));
    if (!even_) move_windows(spec_, 0, spec_.partitions.size() - 1);
  }

  // The first shard gets back what the removed one had.
  void remove_shard() {
    size_t which = 1 + static_cast<size_t>(random_.below(static_cast<int>(spec_.partitions.size()) - 1));
    if (!even_) {
      SlotRanges back = *spec_.partitions[which].slots;
      SlotRanges& first = *spec_.partitions.front().slots;
      first.insert(first.end(), back.begin(), back.end());
      first = cluster::normalize(std::move(first));
    }
    spec_.partitions.erase(spec_.partitions.begin() + static_cast<std::ptrdiff_t>(which));
  }

  void draw_faults() {
    for (int64_t i = random_.between(0, stormy_ ? 5 : 2); i > 0; --i) draw_supervisor_fault();
    if (!scenario_.settings.unplanned) return;
    for (int64_t i = stormy_ ? random_.between(5, 14) : random_.between(1, 5); i > 0; --i)
      draw_server_fault();
  }

  void draw_supervisor_fault() {
    int what = random_.below(10);
    if (what < 7) {
      Event& event = add(EventKind::kCrashSupervisor);
      event.amount = random_.chance(20) ? 0 : static_cast<int>(random_.between(1, 60));
      event.duration_us = random_.between(10, 3000) * 1000;
    } else if (what == 7) {
      Event& event = add(EventKind::kStaleLooks);
      event.duration_us = random_.between(100, 3000) * 1000;
    } else if (!slow_) {
      slow_ = true;  // once: two together could pass for a dead server
      Event& event = add(EventKind::kSlowReplies);
      event.amount = static_cast<int>(random_.between(50, 3000));
      event.duration_us = random_.between(500, 4000) * 1000;
    }
  }

  void draw_server_fault() {
    static constexpr EventKind kKinds[] = {
        EventKind::kKill,       EventKind::kKill,       EventKind::kKill,     EventKind::kKill,
        EventKind::kPause,      EventKind::kPause,      EventKind::kPause,    EventKind::kCutFromKeyway,
        EventKind::kCutServers, EventKind::kCutServers, EventKind::kIsolate,  EventKind::kIsolate,
        EventKind::kLagging,    EventKind::kLoseData,   EventKind::kLoseData, EventKind::kLoseTable,
        EventKind::kDamageData, EventKind::kKillShard,  EventKind::kKillAll,  EventKind::kFailingStarts};
    Event& event = add(kKinds[random_.below(20)]);
    event.duration_us =
        random_.chance(50) ? random_.between(100, 2000) * 1000 : random_.between(2, 9) * 1'000'000;
    event.amount = static_cast<int>(random_.between(1, 3));
  }

  Random random_;
  Scenario scenario_;
  Spec spec_;  // as the changes so far have left it
  int replicas_ = 0;
  bool even_ = false;
  bool slow_ = false;
  bool storm_ = false;   // this run may be stormy
  bool stormy_ = false;  // much more of everything
  int64_t first_us_ = 0;
};

}  // namespace

std::string_view to_string(EventKind kind) {
  static constexpr std::string_view kNames[] = {
      "apply spec",      "change users",  "restart node", "rolling restart", "switchover", "crash supervisor",
      "stale looks",     "slow replies",  "kill",         "kill shard",      "kill all",   "pause",
      "cut from keyway", "cut servers",   "isolate",      "lagging",         "lose data",  "lose table",
      "damage data",     "failing starts"};
  return kNames[static_cast<size_t>(kind)];
}

Scenario draw_scenario(uint64_t seed, bool storm) { return Drawing(seed, storm).draw(); }

std::string describe(const Scenario& scenario) {
  std::string shape;
  for (const PartitionSpec& partition : scenario.spec.partitions) {
    shape += fmt::format(" {}:1+{}", partition.name, partition.replicas);
  }
  return fmt::format("{} {},{}, {} events, {}",
                     scenario.settings.flavour == Flavour::kRedis70 ? "redis" : "valkey",
                     scenario.settings.sharded ? "sharded" : "replicated", shape, scenario.events.size(),
                     scenario.settings.unplanned ? "faults" : "planned only");
}

}  // namespace keyway::simulation
