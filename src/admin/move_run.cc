// carry_out: the threads of a move, and what the main one does meanwhile.
#include <algorithm>
#include <thread>

#include "admin/move_pair.h"
#include "base/format.h"

namespace keyway::admin {

namespace {

constexpr int64_t kTickMs = 20;
constexpr int64_t kPingTimeoutMs = 1000;
constexpr int64_t kNewsTimeoutMs = 15'000;

// No target may take slots while any server takes those of others for the target's (see mistaken_for).
Status wait_for_news(Session& session, const cluster::Observed& observed, const MovePlan& plan) {
  auto seed = std::ranges::find_if(observed.nodes, &cluster::NodeFacts::answering);
  if (seed == observed.nodes.end()) return {};
  Result<cluster::Observed> now = observed;
  cluster::SlotSet mistaken;
  std::string target;
  auto heard = [&] {
    cluster::Knowledge knowledge(*now);
    for (const PlannedMove& move : plan.moves) {
      mistaken = cluster::mistaken_for(*now, knowledge, move.to_id);
      if (mistaken.none()) continue;
      target = to_string(move.to);
      now = session.survey(seed->address);
      return !now;
    }
    return true;
  };
  if (wait_until(session, heard, kNewsTimeoutMs) || session.interrupted())
    return now ? Status{} : fail(now.error());
  return fail(
      ErrorCode::kConflict,
      fmt::format(
          "some nodes have not heard who owns slots {} and take them for those of {}, which must not get "
          "any more until they have; run fix first",
          cluster::to_string(cluster::to_ranges(mistaken)), target));
}

// One thread's work: pair after pair.
void work(const Session& session, const MovePair::Origin& origin, const MovePlan& plan,
          const MoveOptions& options, MoveBoard& board, engine::Servers& servers) {
  for (std::optional<size_t> pair = board.take_pair(); pair; pair = board.take_pair()) {
    MovePair move(session, origin, options, board, servers, plan.moves[*pair], plan.atomic);
    board.end_pair(*pair, move.run());
  }
}

// What the main thread tells a person.
class Display {
 public:
  Display(const Session& session, const MovePlan& plan, MoveBoard& board)
      : session_(session), board_(board), slots_(plan.slots()), keys_(plan.keys()) {}

  void show() {
    for (const std::string& line : board_.take_warnings()) session_.reporter.warn(line);
    engine::MoveProgress moved = board_.moved();
    int64_t at_ms = now_ms();
    keys_rate_.count(moved.keys_moved, at_ms);
    bytes_rate_.count(moved.bytes_moved, at_ms);
    Progress progress{.what = "moving slots",
                      .done = moved.slots_done,
                      .total = slots_,
                      .unit = "slots",
                      .keys = moved.keys_moved,
                      .bytes = moved.bytes_moved,
                      .keys_per_s = keys_rate_.per_s(),
                      .bytes_per_s = bytes_rate_.per_s()};
    if (progress.keys_per_s > 0)
      progress.left_ms = std::max<int64_t>(0, keys_ - moved.keys_moved) * 1000 / progress.keys_per_s;
    session_.reporter.progress(progress);
  }

 private:
  const Session& session_;
  MoveBoard& board_;
  int64_t slots_;
  int64_t keys_;
  Rate keys_rate_;
  Rate bytes_rate_;
};

void measure_latency(Session& session, MoveBoard& board) {
  for (const Address& server : board.servers_at_work()) {
    int64_t begin_ms = now_ms();
    Result<resp::Reply> pong = session.servers.call(server, {"PING"}, kPingTimeoutMs);
    board.set_latency(server, pong ? now_ms() - begin_ms : kPingTimeoutMs);
  }
}

}  // namespace

Result<MoveResult> carry_out(Session& session, const cluster::Observed& observed, const MovePlan& plan,
                             const MoveOptions& options) {
  if (Status heard = wait_for_news(session, observed, plan); !heard) return fail(heard.error());
  MoveResult result;
  result.plan = plan;
  int64_t begin_ms = now_ms();
  MoveBoard board(session, plan, options);
  cluster::Knowledge knowledge(observed);
  MovePair::Origin origin{observed, knowledge};
  size_t count = std::min(plan.moves.size(), static_cast<size_t>(std::max(1, options.parallel)));
  std::vector<std::unique_ptr<engine::Servers>> servers;
  for (size_t i = 0; i < count; ++i) servers.push_back(session.connect());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] { work(session, origin, plan, options, board, *servers[i]); });
  }
  Display display(session, plan, board);
  while (!board.wait_for_end(kTickMs)) {
    if (options.max_latency_ms > 0) measure_latency(session, board);
    display.show();
  }
  for (std::thread& thread : threads) thread.join();
  display.show();
  if (Status status = board.status(); !status) return fail(status.error());

  engine::MoveProgress moved = board.moved();
  result.carried_out = true;
  result.slots = moved.slots_done;
  result.keys = moved.keys_moved;
  // Every key has some: they were not told.
  result.bytes = moved.keys_moved > 0 && moved.bytes_moved == 0 ? -1 : moved.bytes_moved;
  result.interrupted = session.interrupted() && result.slots < plan.slots();
  result.elapsed_ms = now_ms() - begin_ms;
  return result;
}

}  // namespace keyway::admin
