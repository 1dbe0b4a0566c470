#include "lease_run.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "agent/election.h"
#include "model_agent.h"
#include "simulation/server.h"

namespace keyway::simulation {

namespace {

constexpr int kKeys = 8;
constexpr int64_t kWriteUs = 20'000;
constexpr int64_t kQuietUs = 12'000'000;    // before the first fault
constexpr int64_t kSettleUs = 180'000'000;  // after the last
constexpr int64_t kJointWakeUs = 1'000'000;
constexpr int64_t kBackUs = 500'000;
constexpr const char* kShard = "p1";

enum class Fault {
  kKillServer,
  kKillAgent,
  kKillBoth,
  kKillAll,
  kPauseAgent,
  kPauseServer,
  kPauseBoth,
  kCutServers,
  kCutOneWay,
  kCutApi,
  kSlowApi,
  kStaleApi,
  kLag,
  kLoseData,
  kRestart,
};
constexpr std::array<std::string_view, 15> kNames = {
    "kill server",  "kill agent", "kill both",   "kill all",    "pause agent",
    "pause server", "pause both", "cut servers", "cut one way", "cut api",
    "slow api",     "stale api",  "lag",         "lose data",   "restart"};
constexpr std::array<Fault, 4> kPlanned = {Fault::kRestart, Fault::kRestart, Fault::kSlowApi, Fault::kLag};

class LeaseRun {
 public:
  LeaseRun(uint64_t seed, bool trace) : random_(seed), world_(seed ^ 0x1ea5e, settings_of(random_)) {
    world_.tracing = trace;
    world_.make_keys(kKeys);
    world_.on_exit = [this](int place, int, Exit) {
      for (auto& agent : agents_) {
        if (agent != nullptr) agent->server_gone(place);
      }
    };
    world_.ledger.sees = [this](int decider, int place, int64_t duration_us) {
      return could_know(decider, place, duration_us);
    };
    int pods = 2 + random_.below(3);
    for (int i = 0; i < pods; ++i) {
      int place = world_.add_place("p-" + std::to_string(i), kShard);
      world_.place(place).load_ms = random_.between(5, 400);
      world_.place(place).transfer_ms = random_.between(5, 800);
      sites_.emplace_back();
      add_pod(place);
    }
  }

  LeaseResult run() {
    trace(fmt::format("{} pods, {}", sites_.size(), world_.settings.unplanned ? "faults" : "planned only"));
    world_.scheduler.after(kWriteUs, [this] { write(); });
    for (int i = 0; i < pods(); ++i) begin_agent(i);
    int events = 1 + random_.below(8);
    int64_t end_us = kQuietUs + events * 6'000'000;
    for (int i = 0; i < events; ++i) {
      world_.scheduler.at(random_.between(kQuietUs, end_us), [this] { happen(); });
    }
    run_until(end_us);
    heal();
    settle();
    result_.failure = world_.ledger.failure();
    result_.acknowledged = world_.ledger.acknowledged_count();
    result_.forgiven = world_.ledger.forgiven_count();
    result_.virtual_us = world_.now_us();
    return result_;
  }

 private:
  // What befalls a pod, apart from what the world knows.
  struct Site {
    int life = 0;
    int64_t both_paused_us = -1;  // when agent and server stood still together last
    bool agent_away = false;      // paused, or not there
    int64_t no_api_us = -1;       // when its agent was last seen to be cut off from the API server
    int64_t resumed_us = -1;      // when its agent went on last
    int64_t cut_us = -1;          // when it was last seen cut off
    int64_t beyond_us = -1;       // nobody could reach its server, whose agent was away, up to then
    bool cut = false;
  };

  static Settings settings_of(Random& random) {
    Settings settings;
    settings.sharded = false;
    settings.unplanned = random.chance(75);
    return settings;
  }

  int pods() const { return static_cast<int>(sites_.size()); }
  Site& site(int place) { return sites_[static_cast<size_t>(place)]; }
  bool failed() const { return world_.ledger.failure().has_value(); }
  void trace(const std::string& text) const {
    if (world_.tracing) world_.trace(text);
  }
  void run_until(int64_t end_us) {
    while (!failed() && world_.scheduler.step(end_us)) {
    }
  }

  // Whether the agent at `decider` could take the copy at `place` into account, and that copy's agent could
  // have taken over itself.
  bool could_know(int decider, int place, int64_t duration_us) {
    auto lately = [&](int64_t at_us, int64_t for_us) {
      return at_us >= 0 && world_.now_us() - at_us < for_us;
    };
    const Server* server = world_.server(place);
    if (server == nullptr || lately(site(decider).cut_us, duration_us) ||
        lately(site(place).cut_us, duration_us))
      return false;
    // One whose agent has just come back fences its server first, and so cuts links.
    if (lately(site(place).resumed_us, kBackUs)) return false;
    // Without an agent that reaches the API server a primary is replaced with care; a replica is passed over.
    bool lone = site(place).agent_away || lately(site(place).no_api_us, 5 * duration_us);
    if (lone && !server->is_primary()) return false;
    // A history that parted from the shard's is no better for being longer.
    const agent::Lease* lease = api_.lease(kShard);
    std::string replid = lease == nullptr ? "" : agent::decode_note(lease->note).replid;
    bool related = server->replication.replid == replid || server->replication.replid2 == replid;
    return (replid.empty() || related) && world_.reachable_for(place, duration_us);
  }

  void add_pod(int place) {
    agent::Pod pod;
    pod.name = world_.place(place).name;
    pod.uid = std::to_string(site(place).life);
    pod.shard = kShard;
    pod.server = pod.http = world_.place(place).address;
    api_.pods[pod.name] = pod;
  }

  ModelAgent* agent_at(int place) {
    for (auto& agent : agents_) {
      if (agent->pod() == world_.place(place).name && !agent->gone()) return agent.get();
    }
    return nullptr;
  }

  void begin_agent(int place) {
    if (agent_at(place) != nullptr) return;
    site(place).agent_away = false;
    trace("agent of " + world_.place(place).name + " begins");
    agents_.push_back(
        std::make_unique<ModelAgent>(world_, fibers_, api_, place, pods() - 1, site(place).life));
  }

  void kill_agent(int place) {
    ModelAgent* agent = agent_at(place);
    if (agent == nullptr) return;
    agent->kill();
    site(place).agent_away = true;
    world_.impair(place);
    world_.scheduler.after(random_.between(200'000, 9'000'000), [this, place] { begin_agent(place); });
  }

  void kill_server(int place) {
    if (world_.server(place) != nullptr) world_.end(place, Exit::kKilled);
    world_.impair(place);
  }

  void happen() {
    int count =
        world_.settings.unplanned ? static_cast<int>(kNames.size()) : static_cast<int>(kPlanned.size());
    int drawn = random_.below(count);
    Fault fault =
        world_.settings.unplanned ? static_cast<Fault>(drawn) : kPlanned[static_cast<size_t>(drawn)];
    int place = random_.below(pods());
    // Half of them find the one that matters most.
    if (int primary = world_.place_named(api_.marked_primary()); primary >= 0 && random_.chance(50))
      place = primary;
    int64_t for_us = random_.between(300'000, 12'000'000);
    trace(fmt::format("--- {} {} for {} ms", kNames[static_cast<size_t>(fault)], world_.place(place).name,
                      for_us / 1000));
    befall(fault, place, for_us);
  }

  void befall(Fault fault, int place, int64_t for_us) {
    auto later = [&](std::function<void()> undo) { world_.scheduler.after(for_us, std::move(undo)); };
    switch (fault) {
      case Fault::kKillServer:
        return kill_server(place);
      case Fault::kKillAgent:
        return kill_agent(place);
      case Fault::kKillAll:
        for (int i = 0; i < pods(); ++i) {
          kill_agent(i);
          kill_server(i);
        }
        return;
      case Fault::kKillBoth:
        kill_agent(place);
        return kill_server(place);
      case Fault::kPauseAgent:
        pause_agent(place);
        return later([this, place] { resume_agent(place); });
      case Fault::kPauseServer:
        world_.impair(place);
        world_.pause(place);
        return later([this, place] { resume_server(place); });
      case Fault::kPauseBoth:
        world_.impair(place);
        pause_agent(place);
        world_.pause(place);
        return later([this, place] {
          site(place).both_paused_us = world_.now_us();
          resume_server(place);
          resume_agent(place);
        });
      case Fault::kCutServers:
      case Fault::kCutOneWay:
        return cut(place, fault == Fault::kCutOneWay ? 1 + random_.below(2) : 3, for_us);
      case Fault::kCutApi:
        api_.ways[place].cut = true;
        return later([this, place] { api_.ways[place].cut = false; });
      case Fault::kSlowApi:
        api_.ways[place].slow_us = random_.between(1000, world_.settings.unplanned ? 1'500'000 : 600'000);
        return later([this, place] { api_.ways[place].slow_us = 0; });
      case Fault::kStaleApi:
        api_.ways[place].stale_us = random_.between(1000, 900'000);
        return later([this, place] { api_.ways[place].stale_us = 0; });
      case Fault::kLag:
        world_.place(place).lag_us = random_.between(1000, 400'000);
        return later([this, place] { world_.place(place).lag_us = 0; });
      case Fault::kLoseData:
        return lose_data(place);
      case Fault::kRestart:
        return restart(place);
    }
  }

  void pause_agent(int place) {
    if (ModelAgent* agent = agent_at(place)) agent->pause();
    site(place).agent_away = true;
    world_.impair(place);
  }

  void resume_agent(int place) {
    if (ModelAgent* agent = agent_at(place)) {
      agent->resume();
      if (site(place).agent_away) site(place).resumed_us = world_.now_us();
      site(place).agent_away = false;
    }
  }

  void resume_server(int place) {
    world_.impair(place);
    world_.resume(place);
  }

  void cut(int place, int directions, int64_t for_us) {
    set_cut(place, directions, true);
    world_.scheduler.after(for_us, [this, place] { set_cut(place, 3, false); });
  }

  void set_cut(int place, int directions, bool value) {
    world_.impair(place);
    site(place).cut = value;
    for (int i = 0; i < pods(); ++i) {
      if (i == place) continue;
      if (directions & 1) world_.network.set(place, i, value);
      if (directions & 2) world_.network.set(i, place, value);
    }
    if (directions & 1) world_.network.set(place, kKeyway, value);
  }

  // One volume in a run, at most: a copy is to be left.
  void lose_data(int place) {
    if (lost_data_) return;
    lost_data_ = true;
    kill_server(place);
    Disk& disk = world_.place(place).disk;
    disk.has_data = false;
    disk.replid.clear();
    world_.ledger.copy_gone(Cause::kFault, place, "its disk was hurt");
  }

  // As a rolling restart does it: one pod at a time, when all are there.
  void restart(int place) {
    if (restarting_ || !unsettled().empty()) return trace("not now");
    restarting_ = true;
    agent_at(place)->tell_to_end();
    api_.pods[world_.place(place).name].ending = true;
    await_end(place);
  }

  void await_end(int place) {
    world_.scheduler.after(50'000, [this, place] {
      if (agent_at(place) != nullptr) return await_end(place);
      if (world_.server(place) != nullptr) world_.end(place, Exit::kKilled);
      restarting_ = false;
      ++site(place).life;
      add_pod(place);
      world_.scheduler.after(random_.between(200'000, 3'000'000), [this, place] { begin_agent(place); });
    });
  }

  // Clients are led by the label, and now and then by what they remember.
  void write() {
    if (!writing_) return;
    world_.scheduler.after(kWriteUs, [this] { write(); });
    note_state();
    int key = random_.below(kKeys);
    int marked = world_.place_named(api_.marked_primary());
    int place = marked < 0 || random_.chance(30) ? random_.below(pods()) : marked;
    Server* server = world_.server(place);
    if (server == nullptr || server->paused) return;
    int64_t value = world_.ledger.next_value(key);
    ++result_.writes;
    if (server->write(key, value, false).access != Server::Access::kOk) return;
    check_alone(*server);
    // One that another has replaced, though that one be gone by now, has its own history: nobody can keep it.
    if (server->replication.primary_since_us >= latest_since_us_)
      world_.ledger.acknowledge(key, value, *server);
    if (acknowledged_us_ > 0)
      result_.longest_gap_us = std::max(result_.longest_gap_us, world_.now_us() - acknowledged_us_);
    acknowledged_us_ = world_.now_us();
    const agent::Lease* lease = api_.lease(kShard);
    if (lease != nullptr && agent::decode_note(lease->note).keys > 0) world_.ledger.note_data(kShard);
  }

  // Whoever is out of everybody's reach while nobody looks after it cannot be told to stop.
  void note_state() {
    bool cut = std::ranges::any_of(sites_, [](const Site& each) { return each.cut; });
    for (int i = 0; i < pods(); ++i) {
      const Server* server = world_.server(i);
      if (server == nullptr || !server->is_primary()) continue;
      latest_since_us_ = std::max(latest_since_us_, server->replication.primary_since_us);
    }
    for (int i = 0; i < pods(); ++i) {
      if (api_.ways[i].cut) site(i).no_api_us = world_.now_us();
    }
    for (Site& each : sites_) {
      if (each.agent_away && cut) each.beyond_us = world_.now_us();
      if (each.cut) each.cut_us = world_.now_us();
    }
  }

  // A write was taken: nobody else may have become the primary since this one did.
  void check_alone(const Server& server) {
    const Site& at = site(server.place);
    bool woke = at.both_paused_us >= 0 && world_.now_us() - at.both_paused_us < kJointWakeUs;
    bool beyond = at.beyond_us >= 0 && world_.now_us() - at.beyond_us < kJointWakeUs;
    if (woke || beyond) return;
    for (int i = 0; i < pods(); ++i) {
      const Server* other = world_.server(i);
      if (i == server.place || other == nullptr || !other->is_primary()) continue;
      if (other->replication.primary_since_us <= server.replication.primary_since_us) continue;
      world_.ledger.violation(
          fmt::format("{} takes a write though {} has become the primary", server.name(), other->name()));
    }
  }

  void heal() {
    trace("--- peace");
    for (int i = 0; i < pods(); ++i) {
      set_cut(i, 3, false);
      api_.ways[i] = {};
      world_.place(i).lag_us = 0;
      if (world_.server(i) != nullptr && world_.server(i)->paused) {
        site(i).both_paused_us = world_.now_us();
        resume_server(i);
      }
      resume_agent(i);
    }
  }

  void settle() {
    int64_t begun_us = world_.now_us();
    std::string why = "nothing was seen";
    while (!failed() && world_.now_us() < begun_us + kSettleUs) {
      run_until(world_.now_us() + 500'000);
      why = unsettled();
      if (!why.empty()) continue;
      if (writing_) {
        writing_ = false;
        continue;
      }
      why = unequal();
      if (!why.empty()) continue;
      result_.settled_us = world_.now_us() - begun_us;
      return;
    }
    if (!failed() && !asks_a_person()) world_.ledger.violation("it did not settle: " + why);
  }

  // Why it is not yet as it should be; empty: it is.
  std::string unsettled() {
    std::string primary = api_.marked_primary();
    if (primary.empty()) return "not exactly one pod is marked as the primary";
    for (int i = 0; i < pods(); ++i) {
      ModelAgent* agent = agent_at(i);
      const Server* server = world_.server(i);
      const std::string& name = world_.place(i).name;
      if (agent == nullptr || server == nullptr || !server->serving()) return name + " is not there";
      if (server->is_primary() != (name == primary)) return name + " has another role than its label says";
      if (agent->holds_lease() != (name == primary)) return name + " and the Lease do not agree";
      if (!agent->state().waiting_for.empty())
        return fmt::format("{} waits: {}", name, agent->state().waiting_for);
      bool follows = server->replication.primary_place == world_.place_named(primary);
      if (name != primary && !follows) return fmt::format("{} does not follow {}", name, primary);
    }
    return "";
  }

  std::string unequal() {
    const Server* primary = world_.server(world_.place_named(api_.marked_primary()));
    for (int key = 0; key < kKeys; ++key) {
      if (primary->values[static_cast<size_t>(key)] < world_.ledger.promised(key))
        return fmt::format("{} has less of key {} than was promised", primary->name(), key);
    }
    for (int i = 0; i < pods(); ++i) {
      if (world_.server(i)->values != primary->values)
        return fmt::format("{} differs from the primary", world_.place(i).name);
    }
    return "";
  }

  // No copy is left, and none of them begins empty by itself.
  bool asks_a_person() {
    for (int i = 0; i < pods(); ++i) {
      const Server* server = world_.server(i);
      if (server == nullptr || !server->serving() || server->is_primary() || server->total_keys() > 0)
        return false;
    }
    trace("all copies are empty, and a person is asked");
    return true;
  }

  Random random_;
  World world_;
  LeaseResult result_;
  std::vector<Site> sites_;
  std::vector<std::unique_ptr<ModelAgent>> agents_;  // those that have ended, too
  Fibers fibers_{world_.scheduler};
  Api api_{world_, fibers_};
  int64_t latest_since_us_ = 0;  // when a server last became the primary
  bool lost_data_ = false;
  bool restarting_ = false;
  bool writing_ = true;
  int64_t acknowledged_us_ = 0;
};

}  // namespace

LeaseResult run_leases(uint64_t seed, bool trace) { return LeaseRun(seed, trace).run(); }

}  // namespace keyway::simulation
