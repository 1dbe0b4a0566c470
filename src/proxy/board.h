// What all threads of a proxy know together: the topology that the scout has found, the commands that the
// servers have, what the proxy is told to do, how many clients there are, whether it is time to end. Any
// thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/tls.h"
#include "proxy/options.h"
#include "proxy/read_plan.h"
#include "proxy/topology.h"
#include "resp/command_table.h"

namespace keyway::proxy {

class Board {
 public:
  struct News {
    std::shared_ptr<const Topology> topology;              // null: none is known yet
    std::shared_ptr<const resp::CommandTable> commands;    // null: the built-in ones
    std::shared_ptr<const ReadPlan> reads;                 // null: primaries answer all reads
    std::shared_ptr<const engine::TlsContext> client_tls;  // null: plainly
    std::shared_ptr<const engine::TlsContext> server_tls;
    std::shared_ptr<const ProxyOptions> options;
    bool draining = false;
  };

  explicit Board(const ProxyOptions& options) { news_.options = std::make_shared<ProxyOptions>(options); }

  // `wake_fd`, an eventfd, is written to whenever there are news. Before the threads begin.
  void add_reader(int wake_fd) { readers_.push_back(wake_fd); }

  News news() const;
  void set_topology(std::shared_ptr<const Topology> topology);
  void set_commands(std::shared_ptr<const resp::CommandTable> commands);
  void set_reads(std::shared_ptr<const ReadPlan> reads);
  // How new connections of clients and to servers are spoken over.
  void set_tls(std::shared_ptr<const engine::TlsContext> of_clients,
               std::shared_ptr<const engine::TlsContext> of_servers);
  void set_options(std::shared_ptr<const ProxyOptions> options);
  void drain();

  // Whether one more client may come in, which is one until client_left().
  bool admit_client(size_t max_clients);
  size_t clients() const { return clients_.load(std::memory_order_relaxed); }
  void client_left() { clients_.fetch_sub(1, std::memory_order_relaxed); }

  // For the scout: somebody wants a fresh topology. Any number of times.
  void ask_to_look();
  // Waits until somebody asks, or for `timeout_ms`; false: it is to end.
  bool wait_to_look(int64_t timeout_ms);
  // Waits for `time_ms` whoever asks; false: it is to end.
  bool pause_scout(int64_t time_ms);
  void end_scout();

 private:
  void tell();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  News news_;
  std::vector<int> readers_;
  std::atomic<size_t> clients_ = 0;
  std::atomic<bool> look_ = false;
  bool scout_ends_ = false;
};

}  // namespace keyway::proxy
