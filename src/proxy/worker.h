// One thread of the proxy: its own listener, clients and connections to servers, nothing shared but the
// board, the mailroom and the scripts.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <unordered_map>

#include "proxy/board.h"
#include "proxy/client.h"
#include "proxy/dispatcher.h"
#include "proxy/loop.h"
#include "proxy/mailroom.h"
#include "proxy/router.h"
#include "proxy/script_notes.h"
#include "proxy/services.h"

namespace keyway::proxy {

class Worker : private Clients {
 public:
  // `listener` becomes its own.
  Worker(Board& board, Mailroom& mailroom, ScriptStore& scripts, int listener);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() override;

  const Stats& stats() const { return stats_; }

  void start();
  // Returns when it has ended: after the board's drain(), when its last client has gone or `drain_ms` later.
  void join();

 private:
  // Something of the worker that the poller watches.
  struct Watched : Pollable {
    explicit Watched(std::function<void()> act_when_ready) : act(std::move(act_when_ready)) {}
    void ready(const Readiness&) override { act(); }
    std::function<void()> act;
  };

  void run();
  // Nobody is let in before the cluster is known; but if that takes too long, so that clients are told why.
  void open_door();
  void accept_clients();
  void serve(int fd);
  // While the process has no descriptor left, the listener would be ready for ever.
  void leave_listener();
  void heed_listener();
  // For how long a turn may wait for events.
  int patience_ms() const;
  void wake_up();
  void refuse(int fd);
  // Those that take too long; and lets clients in again, when they had to wait for others' handshakes.
  void look_after_handshakes();
  void take_news();
  // Goes by other options from now on.
  void adopt(const ProxyOptions& options);
  // The connections of an account that only has another password now go on under it.
  void adopt_password(const Account& before, const Account& now);
  void check_pause();
  void begin_drain();
  void closed(Client& client) override;
  void for_each(const std::function<void(Client&)>& visit) override;

  Board& board_;
  std::shared_ptr<const ProxyOptions> options_;
  // What everything in this thread refers to: the present options', replaced in place.
  Limits limits_;
  Account anonymous_;
  Stats stats_;
  Loop loop_;
  ScriptNotes scripts_;
  Router router_;
  Services services_;
  Dispatcher dispatcher_;
  int listener_;
  int wake_fd_;
  Watched accepting_;
  Watched waking_;
  uint64_t served_ = 0;  // clients, since the start
  const Topology* topology_ = nullptr;
  const resp::CommandTable* commands_ = nullptr;
  std::shared_ptr<const ReadPlan> reads_;
  bool open_ = false;
  bool door_held_ = false;  // clients wait outside for the handshakes of others
  int64_t open_at_ms_ = 0;
  int64_t heed_at_ms_ = 0;  // until then the listener is left alone; 0: it is not
  bool draining_ = false;
  int64_t drained_by_ms_ = 0;
  std::unordered_map<Client*, std::unique_ptr<Client>> clients_;
  std::thread thread_;
};

}  // namespace keyway::proxy
