// Brings requests to the servers that own their slots, and again where that is right: after MOVED and ASK,
// when a slot is just not served, when a connection breaks before a request can have been carried out. A
// write of which nobody knows whether it was carried out is never sent twice. Owned by its worker; one
// thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "proxy/lane.h"
#include "proxy/limits.h"
#include "proxy/loop.h"
#include "proxy/readers.h"
#include "proxy/routes.h"
#include "proxy/stats.h"
#include "proxy/upstream.h"

namespace keyway::proxy {

class ScriptNotes;

class Router : public UpstreamOwner {
 public:
  // `look_again` asks for a fresh topology; any number of times.
  Router(Loop& loop, const Limits& limits, Stats& stats, ScriptNotes& scripts,
         std::function<void()> look_again);
  ~Router() override;

  Routes& routes() { return routes_; }
  void set_topology(const Topology& topology);
  void set_reads(const ReadPlan& plan);
  // Some reads go to other nodes than the owners of their slots.
  bool spreads_reads() const { return readers_.any(); }
  // How new connections are spoken over; null: plainly.
  void set_tls(std::shared_ptr<const engine::TlsContext> tls) { routes_.tls = std::move(tls); }
  void set_detours(std::shared_ptr<const Detours> detours) { routes_.detours = std::move(detours); }

  // The connections of an account; each use ends with leave(). Null: there are too many accounts.
  Lane* enter(const Account& account, bool resp3);
  // Connections for one client alone, which listens to what servers track; leave() ends them.
  Lane& enter_alone(const Account& account, bool resp3, Lane::Tracking tracking);
  // `refused`: by the servers, so that it is of no use to anybody.
  void leave(Lane& lane, bool refused = false);
  // The connections of `account` go on under another password.
  void change_password(const Account& account, const std::string& password);

  // Sends it, now or when it can be; complete() follows.
  void send(Request* request);
  // It has its answer (`reply`).
  void complete(Request* request);
  // It has failed: `error` with its '-', without a line end.
  void fail(Request* request, std::string_view error);
  // Nobody waits for it any more.
  void abandon(Request* request);

  // Looks after those who wait. Called each turn.
  void tick();
  // For how long a turn may wait for events.
  int patience_ms() const;
  // Closes all connections to servers.
  void close();

  // UpstreamOwner:
  std::shared_ptr<ServerStats> stats_of(const Address& address) override;
  void opened(Upstream& upstream) override;
  void replied(Upstream& upstream, Request* request) override;
  void reply_grew(Upstream& upstream, Request& request) override;
  void held_too_long(Upstream& upstream) override;
  void told(Upstream& upstream, Request& frame) override;
  void lost(Upstream& upstream, const std::string& why) override;

 private:
  // True: it will be sent again.
  bool send_again(Upstream& upstream, Request* request);
  bool redirect(Upstream& upstream, Request* request, std::string_view error);
  // The server is given the script that it lacked.
  bool give_script(Upstream& upstream, Request* request);
  bool send_to_reader(Request* request);
  bool ask_owner(Upstream& upstream, Request* request);
  void leave_alone(Lane& lane);
  void look_after(Lane& lane);
  void for_each_lane(const std::function<void(Lane&)>& act);
  void abandon_parts(Request* whole);
  static void end_lease(Request& request);
  // Until the next tick; the error that it ends with is in its reply.
  void wait(Request* request);
  void wait(Request* request, std::string_view error);
  void retry_waiting();
  // By that connection, now or when it has room.
  void pass(Upstream& upstream, Request* request);
  void park(Upstream& upstream, Request* request);
  void unpark(Upstream& upstream);
  // Its wait is over. False: nobody wants it any more, and it is gone.
  bool wakes(Request* request);
  void settle(Upstream& upstream, Request* request, const std::string& why);
  // The same if it has not even been queued.
  void settle_unsent(Upstream& upstream, Request* request, const std::string& why);
  uint16_t node_of(const Request& request);

  Loop& loop_;
  const Limits& limits_;
  Stats& stats_;
  ScriptNotes& scripts_;
  std::function<void()> look_again_;
  Routes routes_;
  Readers readers_;
  // Several of one account only if it has got the password of another.
  std::multimap<std::pair<Account, bool>, std::unique_ptr<Lane>> lanes_;
  std::vector<std::unique_ptr<Lane>> lanes_of_one_;
  UpstreamLine waiting_;
  size_t next_shard_ = 0;
  int64_t waited_at_ms_ = 0;
  int64_t checked_at_ms_ = 0;
};

}  // namespace keyway::proxy
