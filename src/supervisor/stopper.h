// Stops all servers of a cluster so that no acknowledged write is lost and no needless failover starts: of
// each shard the primary first, which waits for its replicas to have everything and saves, then the replicas,
// which save too. Order and reasons are told in docs/internals/supervisor.md. The loop must not tick
// meanwhile. One thread, the platform's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "engine/servers.h"
#include "platform/platform.h"
#include "supervisor/activity.h"

namespace keyway::supervisor {

struct StopOptions {
  int64_t call_timeout_ms = 400;
  int64_t ask_ms = 2'000;       // how often a server that was told is asked whether it still answers
  int64_t report_ms = 5'000;    // how often it is said what is waited for
  int64_t retry_ms = 15'000;    // a server that still answers after this is told again
  int64_t refusal_ms = 60'000;  // one that still answers after this is left running: it cannot save its data
  int64_t silence_ms = 60'000;  // one that gives no sign of life for so long is killed
  int64_t limit_ms = 600'000;   // whatever is not done by then is left running
};

class Stopper {
 public:
  using Say = std::function<void(LogLevel level, const std::string& shard, const std::string& text)>;
  using Probe = std::function<std::optional<Activity>(int pid)>;

  // `platform` and `servers` outlive it. `say` is told what people should know.
  Stopper(platform::Platform& platform, engine::Servers& servers, Say say, Probe probe = activity_of,
          StopOptions options = {});

  // Does what is due now; true when there is nothing more to do. To be called about every 50 ms and when a
  // process has ended.
  bool step();

  // Once step() has returned true. kUnavailable: some servers were left running; which, why, and what to do.
  Status result() const;

  // What is still waited for, for people.
  std::vector<std::string> waiting() const;

  // The last look; facts of servers are as they were before the first order.
  const cluster::Desired& desired() const { return desired_; }
  const cluster::Observed& observed() const { return observed_; }

 private:
  enum class State { kUntold, kTold, kKilled, kEnded, kLeft };
  enum class Way { kSave, kNoSave, kSignal };

  struct Server {
    std::string name;
    std::string shard;
    Address address;
    int pid = 0;
    bool primary = false;
    Way way = Way::kSignal;
    State state = State::kUntold;
    int64_t first_told_ms = 0;
    int64_t last_told_ms = 0;
    int64_t asked_ms = 0;
    int64_t alive_ms = 0;  // last sign of life
    int64_t cpu_ms = 0;
    bool answers = false;  // when last asked
    std::string refusal;   // what it last said against it
  };

  void begin();
  bool is_primary(const cluster::NodeFacts& node) const;
  Way way_of(const cluster::NodeFacts& node, bool primary) const;
  void look();
  void mark_ended();
  bool due(const Server& server, int64_t now_ms) const;
  void tell(const std::vector<Server*>& due);
  void tell_by_command(const std::vector<Server*>& due);
  void ask_told(int64_t now_ms);
  void sense(Server& server, int64_t now_ms);
  void judge(Server& server, int64_t now_ms);
  void leave_orphans();
  bool finished();
  void report(int64_t now_ms);
  std::string wait_text(const Server& server, int64_t now_ms) const;

  platform::Platform& platform_;
  engine::Servers& servers_;
  Say say_;
  Probe probe_;
  StopOptions options_;
  cluster::Desired desired_;
  cluster::Observed observed_;
  std::vector<Server> stopping_;
  bool begun_ = false;
  bool told_end_ = false;
  int64_t begun_ms_ = 0;
  int64_t reported_ms_ = 0;
};

}  // namespace keyway::supervisor
