// The connections of one account to all servers, in one version of the protocol: one to each for each channel
// that all clients of the account share, and some that one request has for itself. Owned by the router; one
// thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/routes.h"
#include "proxy/upstream.h"
#include "resp/command.h"

namespace keyway::proxy {

class Lane {
 public:
  // CLIENT TRACKING: what a lane of one client alone has its servers track.
  struct Tracking {
    Client* listener = nullptr;
    std::vector<resp::Command> commands;  // CLIENT TRACKING, without REDIRECT
    bool redirected = false;              // what servers tell comes by further connections, which speak RESP3
    bool everywhere = false;              // to all primaries, whether they are asked or not
  };

  Lane(Loop& loop, const Limits& limits, UpstreamOwner& owner, Routes& routes, Account account, bool resp3);

  // The shared connection to the node; opens it if there is none. Null: it could not be opened just now.
  Upstream* shared(uint16_t node, Channel channel) {
    size_t place = place_of(node, tracking_ == nullptr ? channel : Channel::kMain);
    if (place < shared_.size() && shared_[place] != nullptr) return shared_[place].get();
    return open_shared(node, place);
  }
  // The same to a replica, for reads. Null too while the account may not have such connections.
  Upstream* reader(uint16_t node) {
    if (node < readers_.size() && readers_[node] != nullptr) return readers_[node].get();
    return open_reader(node);
  }
  // A connection for one request or one client alone. Null: see above.
  Upstream* lease(uint16_t node);
  // Takes one back whose work is done: it waits for the next.
  void give_back(Upstream& upstream);
  // Takes a closed connection out.
  std::unique_ptr<Peer> remove(Upstream& upstream);

  void check_age();
  bool is_idle() const;
  void close_node(uint16_t node, const std::string& why);
  void close_reader(uint16_t node, const std::string& why);
  // Servers do not let the account have connections for reads from replicas: none is tried for a while.
  void refuse_readers();
  // Closes all.
  void close();

  // Before its first connection.
  void track(Tracking tracking) { tracking_ = std::make_unique<Tracking>(std::move(tracking)); }
  // Null: it is shared by clients.
  const Tracking* tracking() const { return tracking_.get(); }
  void stop_listening() { tracking_->listener = nullptr; }
  // It is ready. What had to wait for that begins.
  void opened(Upstream& upstream);

  const Account& account() const { return account_; }
  // For connections that are opened from now on; those that are open have logged in.
  void set_password(const std::string& password) { account_.password = password; }
  bool resp3() const { return resp3_; }
  // The connections that are there and those to come speak that version of the protocol from now on. Nothing
  // may be in flight.
  void speak(bool resp3);

  size_t users = 0;           // clients
  int64_t idle_since_ms = 0;  // since there are none

 private:
  static size_t place_of(uint16_t node, Channel channel) {
    return size_t{2} * node + static_cast<size_t>(channel);
  }
  Upstream* open_shared(uint16_t node, size_t place);
  Upstream* open_reader(uint16_t node);
  Upstream* open_in(std::vector<std::unique_ptr<Upstream>>& list, size_t place, uint16_t node,
                    bool reads_only);
  std::unique_ptr<Upstream> make(uint16_t node, bool reads_only = false);
  void for_each(const std::function<void(Upstream&)>& act);
  bool open(Upstream& upstream, bool first);

  // A connection by which a server tells of keys, and the one that reads them.
  struct Ear {
    std::unique_ptr<Upstream> upstream;
    Upstream* reader = nullptr;  // null: it is gone
  };

  Loop& loop_;
  const Limits& limits_;
  UpstreamOwner& owner_;
  Routes& routes_;
  Account account_;
  bool resp3_;
  std::vector<std::unique_ptr<Upstream>> shared_;   // two for each node
  std::vector<std::unique_ptr<Upstream>> readers_;  // by the node's place
  int64_t no_readers_until_ms_ = 0;
  std::vector<std::unique_ptr<Upstream>> leased_;
  std::vector<Upstream*> idle_;  // of leased_
  std::unique_ptr<Tracking> tracking_;
  std::vector<Ear> ears_;
};

}  // namespace keyway::proxy
