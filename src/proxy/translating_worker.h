// The thread of a translating proxy: a listener for each node of the cluster, and the passages of the clients
// that came by them. One thread; node_map(), stats() and ready() from any.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "proxy/board.h"
#include "proxy/passage.h"

namespace keyway::proxy {

class TranslatingWorker : private Passages {
 public:
  // `first_listener` is where the first node will be; the next ones take the ports above it (any, if
  // `any_port`).
  TranslatingWorker(Board& board, const Limits& limits, const Address& listen, bool any_port,
                    int first_listener);
  TranslatingWorker(const TranslatingWorker&) = delete;
  TranslatingWorker& operator=(const TranslatingWorker&) = delete;
  ~TranslatingWorker() override;

  const Stats& stats() const { return stats_; }
  // As of the last topology; null: none is known yet.
  std::shared_ptr<const NodeMap> node_map() const;

  void start();
  void join();

 private:
  // A node's listener.
  struct Door : Pollable {
    Door(TranslatingWorker& owner, Address node) : worker(owner), real(std::move(node)) {}
    void ready(const Readiness&) override { worker.accept_clients(*this); }
    TranslatingWorker& worker;
    Address real;
    int fd = -1;
    uint16_t port = 0;
  };
  struct Waking : Pollable {
    explicit Waking(TranslatingWorker& owner) : worker(owner) {}
    void ready(const Readiness&) override { worker.take_news(); }
    TranslatingWorker& worker;
  };

  void run();
  void take_news();
  void take_topology(const Topology& topology);
  void close_other_doors(const Topology& topology);
  void open_door(const TopologyNode& node);
  int free_listener(uint16_t& port);
  void shut(Door& door);
  void close_doors();
  void publish(const Topology& topology);
  void accept_clients(Door& door);
  void begin_drain();
  void check_ages();
  void closed(Passage& passage) override;
  const NodeMap& nodes() const override { return *map_; }
  void look_again() override { board_.ask_to_look(); }

  Board& board_;
  std::shared_ptr<const Detours> detours_;
  const Limits& limits_;
  const Address listen_;
  const bool any_port_;
  int first_listener_;
  int next_port_;
  int wake_fd_;
  Stats stats_;
  Loop loop_;
  Waking waking_;
  const Topology* topology_ = nullptr;
  std::map<std::string, std::unique_ptr<Door>> doors_;  // by the node's id
  std::map<std::string, uint16_t> reserved_;            // ports of nodes that were forgotten, by id
  std::unordered_map<Passage*, std::unique_ptr<Passage>> passages_;
  mutable std::mutex map_mutex_;  // around map_, which this thread alone changes
  std::shared_ptr<const NodeMap> map_;
  bool draining_ = false;
  int64_t drained_by_ms_ = 0;
  int64_t checked_at_ms_ = 0;
  std::vector<std::unique_ptr<Door>> closed_doors_;  // until the end of the turn
  std::thread thread_;
};

}  // namespace keyway::proxy
