// Finds out which replicas may answer reads: asks all nodes how far they are, and in `nearest` how far away
// they are. A thread of its own; tells the board. Apart from the scout, which a silent node must not hold up.
#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "engine/servers.h"
#include "proxy/board.h"
#include "proxy/read_plan.h"

namespace keyway::proxy {

// The last round trips to a node. The least of them counts, since whatever disturbs one makes it longer.
class RoundTrips {
 public:
  void note(int64_t took_us) {
    us_[noted_ % us_.size()] = took_us;
    ++noted_;
  }
  // -1: there is none.
  int64_t least_us() const {
    auto end = us_.begin() + static_cast<std::ptrdiff_t>(std::min(noted_, us_.size()));
    return noted_ == 0 ? -1 : *std::min_element(us_.begin(), end);
  }

 private:
  std::array<int64_t, 8> us_{};
  size_t noted_ = 0;
};

class ReplicaScout {
 public:
  ReplicaScout(Board& board, ReadOptions options);
  ReplicaScout(const ReplicaScout&) = delete;
  ReplicaScout& operator=(const ReplicaScout&) = delete;
  ~ReplicaScout();

  // Nothing is done if reads are to be answered by primaries.
  void start();

 private:
  void run();
  void look(engine::Servers& servers);
  NodeLooks ask_all(engine::Servers& servers, const Topology& topology);
  void measure(engine::Servers& servers, NodeLooks& looks);
  // False: it is to end.
  bool pause();

  Board& board_;
  const ReadOptions options_;
  std::map<Address, LagHistory> histories_;
  std::map<Address, RoundTrips> round_trips_;
  Address measured_last_;
  ReadPlan plan_;  // as the board has it
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace keyway::proxy
