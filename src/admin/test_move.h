// For tests: moves between the nodes of a real cluster, with a way to meddle with every exchange.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "admin/move.h"
#include "cluster/ownership.h"
#include "engine/test_writer.h"

namespace keyway::admin {

// The real servers. `before` sees each exchange and may do something first; `after` may spoil what came back.
class MeddledServers : public engine::Servers {
 public:
  using Before = std::function<void(const std::vector<engine::Request>& requests)>;
  using After = std::function<void(std::vector<engine::Response>& responses)>;

  MeddledServers(const Before& before, const After& after, std::string password)
      : before_(before), after_(after), password_(std::move(password)) {}

  std::vector<engine::Response> exchange(const std::vector<engine::Request>& requests,
                                         int64_t timeout_ms) override {
    if (before_) before_(requests);
    std::vector<engine::Response> responses = fleet_.exchange(requests, timeout_ms);
    if (after_) after_(responses);
    return responses;
  }

 private:
  const Before& before_;
  const After& after_;
  std::string password_;
  boost::asio::io_context io_;
  engine::Fleet fleet_{io_, [this] { return engine::Credentials{engine::kTestUser, password_}; }};
};

// Whether any request has a command that begins with these words (a word "*" is any).
inline bool asks(const std::vector<engine::Request>& requests, const std::vector<std::string>& words) {
  for (const engine::Request& request : requests) {
    for (const resp::Command& command : request.commands) {
      bool same = command.size() >= words.size();
      for (size_t i = 0; same && i < words.size(); ++i) same = words[i] == "*" || words[i] == command[i];
      if (same) return true;
    }
  }
  return false;
}

class MoveReporter : public Reporter {
 public:
  void note(std::string_view line) override { notes.emplace_back(line); }
  void warn(std::string_view line) override { warnings.emplace_back(line); }
  void progress(const Progress& progress) override { last = progress; }
  Result<bool> confirm(std::string_view) override { return true; }

  std::vector<std::string> notes;
  std::vector<std::string> warnings;
  Progress last;
};

// A session with a cluster whose nodes 0, 1 and 2 are primaries.
class Mover {
 public:
  explicit Mover(engine::TestCluster& cluster) : cluster_(cluster) {}

  MeddledServers::Before before;  // of the threads that move, any of them
  MeddledServers::After after;
  std::function<bool()> interrupted = [] { return false; };
  std::string password = engine::kTestPassword;  // of MIGRATE
  MoveReporter reporter;
  engine::TestFleet fleet;
  Session session{
      .servers = fleet.fleet,
      .connect = [this] { return std::make_unique<MeddledServers>(before, after, engine::kTestPassword); },
      .reporter = reporter,
      .interrupted = [this] { return interrupted(); },
      .user = engine::kTestUser,
      .password = engine::kTestPassword,
      .reach = {},
      .timeout_ms = 2000};

  struct Wanted {
    size_t from;
    size_t to;
    cluster::SlotRanges slots;
  };

  cluster::SlotMove move(const Wanted& wanted) const {
    return {cluster_.id(wanted.from), cluster_.id(wanted.to), wanted.slots};
  }

  Result<MovePlan> plan(const std::vector<Wanted>& wanted, const MoveOptions& options = {}) {
    Result<cluster::Observed> observed = look();
    if (!observed) return fail(observed.error());
    std::vector<cluster::SlotMove> moves;
    for (const Wanted& one : wanted) moves.push_back(move(one));
    return price(session, *observed, moves, options);
  }

  Result<MoveResult> run(const std::vector<Wanted>& wanted, const MoveOptions& options = {}) {
    Result<MovePlan> planned = plan(wanted, options);
    if (!planned) return fail(planned.error());
    Result<cluster::Observed> observed = look();
    if (!observed) return fail(observed.error());
    session.password = password;
    return carry_out(session, *observed, *planned, options);
  }

  // From the first node that answers.
  Result<cluster::Observed> look() {
    Result<cluster::Observed> observed = fail(ErrorCode::kUnavailable, "");
    for (const cluster::PeerView& peer : cluster_.table()) {
      observed = session.survey(peer.address);
      if (observed) return observed;
    }
    return observed;
  }

  resp::Reply ask(size_t node, const resp::Command& command) {
    Result<resp::Reply> reply = fleet.fleet.call(cluster_.address(node), command, 10'000);
    EXPECT_TRUE(reply) << reply.error().message;
    return reply.value_or(resp::Reply{});
  }

  // What the node says it owns.
  cluster::SlotSet owned(size_t node) {
    cluster::Observed observed = cluster_.look(fleet.fleet);
    const cluster::PeerView* own = cluster::own_view(observed.nodes[node]);
    return own == nullptr ? cluster::SlotSet{} : cluster::to_set(own->slots);
  }

  // All at once, on one node.
  void fill(size_t node, const std::vector<resp::Command>& commands) {
    engine::Response response = fleet.fleet.exchange({{cluster_.address(node), commands}}, 30'000)[0];
    ASSERT_TRUE(response.ok()) << response.error->message;
    for (const resp::Reply& reply : response.replies) ASSERT_FALSE(reply.is_error()) << reply.text;
  }

  // Those that answer see `slots` at a node of `ids`, and no slot is open anywhere.
  bool all_see(const cluster::SlotRanges& slots, const std::vector<std::string>& ids) {
    Result<cluster::Observed> observed = look();
    if (!observed) return false;
    cluster::SlotSet wanted = cluster::to_set(slots);
    for (const cluster::NodeFacts& node : observed->nodes) {
      if (!node.answering()) continue;
      if (!node.server.open_slots.empty()) return false;
      cluster::SlotSet seen;
      for (const cluster::PeerView& peer : node.server.peers) {
        bool owner = std::find(ids.begin(), ids.end(), peer.id) != ids.end();
        if (!owner && (cluster::to_set(peer.slots) & wanted).any()) return false;
        if (owner) seen |= cluster::to_set(peer.slots);
      }
      if ((seen & wanted) != wanted) return false;
    }
    return true;
  }
  void expect_all_see(const cluster::SlotRanges& slots, const std::vector<std::string>& ids) {
    EXPECT_TRUE(engine::wait_until([&] { return all_see(slots, ids); }))
        << cluster::to_string(slots) << tables();
  }

  // The servers' own words, for a person.
  std::string tables() {
    std::string text;
    for (size_t node = 0; node < cluster_.table().size(); ++node) {
      Result<resp::Reply> reply = fleet.fleet.call(cluster_.address(node), {"CLUSTER", "NODES"}, 1000);
      text += "\n" + (reply ? reply->text : reply.error().message);
    }
    return text;
  }

  std::vector<Address> addresses() const {
    std::vector<Address> all;
    for (const cluster::PeerView& peer : cluster_.table()) all.push_back(peer.address);
    return all;
  }

 private:
  engine::TestCluster& cluster_;
};

}  // namespace keyway::admin
